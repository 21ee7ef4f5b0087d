//! The cluster form: real processes on real Kafka, Redis, Consul and PostgreSQL.
//!
//! One cluster serves every test here, one test at a time: each restores what it took away. After a
//! test that failed the next one gets a new cluster.

mod access;
mod consul;
mod equality;
mod faults;
mod redis_cluster;
mod releases;
mod rest;
mod start;
mod tls;
mod traces;

use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_client::terminal::Bars;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{RecommendRequest, RecommendResponse};
use fairlead_testkit::SlowProxy;
use fairlead_tests::cluster::{Cluster, Reference};
use tokio::sync::Mutex;
use tonic::{Request, Status};

use crate::fixture::runtime;
use traces::Receiver;

/// Instances of each service.
const LAYOUT: &[(&str, usize)] = &[
    ("gateway", 1),
    ("profile", 1),
    ("recall", 1),
    ("ranking", 2),
    ("pricing", 1),
    ("control", 2),
    ("stream", 1),
];
const CUSTOMERS: usize = 600;
const EVENTS: usize = 8_000;

/// A cluster with its population, and the same services in this process.
struct ClusterFixture {
    cluster: Cluster,
    reference: Reference,
    /// Between every process and Redis. Kafka has a proxy of its own.
    redis: SlowProxy,
    /// Between the control planes and their database.
    postgres: SlowProxy,
    spans: Receiver,
    gateway: Link,
}

/// Starts a cluster and sets it up.
async fn start_cluster() -> anyhow::Result<ClusterFixture> {
    let spans = Receiver::start().await?;
    let settings = [
        // Tests run beside each other on few cores, and assert on answers, not on speed.
        ("GATEWAY__DEADLINE_MS", "20000"),
        ("GATEWAY__ALLOW_AS_OF", "true"),
        ("RECALL__REFRESH_MS", "1000"),
        ("RANKING__REFRESH_MS", "1000"),
        ("TELEMETRY__TRACE_SHARE", "0"),
        ("TELEMETRY__OTLP", spans.url()),
    ];
    let mut cluster = Cluster::start_servers(&settings)?;
    let redis = SlowProxy::to(cluster.servers.redis.addr())?;
    cluster.set("REDIS__URL", &format!("redis://{}", redis.addr()));
    let kafka = cluster.servers.kafka.proxy().addr();
    cluster.set("EVENTS__KAFKA", &kafka.to_string());
    let postgres = SlowProxy::to(cluster.servers.postgres.addr())?;
    let direct = cluster.servers.postgres.addr().to_string();
    let database = cluster.setting("CONTROL__DATABASE").to_owned();
    let database = database.replace(&direct, &postgres.addr().to_string());
    cluster.set("CONTROL__DATABASE", &database);
    for (service, count) in LAYOUT {
        for number in 1..=*count {
            cluster.start(service, number)?;
        }
    }
    let reference = Reference::start(&cluster, CUSTOMERS, EVENTS, Bars::hidden()).await?;
    tokio::task::block_in_place(|| cluster.until_ready())?;
    let gateway = cluster.link("gateway")?;
    Ok(ClusterFixture {
        cluster,
        reference,
        redis,
        postgres,
        spans,
        gateway,
    })
}

impl ClusterFixture {
    /// Requests a slate of the cluster, with the deadline `limit`.
    async fn recommend(
        &self,
        customer: &str,
        limit: Duration,
    ) -> Result<RecommendResponse, Status> {
        let mut request = Request::new(RecommendRequest {
            customer_id: customer.to_owned(),
            slate_size: 5,
            ..RecommendRequest::default()
        });
        request.set_timeout(limit);
        let mut client = RecommendServiceClient::new(self.gateway.clone());
        Ok(client.recommend(request).await?.into_inner())
    }

    /// Returns a customer of the population.
    fn customer(&self) -> String {
        self.reference.customers[7].clone()
    }

    /// Requests recommendations until one is answered with nothing degraded.
    async fn until_undegraded(&self) {
        let customer = self.customer();
        let undegraded = async {
            loop {
                let answer = self.recommend(&customer, Duration::from_secs(20)).await;
                if answer.is_ok_and(|answer| answer.degraded.is_empty()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let limit = fairlead_tests::cluster::PATIENCE;
        tokio::time::timeout(limit, undegraded)
            .await
            .expect("undegraded answers again");
    }
}

/// Runs a test on the cluster.
fn with<T>(test: impl AsyncFnOnce(&mut ClusterFixture) -> T) -> T {
    static SHARED: Mutex<Option<ClusterFixture>> = Mutex::const_new(None);
    runtime().block_on(async {
        let mut shared = SHARED.lock().await;
        // A test that fails does not put it back: what it took away would fail the next test as
        // well.
        let mut fixture = match shared.take() {
            Some(fixture) => fixture,
            None => start_cluster().await.expect("a cluster"),
        };
        let answer = test(&mut fixture).await;
        *shared = Some(fixture);
        answer
    })
}

/// Returns the degraded stages, as "stage (cause)".
fn degraded(answer: &RecommendResponse) -> Vec<String> {
    let parts = answer.degraded.iter();
    parts
        .map(|one| format!("{} ({})", one.stage, one.cause))
        .collect()
}
