//! Addresses from the configuration: they never change, and announcing a process does nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Instance, Instances, Registration, Scheme, ServiceRegistry, update};
use crate::Error;

/// Services at fixed addresses.
#[derive(Debug)]
pub struct FixedRegistry {
    services: BTreeMap<String, Vec<String>>,
    scheme: Scheme,
}

impl FixedRegistry {
    /// Addresses by service, `host:port` or URLs; those without a scheme get `scheme`.
    pub fn new(services: BTreeMap<String, Vec<String>>, scheme: Scheme) -> Self {
        Self { services, scheme }
    }
}

/// Returns the URL of an address that may have a scheme.
pub(super) fn url(address: &str, scheme: Scheme) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    scheme.address(address)
}

impl ServiceRegistry for FixedRegistry {
    fn follow(&self, service: &'static str) -> Result<Instances, Error> {
        let addresses = self.services.get(service).map(Vec::as_slice);
        let addresses = addresses.filter(|some| !some.is_empty());
        let addresses = addresses.ok_or(Error::NoAddress {
            service,
            example: "[\"127.0.0.1:7004\"]",
        })?;
        let (list, instances) = watch::channel::<Arc<[Instance]>>(Arc::default());
        let instances_at = addresses
            .iter()
            .map(|address| Instance::at(url(address, self.scheme)));
        update(service, &list, instances_at.collect());
        Ok(instances)
    }

    fn announce(&self, _: Registration, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        async move { shutdown.cancelled().await }.boxed()
    }
}
