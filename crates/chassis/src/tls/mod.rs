//! TLS: what this process shows of itself, whom it trusts, and who the other end must be.
//!
//! # Identity
//! The certificate of a process names its service by one URI among its alternative names,
//! `spiffe://TRUST-DOMAIN/fairlead/SERVICE`. A caller of `pricing` accepts a certificate that names
//! `pricing` and no other, at whatever address discovery found it; a listener that asks for client
//! certificates accepts those that name a service, and tells handlers which one
//! ([`crate::peer::Peer`]). People and apps check the host name in the URL, as browsers do.
//!
//! # Invariants
//! - Every handshake goes by the files as they were when last looked at. Connections that are open
//!   stay open when the files change; files that cannot be used change nothing.
//! - Where TLS is configured, nothing falls back to plaintext: a link refuses an `http://` address, a
//!   listener a plaintext caller.

mod accept;
mod client;
mod config;
mod explain;
mod identity;
mod material;
mod plaintext;
mod verify;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, version};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use accept::ListenerTls;
pub use client::{ClientTls, PeopleTls};
pub use config::{ClientCertificates, Plaintext, PublicCertificate, TlsConfig};

use crate::Error;
use material::{Contents, Material};
use verify::{CallerVerifier, Shows};

/// The TLS of a process. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    shared: Arc<Shared>,
}

struct Shared {
    config: TlsConfig,
    /// The service that the certificate of this process must name.
    service: Option<&'static str>,
    provider: Arc<CryptoProvider>,
    material: ArcSwap<Material>,
    seen: Mutex<Seen>,
}

/// The certificate that a listener shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// That of the process.
    Own,
    /// The public one, or that of the process where there is none.
    Public,
}

/// The files as they were when last looked at.
struct Seen {
    /// Their contents, or why they cannot be read.
    files: Result<Contents, String>,
    /// Why they cannot be used, where that was not said yet.
    complaint: Option<String>,
}

impl Tls {
    /// Reads the configured files. `service` is what the certificate of this process must name;
    /// `None` where it makes no links.
    ///
    /// # Errors
    /// A file cannot be read or used; the error names its key, its path and what is wrong.
    pub fn open(config: &TlsConfig, service: Option<&'static str>) -> Result<Self, Error> {
        let provider = ring();
        let contents = Material::read(config)?;
        let material = Material::of(&contents, config, service, &provider)?;
        let shared = Shared {
            config: config.clone(),
            service,
            provider,
            material: ArcSwap::from_pointee(material),
            seen: Mutex::new(Seen {
                files: Ok(contents),
                complaint: None,
            }),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns the TLS of a listener, or `None` where none is configured for it.
    pub fn listener(&self, name: &'static str, shown: Shown) -> Option<ListenerTls> {
        let shared = &self.shared;
        let material = shared.material.load();
        if material.own.is_none() && (shown == Shown::Own || material.public.is_none()) {
            return None;
        }
        let demand = match material.own {
            Some(_) => shared.config.demand(name),
            // Without authorities no certificate can be checked.
            None => ClientCertificates::None,
        };
        let config = server_config(shared, demand, shown);
        Some(ListenerTls::new(name, config, shared.config.clone()))
    }

    /// Returns the TLS of links to a service, or `None` where links are plaintext.
    pub fn link(&self, service: &'static str) -> Option<ClientTls> {
        self.shared.material.load().own.as_ref()?;
        Some(ClientTls::to_service(&self.shared, service))
    }

    /// Looks at the files again and again until `shutdown`, and takes them when they have changed.
    /// Files that cannot be used are left alone, and said once.
    pub async fn follow_files(self, shutdown: CancellationToken) {
        self.tell();
        let mut due = tokio::time::interval(self.shared.config.reload());
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(due.tick()).await.is_some() {
            let tls = self.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || tls.look()).await {
                tracing::error!(%error, "looking at certificates died");
            }
        }
    }

    /// Sets the metrics of the certificates in use.
    fn tell(&self) {
        metrics::gauge!("fairlead_tls_files_refused").set(0.0);
        let material = self.shared.material.load();
        for (shown, expires) in material.expiries(&self.shared.provider) {
            let gauge = metrics::gauge!(
                "fairlead_tls_certificate_expires_timestamp_seconds", "shown" => shown
            );
            gauge.set(expires as f64);
        }
    }

    /// Looks once.
    fn look(&self) {
        let Shared {
            config,
            service,
            provider,
            material,
            seen,
        } = &*self.shared;
        let now = Material::read(config).map_err(|error| error.to_string());
        let mut seen = seen.lock();
        if seen.files == now {
            // Only now: files that differ from look to look are in the middle of being replaced.
            if let Some(error) = seen.complaint.take() {
                count_reload("refused");
                metrics::gauge!("fairlead_tls_files_refused").set(1.0);
                tracing::error!(error, "new certificates cannot be used, the old ones stay");
            }
            return;
        }
        let taken = now.as_ref().map_err(Clone::clone).and_then(|contents| {
            let taken = Material::of(contents, config, *service, provider);
            taken.map_err(|error| error.to_string())
        });
        let complaint = match taken {
            Ok(taken) => {
                material.store(Arc::new(taken));
                count_reload("taken");
                self.tell();
                tracing::info!("certificates read again");
                None
            }
            Err(error) => Some(error),
        };
        *seen = Seen {
            files: now,
            complaint,
        };
    }
}

/// Returns why a call failed, in words, and counts it where TLS is the cause.
pub(crate) fn told(service: &'static str, error: &(dyn std::error::Error + 'static)) -> String {
    let Some((cause, said)) = explain::found_in(error) else {
        return explain::chain(error);
    };
    let cause = cause.label();
    metrics::counter!("fairlead_tls_failures_total", "service" => service, "cause" => cause)
        .increment(1);
    format!("TLS: {said}")
}

fn count_reload(outcome: &'static str) {
    metrics::counter!("fairlead_tls_reloads_total", "outcome" => outcome).increment(1);
}

fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// HTTP/2 and HTTP/1.1, as servers are asked for them.
fn protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

fn server_config(shared: &Arc<Shared>, demand: ClientCertificates, shown: Shown) -> ServerConfig {
    let versions: &[_] = match shown {
        Shown::Own => &[&version::TLS13],
        Shown::Public => &[&version::TLS13, &version::TLS12],
    };
    let builder = ServerConfig::builder_with_provider(shared.provider.clone())
        .with_protocol_versions(versions)
        .expect("ring has ciphers for both versions");
    let shows = Arc::new(Shows {
        shared: shared.clone(),
        shown,
    });
    let mut config = if demand == ClientCertificates::None {
        builder.with_no_client_auth().with_cert_resolver(shows)
    } else {
        let verifier = Arc::new(CallerVerifier {
            shared: shared.clone(),
            demand,
        });
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(shows);
        // A session that is taken up again is not checked again; links live long enough without.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config
    };
    config.alpn_protocols = protocols();
    config
}
