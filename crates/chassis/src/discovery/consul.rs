//! Consul: instances by blocking queries to the local agent, registration with a check that this
//! process passes itself.
//!
//! A process tells the agent every [`LOOK_AFTER`] that it lives. So the agent needs no way to it, and no
//! certificate where services demand one; one that hangs or dies is left out after [`ALIVE_FOR`].
//!
//! Without Consul news is lost, never a service: the last known list stays, and
//! `fairlead_discovery_up` says so. An agent that forgot this process (it restarted without its data) is
//! told again within [`LOOK_AFTER`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Instance, Instances, Registration, Scheme, ServiceRegistry, note_unanswered, update};
use crate::Error;
use crate::back_off::BackOff;
use crate::endpoint::endpoint;
use crate::tls::ClientTls;

/// The time for which a blocking query waits for a change; Consul adds up to a sixteenth.
const WAIT: Duration = Duration::from_secs(30);
/// The longest that every other call may take.
const CALL_LIMIT: Duration = Duration::from_secs(2);
/// The first pause after a failed call; they double up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The time between two signs of life, which also find out whether the agent has forgotten.
const LOOK_AFTER: Duration = Duration::from_millis(500);
/// The time for which a sign of life holds, seconds.
const ALIVE_FOR: u64 = 4;
/// The longest that a withdrawal may take: a drain does not wait for a registry that is away.
const WITHDRAW_LIMIT: Duration = Duration::from_secs(1);

/// Services known to a Consul agent.
#[derive(Debug)]
pub struct ConsulRegistry {
    agent: Agent,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// A Consul agent, and what it knows of.
#[derive(Debug, Clone)]
pub struct ConsulOptions {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// The ACL token; may be empty.
    pub token: String,
    /// The authorities of an agent at `https://`, PEM; empty: those of the system.
    pub ca_file: PathBuf,
    /// The scheme of the instances.
    pub scheme: Scheme,
}

impl ConsulRegistry {
    /// Creates a registry over an agent. Its tasks run in `tasks` until `shutdown`.
    ///
    /// # Errors
    /// The URL does not read, or the authorities cannot be used.
    pub fn new(
        options: &ConsulOptions,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Result<Self, Error> {
        let client = AgentClient::new(options)?;
        Ok(Self {
            agent: Agent {
                url: options.url.trim_end_matches('/').into(),
                token: options.token.as_str().into(),
                client,
                scheme: options.scheme,
            },
            tasks,
            shutdown,
        })
    }
}

impl ServiceRegistry for ConsulRegistry {
    fn follow(&self, service: &'static str) -> Result<Instances, Error> {
        let (list, instances) = watch::channel::<Arc<[Instance]>>(Arc::default());
        let (agent, shutdown) = (self.agent.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            shutdown
                .run_until_cancelled(agent.follow(service, &list))
                .await;
        });
        Ok(instances)
    }

    fn announce(
        &self,
        registration: Registration,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        let agent = self.agent.clone();
        async move {
            shutdown
                .run_until_cancelled(agent.look_after(&registration))
                .await;
            agent.withdraw(&registration).await;
        }
        .boxed()
    }
}

/// The agent of this machine.
#[derive(Debug, Clone)]
struct Agent {
    url: Arc<str>,
    token: Arc<str>,
    client: AgentClient,
    scheme: Scheme,
}

/// Connections to the agent.
#[derive(Debug, Clone)]
enum AgentClient {
    Plaintext(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl AgentClient {
    fn new(options: &ConsulOptions) -> Result<Self, Error> {
        let builder = Client::builder(TokioExecutor::new());
        let scheme = endpoint(&options.url)?.uri().scheme().cloned();
        if scheme != Some(http::uri::Scheme::HTTPS) {
            return Ok(Self::Plaintext(builder.build_http()));
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let tls = ClientTls::to_host("discovery.consul_ca_file", &options.ca_file)?;
        Ok(Self::Tls(builder.build(tls.http1(tcp))))
    }

    fn request(&self, request: http::Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plaintext(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

/// An answer: status, the index of a blocking query, the body.
struct Answer {
    status: StatusCode,
    index: u64,
    body: Bytes,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One row of `/v1/health/service`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    /// Empty: that of the node.
    address: String,
    port: u16,
    meta: Option<std::collections::BTreeMap<String, String>>,
}

impl Entry {
    fn instance(self, scheme: Scheme) -> Instance {
        let Self { node, service } = self;
        let host = if service.address.is_empty() {
            node.address
        } else {
            service.address
        };
        let mut meta = service.meta.unwrap_or_default();
        let mut told = |key: &str| meta.remove(key).unwrap_or_default();
        Instance {
            id: service.id,
            address: scheme.address(format_args!("{host}:{}", service.port)),
            version: told("version"),
            zone: told("zone"),
        }
    }
}

impl Agent {
    /// Puts every change into `list`, for ever.
    async fn follow(&self, service: &'static str, list: &watch::Sender<Arc<[Instance]>>) {
        let mut index = 0_u64;
        let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.instances(service, index).await {
                Ok((found, next)) => {
                    update(service, list, found);
                    back_off.reset();
                    // An index that went back is of a Consul that began anew: ask without one.
                    index = if next < index { 0 } else { next };
                }
                Err(error) => {
                    note_unanswered(service);
                    tracing::warn!(service, %error, "consul does not answer, the last known instances stay");
                    index = 0;
                    back_off.pause().await;
                }
            }
        }
    }

    /// Returns the healthy instances once they are newer than `index`, and their index.
    async fn instances(&self, service: &str, index: u64) -> Result<(Vec<Instance>, u64), Failure> {
        let wait = WAIT.as_secs();
        let path =
            format!("/v1/health/service/fairlead-{service}?passing=1&index={index}&wait={wait}s");
        let limit = WAIT + WAIT / 16 + CALL_LIMIT;
        let answer = self
            .call(Method::GET, &path, Bytes::new(), limit)
            .await?
            .ok()?;
        let entries: Vec<Entry> = serde_json::from_slice(&answer.body)?;
        let found = entries.into_iter().map(|entry| entry.instance(self.scheme));
        Ok((found.collect(), answer.index))
    }

    /// Registers, and again whenever the agent has forgotten.
    async fn look_after(&self, registration: &Registration) {
        let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.ensure(registration).await {
                Ok(()) => {
                    back_off.reset();
                    tokio::time::sleep(LOOK_AFTER).await;
                }
                Err(error) => {
                    let service = registration.service;
                    tracing::warn!(service, %error, "cannot be registered with consul");
                    back_off.pause().await;
                }
            }
        }
    }

    /// Tells the agent that this process lives, and who it is where the agent does not know.
    async fn ensure(&self, registration: &Registration) -> Result<(), Failure> {
        let path = format!("/v1/agent/check/pass/service:{}", registration.id());
        let passed = self
            .call(Method::PUT, &path, Bytes::new(), CALL_LIMIT)
            .await?;
        if passed.status.is_success() {
            return Ok(());
        }
        let body = serde_json::to_vec(&definition(registration))?;
        let path = "/v1/agent/service/register?replace-existing-checks=true";
        self.call(Method::PUT, path, body.into(), CALL_LIMIT)
            .await?
            .ok()?;
        tracing::info!(service = registration.service, "registered with consul");
        Ok(())
    }

    async fn withdraw(&self, registration: &Registration) {
        let path = format!("/v1/agent/service/deregister/{}", registration.id());
        let done = self
            .call(Method::PUT, &path, Bytes::new(), WITHDRAW_LIMIT)
            .await;
        if let Err(error) = done.and_then(Answer::ok) {
            // Consul finds it out by the health check, and forgets the service after a minute.
            tracing::warn!(service = registration.service, %error, "not withdrawn from consul");
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("x-consul-token", &*self.token);
        }
        let request = request.body(Full::new(body))?;
        let asking = async {
            let answer = self.client.request(request).await?;
            let index = answer.headers().get("x-consul-index");
            let index = index.and_then(|value| value.to_str().ok()?.parse().ok());
            Ok::<_, Failure>(Answer {
                status: answer.status(),
                index: index.unwrap_or(0),
                body: answer.into_body().collect().await?.to_bytes(),
            })
        };
        tokio::time::timeout(limit, asking).await?
    }
}

impl Answer {
    fn ok(self) -> Result<Self, Failure> {
        if self.status.is_success() {
            return Ok(self);
        }
        let said: String = String::from_utf8_lossy(&self.body)
            .chars()
            .take(200)
            .collect();
        Err(format!("{}: {said}", self.status).into())
    }
}

/// Returns the registration of an instance as Consul takes it. It begins as passing: a process announces
/// itself once it can serve.
fn definition(registration: &Registration) -> serde_json::Value {
    let Registration {
        service,
        host,
        port,
        version,
        zone,
    } = registration;
    serde_json::json!({
        "ID": registration.id(),
        "Name": format!("fairlead-{service}"),
        "Address": host,
        "Port": port,
        "Meta": { "version": version, "zone": zone },
        "Check": {
            "Name": "signs of life",
            "TTL": format!("{ALIVE_FOR}s"),
            "Status": "passing",
            // The shortest that Consul takes.
            "DeregisterCriticalServiceAfter": "1m",
        },
    })
}
