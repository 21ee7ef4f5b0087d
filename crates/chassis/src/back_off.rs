//! Pauses between attempts at something that is away: each about twice as long as the one before,
//! up to a longest.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

/// The pauses of one caller. Each is a random share, half to all, of its full length, so that a
/// hundred processes do not come back in the same instant.
#[derive(Debug)]
pub struct BackOff {
    policy: ExponentialBuilder,
    pauses: ExponentialBackoff,
    longest: Duration,
}

impl BackOff {
    /// Pauses of `shortest`, then doubling up to `longest`.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        // The library's jitter adds up to the pause again: of the halves it makes half to all.
        let policy = ExponentialBuilder::new()
            .with_min_delay(shortest.min(longest) / 2)
            .with_max_delay(longest / 2)
            .with_jitter()
            .without_max_times();
        Self {
            policy,
            pauses: policy.build(),
            longest,
        }
    }

    /// Begins again with the shortest pause: an attempt succeeded.
    pub fn reset(&mut self) {
        self.pauses = self.policy.build();
    }

    /// Waits for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// Waits for the next pause; returns `false` where `stop` is cancelled before it is over.
    pub async fn pause_unless(&mut self, stop: &CancellationToken) -> bool {
        stop.run_until_cancelled(self.pause()).await.is_some()
    }

    /// Attempts something until it succeeds, with a pause and a warning after each failure that
    /// `is_away` takes for one that passes. Returns `None` where `stop` is cancelled in a pause; a
    /// running attempt is not cut short.
    ///
    /// # Errors
    /// The first failure that does not pass.
    pub async fn retry<T, E: std::fmt::Display>(
        mut self,
        what: &'static str,
        stop: &CancellationToken,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
        is_away: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, E> {
        loop {
            match attempt().await {
                Ok(made) => return Ok(Some(made)),
                Err(error) if is_away(&error) => {
                    tracing::warn!(%error, what, "away, will try again");
                }
                Err(error) => return Err(error),
            }
            if !self.pause_unless(stop).await {
                return Ok(None);
            }
        }
    }

    fn next(&mut self) -> Duration {
        // Attempts are not counted: there is always a next pause.
        self.pauses.next().unwrap_or(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_millis(900);

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_again_after_a_success() {
        let mut back_off = BackOff::new(SHORTEST, LONGEST);
        for _ in 0..2 {
            for full in [100, 200, 400, 800, 900, 900] {
                let full = Duration::from_millis(full);
                let pause = back_off.next();
                let rounded = full + Duration::from_micros(1);
                assert!(
                    pause >= full / 2 && pause <= rounded,
                    "{pause:?} of {full:?}"
                );
            }
            back_off.reset();
        }
    }

    #[test]
    fn two_callers_do_not_pause_alike() {
        let pauses = || {
            let mut back_off = BackOff::new(SHORTEST, LONGEST);
            std::array::from_fn::<_, 8, _>(|_| back_off.next())
        };
        assert_ne!(pauses(), pauses());
    }

    #[tokio::test]
    async fn a_pause_ends_when_it_is_cancelled() {
        let stop = CancellationToken::new();
        let mut back_off = BackOff::new(Duration::ZERO, Duration::from_hours(1));
        assert!(back_off.pause_unless(&stop).await, "nothing to wait for");
        let mut back_off = BackOff::new(Duration::from_hours(1), Duration::from_hours(1));
        let (over, ()) = tokio::join!(back_off.pause_unless(&stop), async { stop.cancel() });
        assert!(!over);
    }

    #[tokio::test]
    async fn attempts_end_with_success_with_a_failure_that_stays_or_with_the_process() {
        let quick = || BackOff::new(Duration::ZERO, Duration::ZERO);
        let stop = CancellationToken::new();
        let away = |error: &String| error == "away";
        let mut left = 3;
        let attempt = async || {
            left -= 1;
            if left == 0 {
                Ok("here")
            } else {
                Err("away".to_owned())
            }
        };
        let made = quick().retry("it", &stop, attempt, away).await;
        assert_eq!(made, Ok(Some("here")));

        let broken = async || Err::<(), _>("broken".to_owned());
        let made = quick().retry("it", &stop, broken, away).await;
        assert_eq!(made, Err("broken".to_owned()));

        stop.cancel();
        let absent = async || Err::<(), _>("away".to_owned());
        let slow = BackOff::new(Duration::from_hours(1), Duration::from_hours(1));
        assert_eq!(slow.retry("it", &stop, absent, away).await, Ok(None));
    }
}
