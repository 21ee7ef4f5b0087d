//! A load: several callers, each requesting one recommendation after the other, and a tally of the
//! answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_proto::gateway::v1::RecommendRequest;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The deadline of one request.
const LIMIT: Duration = Duration::from_secs(10);

/// Counts of requests by outcome.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Requests that have ended, successfully or not.
    pub requests: u64,
    /// The errors of those that failed.
    pub failed: Vec<String>,
    /// Answers by degraded stage and cause: "ranking (unavailable)".
    pub degraded: BTreeMap<String, u64>,
    /// Answers without a product.
    pub empty: u64,
}

impl Tally {
    /// Returns the number of degraded answers.
    pub fn degraded(&self) -> u64 {
        self.degraded.values().sum()
    }

    /// Returns the difference to an earlier tally.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let degraded = self.degraded.iter().map(|(what, count)| {
            let earlier = before.degraded.get(what).copied().unwrap_or_default();
            (what.clone(), count - earlier)
        });
        Self {
            requests: self.requests - before.requests,
            failed: self.failed[before.failed.len()..].to_vec(),
            degraded: degraded.filter(|(_, count)| *count > 0).collect(),
            empty: self.empty - before.empty,
        }
    }
}

/// Callers that send requests until they are stopped.
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    callers: JoinSet<()>,
    stop: CancellationToken,
}

impl Load {
    /// Starts `callers` callers on a link; each requests recommendations for one customer after the
    /// other.
    pub fn start(gateway: &Link, customers: &[String], callers: usize) -> Self {
        let load = Self {
            tally: Arc::default(),
            callers: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        load.with_callers(gateway, customers, callers)
    }

    fn with_callers(mut self, gateway: &Link, customers: &[String], callers: usize) -> Self {
        for caller in 0..callers {
            let mut client = RecommendServiceClient::new(gateway.clone());
            let mine: Vec<String> = customers
                .iter()
                .skip(caller)
                .step_by(callers)
                .cloned()
                .collect();
            let (tally, stop) = (Arc::clone(&self.tally), self.stop.clone());
            self.callers.spawn(async move {
                for customer in mine.iter().cycle() {
                    if stop.is_cancelled() {
                        return;
                    }
                    ask(&mut client, customer, &tally).await;
                }
            });
        }
        self
    }

    /// Returns the tally so far.
    pub fn tally(&self) -> Tally {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until at least `requests` more requests have ended.
    pub async fn more(&self, requests: u64) {
        let until = self.tally().requests + requests;
        while self.tally().requests < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until `requests` in a row were answered with nothing degraded.
    pub async fn clean(&self, requests: u64) {
        let mut mark = self.tally();
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = self.tally();
            let since = now.since(&mark);
            if since.degraded() > 0 || !since.failed.is_empty() {
                mark = now;
            } else if since.requests >= requests {
                return;
            }
        }
    }

    /// Stops the callers, each after its answer. Returns the tally.
    pub async fn stop(mut self) -> Tally {
        self.stop.cancel();
        while self.callers.join_next().await.is_some() {}
        self.tally()
    }
}

async fn ask(client: &mut RecommendServiceClient<Link>, customer: &str, tally: &Mutex<Tally>) {
    let mut request = tonic::Request::new(RecommendRequest {
        customer_id: customer.to_owned(),
        slate_size: 5,
        ..RecommendRequest::default()
    });
    request.set_timeout(LIMIT);
    let answer = client.recommend(request).await;
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tally.requests += 1;
    match answer {
        Ok(answer) => {
            let answer = answer.into_inner();
            tally.empty += u64::from(answer.items.is_empty());
            let parts = answer.degraded.iter();
            let parts: Vec<String> = parts
                .map(|one| format!("{} ({})", one.stage, one.cause))
                .collect();
            if !parts.is_empty() {
                *tally.degraded.entry(parts.join(", ")).or_default() += 1;
            }
        }
        Err(status) => tally
            .failed
            .push(format!("{:?}: {}", status.code(), status.message())),
    }
}
