//! Names in DNS, as Kubernetes gives them to headless services: every address is an instance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Instance, Instances, Registration, Scheme, ServiceRegistry, note_unanswered, update};
use crate::Error;

/// Services behind names that are looked up again and again.
#[derive(Debug)]
pub struct DnsRegistry {
    names: DnsNames,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// The names, and how they are used.
#[derive(Debug, Clone)]
pub struct DnsNames {
    /// Names, `host:port`, by service.
    pub services: BTreeMap<String, Vec<String>>,
    /// The time between two look-ups.
    pub refresh: Duration,
    /// The scheme of the addresses that they stand for.
    pub scheme: Scheme,
}

impl DnsRegistry {
    /// Looks names up in `tasks` until `shutdown`.
    pub fn new(names: DnsNames, tasks: TaskTracker, shutdown: CancellationToken) -> Self {
        Self {
            names,
            tasks,
            shutdown,
        }
    }
}

/// Returns host and port of `host:port`, or `None` where it does not read.
pub(super) fn split(name: &str) -> Option<(&str, u16)> {
    let (host, port) = name.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    (!host.is_empty() && !host.contains('/') && port != 0).then_some((host, port))
}

impl ServiceRegistry for DnsRegistry {
    fn follow(&self, service: &'static str) -> Result<Instances, Error> {
        let names = self
            .names
            .services
            .get(service)
            .cloned()
            .unwrap_or_default();
        if names.is_empty() {
            let example = "[\"fairlead-ranking:7004\"]";
            return Err(Error::NoAddress { service, example });
        }
        let (list, instances) = watch::channel::<Arc<[Instance]>>(Arc::default());
        let (refresh, scheme) = (self.names.refresh, self.names.scheme);
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            let looking = async {
                loop {
                    look_up(service, &names, scheme, &list).await;
                    tokio::time::sleep(refresh.mul_f64(rand::random_range(0.8..=1.0))).await;
                }
            };
            shutdown.run_until_cancelled(looking).await;
        });
        Ok(instances)
    }

    fn announce(&self, _: Registration, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        async move { shutdown.cancelled().await }.boxed()
    }
}

/// Looks up every address of every name. A name that cannot be looked up keeps the list as it was:
/// half a list would put all load on the other half.
async fn look_up(
    service: &'static str,
    names: &[String],
    scheme: Scheme,
    list: &watch::Sender<Arc<[Instance]>>,
) {
    let mut found = Vec::new();
    for name in names {
        match tokio::net::lookup_host(name.as_str()).await {
            Ok(addresses) => {
                found.extend(addresses.map(|address| Instance::at(scheme.address(address))));
            }
            Err(error) => {
                tracing::warn!(service, name, %error, "name cannot be looked up");
                return note_unanswered(service);
            }
        }
    }
    update(service, list, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_host_and_a_port() {
        assert_eq!(
            split("fairlead-ranking:7004"),
            Some(("fairlead-ranking", 7004))
        );
        for bad in [
            "",
            "ranking",
            ":7004",
            "ranking:",
            "ranking:0",
            "http://ranking:7004",
            "r:99999",
        ] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_an_instance() {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        for (scheme, expected) in [
            (Scheme::Http, "http://127.0.0.1:7004"),
            (Scheme::Https, "https://127.0.0.1:7004"),
        ] {
            let services =
                BTreeMap::from([("ranking".to_owned(), vec!["localhost:7004".to_owned()])]);
            let refresh = Duration::from_millis(10);
            let names = DnsNames {
                services,
                refresh,
                scheme,
            };
            let registry = DnsRegistry::new(names, tasks.clone(), shutdown.clone());
            let mut instances = registry.follow("ranking").expect("a name");
            let found = instances
                .wait_for(|list| !list.is_empty())
                .await
                .expect("followed")
                .clone();
            assert!(found.iter().any(|one| one.address == expected), "{found:?}");
            let absent = registry.follow("recall").expect_err("no name").to_string();
            assert!(absent.contains("discovery.services.recall"), "{absent}");
        }
        shutdown.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
