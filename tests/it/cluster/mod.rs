//! The cluster form: real processes on real Kafka, Redis, Consul and PostgreSQL.
//!
//! One cluster serves every test here, one test at a time: each puts back what it took away. After a
//! test that failed the next one gets a cluster of its own.

mod consul;
mod equality;
mod faults;
mod redis_cluster;
mod releases;
mod start;
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

use crate::house::runtime;
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

/// A cluster with its population, and the same house in this process.
struct Furnished {
    cluster: Cluster,
    reference: Reference,
    /// Between every process and Redis; Kafka has its own.
    redis: SlowProxy,
    /// Between the control planes and their database.
    postgres: SlowProxy,
    spans: Receiver,
    gateway: Link,
}

async fn furnished() -> anyhow::Result<Furnished> {
    let spans = Receiver::start().await?;
    let settings = [
        // Tests run beside each other on few cores: they ask what is answered, not how fast.
        ("GATEWAY__DEADLINE_MS", "20000"),
        ("GATEWAY__ALLOW_AS_OF", "true"),
        ("RECALL__REFRESH_MS", "1000"),
        ("RANKING__REFRESH_MS", "1000"),
        ("TELEMETRY__TRACE_SHARE", "0"),
        ("TELEMETRY__OTLP", spans.url()),
    ];
    let mut cluster = Cluster::lay(&settings)?;
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
    let reference = Reference::furnish(&cluster, CUSTOMERS, EVENTS, Bars::hidden()).await?;
    tokio::task::block_in_place(|| cluster.until_ready())?;
    let gateway = cluster.link("gateway")?;
    Ok(Furnished {
        cluster,
        reference,
        redis,
        postgres,
        spans,
        gateway,
    })
}

impl Furnished {
    /// A slate of the cluster, within `limit`.
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

    /// A customer of the population.
    fn customer(&self) -> String {
        self.reference.customers[7].clone()
    }

    /// Asks until an answer comes with nothing degraded.
    async fn until_whole(&self) {
        let customer = self.customer();
        let whole = async {
            loop {
                let answer = self.recommend(&customer, Duration::from_secs(20)).await;
                if answer.is_ok_and(|answer| answer.degraded.is_empty()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let limit = fairlead_tests::cluster::PATIENCE;
        tokio::time::timeout(limit, whole)
            .await
            .expect("whole answers again");
    }
}

/// Runs a test on the cluster.
fn with<T>(test: impl AsyncFnOnce(&mut Furnished) -> T) -> T {
    static SHARED: Mutex<Option<Furnished>> = Mutex::const_new(None);
    runtime().block_on(async {
        let mut shared = SHARED.lock().await;
        // Not put back by a test that fails: what it took away would fail the next one as well.
        let mut furnished = match shared.take() {
            Some(furnished) => furnished,
            None => furnished().await.expect("a cluster"),
        };
        let answer = test(&mut furnished).await;
        *shared = Some(furnished);
        answer
    })
}

/// What was degraded, as "stage (cause)".
fn degraded(answer: &RecommendResponse) -> Vec<String> {
    let parts = answer.degraded.iter();
    parts
        .map(|one| format!("{} ({})", one.stage, one.cause))
        .collect()
}
