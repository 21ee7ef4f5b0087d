//! One instance as its callers see it: a connection, calls in flight, a record of failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use super::{is_fault, refuse};
use crate::Error;
use crate::deadline::Deadline;
use crate::discovery::Instance;
use crate::endpoint::channel;
use crate::tls::{self, ClientTls};

/// Failures in a row after which an instance is left out.
pub(super) const STRIKES: u32 = 3;
/// The time for which it is left out first; doubles while it goes on failing.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(30);

/// An instance that is called.
pub(super) struct Member {
    pub(super) instance: Instance,
    service: &'static str,
    channel: Channel,
    in_flight: AtomicUsize,
    record: Mutex<Record>,
}

/// Its latest failures.
#[derive(Debug, Default, Clone, Copy)]
struct Record {
    /// Failures since the last success.
    strikes: u32,
    /// The end of the time for which it is left out.
    out_until: Option<Instant>,
}

impl Record {
    fn succeeded(&mut self) -> bool {
        let was_out = self.out_until.is_some();
        *self = Self::default();
        was_out
    }

    /// Counts a failure; returns `true` if it is left out from now.
    fn failed(&mut self, now: Instant) -> bool {
        self.strikes = self.strikes.saturating_add(1);
        let out = self.strikes >= STRIKES && self.out_until.is_none_or(|until| until <= now);
        if out {
            // Back from an ejection one failure is enough for the next, twice as long.
            let doubled = FIRST_EJECTION * 2_u32.pow((self.strikes - STRIKES).min(5));
            self.out_until = Some(now + doubled.min(LONGEST_EJECTION));
        }
        out
    }
}

/// The ways in which an attempt fails.
pub(super) enum Failed {
    /// The instance itself said that it cannot.
    Answered(http::Response<Body>),
    /// It did not answer, or not to the end.
    Broken(Status),
}

impl Failed {
    pub(super) fn into_response(self) -> http::Response<Body> {
        match self {
            Self::Answered(response) => response,
            Self::Broken(status) => refuse(&status),
        }
    }
}

impl Member {
    pub(super) fn new(
        service: &'static str,
        instance: Instance,
        tls: Option<&ClientTls>,
    ) -> Result<Self, Error> {
        let channel = channel(&instance.address, tls)?;
        Ok(Self {
            channel,
            instance,
            service,
            in_flight: AtomicUsize::new(0),
            record: Mutex::default(),
        })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn is_ejected(&self, now: Instant) -> bool {
        let record = self.record.lock();
        record.out_until.is_some_and(|until| until > now)
    }

    /// Attempts a unary call. The answer is held until its last byte is here, so that an instance
    /// that dies over it has failed, and another can be asked.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        request: http::Request<Body>,
        deadline: Option<Deadline>,
    ) -> Result<http::Response<Body>, Failed> {
        let flight = Flight::begin(self, deadline);
        let response = match self.send(request, deadline).await {
            Ok(response) => response,
            Err(status) => {
                flight.end(is_fault(status.code()));
                return Err(Failed::Broken(status));
            }
        };
        let said = Status::from_header_map(response.headers());
        if let Some(said) = said.filter(|said| is_fault(said.code())) {
            flight.end(true);
            // A deadline that has passed at the server has passed here: a repeat would be late.
            return match said.code() {
                Code::DeadlineExceeded => Ok(response),
                _ => Err(Failed::Answered(response)),
            };
        }
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(collected) => {
                flight.end(false);
                let trailers = collected.trailers().cloned();
                let body = Full::new(collected.to_bytes());
                let body = body.with_trailers(async move { trailers.map(Ok) });
                Ok(http::Response::from_parts(parts, Body::new(body)))
            }
            Err(status) => {
                flight.end(true);
                Err(Failed::Broken(status))
            }
        }
    }

    /// Makes a call once: a stream, or a call that must not be repeated.
    pub(super) async fn pass(
        self: &Arc<Self>,
        request: http::Request<Body>,
        deadline: Option<Deadline>,
    ) -> Result<http::Response<Body>, Status> {
        let flight = Flight::begin(self, deadline);
        let answered = self.send(request, deadline).await;
        let code = match &answered {
            Ok(response) => {
                Status::from_header_map(response.headers()).map_or(Code::Ok, |said| said.code())
            }
            Err(status) => status.code(),
        };
        flight.end(is_fault(code));
        answered
    }

    async fn send(
        &self,
        request: http::Request<Body>,
        deadline: Option<Deadline>,
    ) -> Result<http::Response<Body>, Status> {
        let sending = self.channel.clone().oneshot(request);
        let sent = match deadline {
            None => sending.await,
            Some(deadline) => {
                match tokio::time::timeout_at(deadline.instant().into(), sending).await {
                    Ok(sent) => sent,
                    Err(_) => return Err(self.too_late()),
                }
            }
        };
        sent.map_err(|error| {
            // The transport watches the same deadline, and calls it a cancellation.
            if deadline.is_some_and(|deadline| deadline.remaining().is_zero()) {
                return self.too_late();
            }
            let cause = tls::told(self.service, &error);
            Status::unavailable(format!("{} does not answer: {cause}", self.service))
        })
    }

    fn too_late(&self) -> Status {
        Status::deadline_exceeded(format!("{} did not answer in time", self.service))
    }

    fn note(&self, failed: bool) {
        let changed = {
            let mut record = self.record.lock();
            if failed {
                record.failed(Instant::now())
            } else {
                record.succeeded()
            }
        };
        if changed {
            let (service, instance) = (self.service, &self.instance.id);
            if failed {
                metrics::counter!("fairlead_balance_ejections_total", "service" => service)
                    .increment(1);
                tracing::warn!(service, instance, "instance left out for a while");
            } else {
                tracing::info!(service, instance, "instance back");
            }
        }
    }
}

/// A call in flight. Dropped before its end, it was given up by the caller; that counts as a fault
/// of the instance where the deadline had passed.
struct Flight {
    member: Arc<Member>,
    deadline: Option<Deadline>,
    ended: bool,
}

impl Flight {
    fn begin(member: &Arc<Member>, deadline: Option<Deadline>) -> Self {
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            member: Arc::clone(member),
            deadline,
            ended: false,
        }
    }

    fn end(mut self, failed: bool) {
        self.ended = true;
        self.member.note(failed);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::Relaxed);
        let late = self
            .deadline
            .is_some_and(|deadline| deadline.remaining().is_zero());
        if !self.ended && late {
            self.member.note(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_out_after_three_failures_and_longer_each_time() {
        let mut record = Record::default();
        let start = Instant::now();
        assert!(!record.failed(start) && !record.failed(start));
        assert!(record.failed(start), "the third");
        assert_eq!(record.out_until, Some(start + FIRST_EJECTION));
        assert!(!record.failed(start), "it is out already");
        let back = start + FIRST_EJECTION;
        assert!(record.failed(back), "one failure after it came back");
        assert_eq!(record.out_until, Some(back + FIRST_EJECTION * 4));
        let mut now = back;
        for _ in 0..40 {
            now = record.out_until.expect("out");
            record.failed(now);
        }
        assert_eq!(record.out_until, Some(now + LONGEST_EJECTION));
        assert!(record.succeeded(), "it was out");
        assert!(
            !record.failed(now) && !record.failed(now),
            "a clean record again"
        );
    }
}
