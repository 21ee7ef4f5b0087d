//! Deadlines: one for a request with all its stages, carried in `grpc-timeout`.

use std::time::{Duration, Instant};

use http::HeaderMap;

/// The instant by which an answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Creates a deadline that is `time` from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Returns the deadline that a call carries, or `None` if it carries none.
    pub fn from_request<T>(request: &tonic::Request<T>) -> Option<Self> {
        let value = request.metadata().get("grpc-timeout")?.to_str().ok()?;
        parse_timeout(value).map(Self::after)
    }

    /// Returns the time left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns the instant.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Returns a deadline for one stage: `share` (0 to 1) of the time that is left.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self(Instant::now() + self.remaining().mul_f64(share.clamp(0.0, 1.0)))
    }

    /// Puts the time left on an outgoing call.
    pub fn apply<T>(self, request: &mut tonic::Request<T>) {
        request.set_timeout(self.remaining());
    }

    /// Puts the time left on the headers of an outgoing call, in place of what they carry.
    pub(crate) fn put_on(self, headers: &mut HeaderMap) {
        let mut request = tonic::Request::new(());
        self.apply(&mut request);
        headers.extend(request.into_parts().0.into_headers());
    }
}

/// Returns the time that `grpc-timeout` in the headers allows, or `None` where there is none.
pub(crate) fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    parse_timeout(headers.get("grpc-timeout")?.to_str().ok()?)
}

/// Reads `TimeoutValue TimeoutUnit` of the gRPC protocol: at most eight digits and one of `HMSmun`.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_protocol_and_nothing_else() {
        assert_eq!(parse_timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse_timeout("5S"), Some(Duration::from_secs(5)));
        assert_eq!(
            parse_timeout("99999999H"),
            Some(Duration::from_hours(99_999_999))
        );
        for bad in ["", "m", "1", "1x", "-1m", "123456789m", "1.5S", "é"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn travels_on_a_request() {
        let mut request = tonic::Request::new(());
        Deadline::after(Duration::from_secs(2)).apply(&mut request);
        let left = Deadline::from_request(&request)
            .expect("carried")
            .remaining();
        assert!(
            left <= Duration::from_secs(2) && left > Duration::from_secs(1),
            "{left:?}"
        );
    }

    #[test]
    fn a_share_is_never_more_than_all_of_it() {
        let full = Deadline::after(Duration::from_millis(100));
        assert!(full.share(0.5) <= full);
        assert!(full.share(7.0).remaining() <= Duration::from_millis(100));
        assert_eq!(
            Deadline::after(Duration::ZERO).share(0.5).remaining(),
            Duration::ZERO
        );
    }
}
