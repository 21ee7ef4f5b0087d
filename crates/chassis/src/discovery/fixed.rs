//! Addresses from the configuration: they never change, and announcing a process does nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Instance, Instances, Registration, ServiceRegistry, update};
use crate::Error;

/// Services at fixed addresses.
#[derive(Debug)]
pub struct FixedRegistry {
    services: BTreeMap<String, Vec<String>>,
}

impl FixedRegistry {
    /// Addresses, `http://host:port`, by service.
    pub fn new(services: BTreeMap<String, Vec<String>>) -> Self {
        Self { services }
    }
}

impl ServiceRegistry for FixedRegistry {
    fn follow(&self, service: &'static str) -> Result<Instances, Error> {
        let addresses = self.services.get(service).map(Vec::as_slice);
        let addresses = addresses.filter(|some| !some.is_empty());
        let addresses = addresses.ok_or(Error::NoAddress {
            service,
            example: "[\"http://127.0.0.1:7004\"]",
        })?;
        let (list, instances) = watch::channel::<Arc<[Instance]>>(Arc::default());
        update(service, &list, addresses.iter().map(Instance::at).collect());
        Ok(instances)
    }

    fn announce(&self, _: Registration, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        async move { shutdown.cancelled().await }.boxed()
    }
}
