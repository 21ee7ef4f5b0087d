//! Calls balanced over the healthy instances of a service.
//!
//! - *Power of two choices*: of two instances taken at random, the one with fewer calls in flight.
//! - *One retry*, on another instance, inside the time that remains, and only of methods that the
//!   contracts declare safe to repeat (`idempotency_level`).
//! - *A retry budget*: a tenth of the calls of the last ten seconds, and ten a second besides, so
//!   that a service that is down is not asked twice as much.
//! - *Ejection*: an instance that failed [`member::STRIKES`] times in a row is left out for a
//!   second, then for twice as long, up to half a minute. Where all are out, all are in.

mod member;
mod safe;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{BoxError, Service};

use crate::deadline::{Deadline, timeout_of};
use crate::discovery::{Instance, Instances};
use crate::tls::ClientTls;
use member::Member;

/// The longest that a call waits for the first instance to be found, where its deadline allows more.
const FIRST_INSTANCE: Duration = Duration::from_secs(1);

/// A service that is called through whichever instance is best. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Balanced {
    pool: Arc<Pool>,
}

struct Pool {
    service: &'static str,
    instances: Mutex<Instances>,
    members: arc_swap::ArcSwap<Vec<Arc<Member>>>,
    budget: TpsBudget,
    tls: Option<ClientTls>,
}

impl Balanced {
    /// Balances over `instances`, reached by `tls` or in plaintext; must be called inside a tokio
    /// runtime.
    pub(crate) fn new(service: &'static str, instances: Instances, tls: Option<ClientTls>) -> Self {
        let pool = Pool {
            service,
            tls,
            members: arc_swap::ArcSwap::default(),
            instances: Mutex::new(instances),
            budget: TpsBudget::new(Duration::from_secs(10), 10, 0.1),
        };
        pool.renew(true);
        Self {
            pool: Arc::new(pool),
        }
    }
}

impl Pool {
    /// Takes the newest list. Members that stay keep their connections and their record.
    fn renew(&self, at_once: bool) {
        let mut instances = self.instances.lock();
        if !at_once && !instances.has_changed().unwrap_or(false) {
            return;
        }
        let list = instances.borrow_and_update().clone();
        let before = self.members.load_full();
        let same = |instance: &Instance| {
            before
                .iter()
                .find(|member| member.instance == *instance)
                .cloned()
        };
        let members = list.iter().filter_map(|instance| {
            same(instance).or_else(|| {
                match Member::new(self.service, instance.clone(), self.tls.as_ref()) {
                    Ok(member) => Some(Arc::new(member)),
                    Err(error) => {
                        tracing::error!(service = self.service, %error, "instance left out");
                        None
                    }
                }
            })
        });
        self.members.store(Arc::new(members.collect()));
    }

    /// Returns the best instance, another than `except` where there is another, or `None` if none is
    /// known.
    fn pick(&self, except: Option<&Arc<Member>>) -> Option<Arc<Member>> {
        self.renew(false);
        let members = self.members.load();
        let other =
            |member: &&Arc<Member>| except.is_none_or(|except| !Arc::ptr_eq(except, member));
        let now = std::time::Instant::now();
        let able: Vec<&Arc<Member>> = members
            .iter()
            .filter(other)
            .filter(|member| !member.is_ejected(now))
            .collect();
        if able.is_empty() {
            // All are out: an unlikely instance is better than a sure failure.
            let all: Vec<&Arc<Member>> = members.iter().filter(other).collect();
            return choose(&all).or_else(|| except.cloned());
        }
        choose(&able)
    }

    /// Waits for the first instance that discovery finds; returns `None` where it finds none in time.
    async fn first(&self, deadline: Option<Deadline>) -> Option<Arc<Member>> {
        let limit = deadline.map_or(FIRST_INSTANCE, |deadline| {
            deadline.remaining().min(FIRST_INSTANCE)
        });
        let mut instances = self.instances.lock().clone();
        let found = instances.wait_for(|list| !list.is_empty());
        // After a timeout, or once the registry ended, there is still none to pick.
        drop(tokio::time::timeout(limit, found).await);
        self.pick(None)
    }

    async fn call(self: Arc<Self>, request: http::Request<Body>) -> http::Response<Body> {
        let deadline = timeout_of(request.headers()).map(Deadline::after);
        let found = match self.pick(None) {
            Some(found) => Some(found),
            None => self.first(deadline).await,
        };
        let Some(first) = found else {
            return refuse(&Status::unavailable(format!(
                "no instance of {} is known",
                self.service
            )));
        };
        if !safe::to_repeat(request.uri().path()) {
            return match first.pass(request, deadline).await {
                Ok(response) => response,
                Err(status) => refuse(&status),
            };
        }
        self.budget.deposit();
        let (parts, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(status) => return refuse(&status),
        };
        let failed = match first
            .attempt(again(&parts, &body, deadline), deadline)
            .await
        {
            Ok(response) => return response,
            Err(failed) => failed,
        };
        self.retry(&first, &parts, &body, deadline)
            .await
            .unwrap_or_else(|| failed.into_response())
    }

    /// Makes the one retry. Returns `None` where it is not allowed, or failed as well.
    async fn retry(
        &self,
        first: &Arc<Member>,
        parts: &http::request::Parts,
        body: &Bytes,
        deadline: Option<Deadline>,
    ) -> Option<http::Response<Body>> {
        let outcome = |outcome: &'static str| {
            metrics::counter!(
                "fairlead_balance_retries_total", "service" => self.service, "outcome" => outcome
            )
            .increment(1);
        };
        if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
            return None;
        }
        if !self.budget.withdraw() {
            outcome("budget");
            return None;
        }
        let second = self.pick(Some(first))?;
        let answer = second.attempt(again(parts, body, deadline), deadline).await;
        outcome(if answer.is_ok() { "retried" } else { "failed" });
        answer.ok()
    }
}

/// Returns that of two members taken at random which has fewer calls in flight, or `None` if there
/// are no members.
fn choose(members: &[&Arc<Member>]) -> Option<Arc<Member>> {
    match members {
        [] => None,
        [only] => Some(Arc::clone(only)),
        several => {
            let one = rand::random_range(0..several.len());
            let other = (one + rand::random_range(1..several.len())) % several.len();
            let (one, other) = (several[one], several[other]);
            let fewer = if other.in_flight() < one.in_flight() {
                other
            } else {
                one
            };
            Some(Arc::clone(fewer))
        }
    }
}

/// Returns the request again, with the time that remains.
fn again(
    parts: &http::request::Parts,
    body: &Bytes,
    deadline: Option<Deadline>,
) -> http::Request<Body> {
    let mut parts = parts.clone();
    if let Some(deadline) = deadline {
        deadline.put_on(&mut parts.headers);
    }
    http::Request::from_parts(parts, Body::new(Full::new(body.clone())))
}

fn refuse(status: &Status) -> http::Response<Body> {
    status.clone().into_http()
}

/// Returns `true` if a status says that this instance, not this request, is at fault.
fn is_fault(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded)
}

impl Service<http::Request<Body>> for Balanced {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let calling = Arc::clone(&self.pool).call(request);
        Box::pin(async move { Ok(calling.await) })
    }
}
