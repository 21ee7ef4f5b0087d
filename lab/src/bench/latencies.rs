//! Latencies and their quantiles.

use std::time::Duration;

/// Latencies of calls of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies {
    ms: Vec<f64>,
}

impl Latencies {
    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        self.ms.push(latency.as_secs_f64() * 1e3);
    }

    /// Adds those of another measurement.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.ms.append(&mut other.ms);
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.ms.len()
    }

    /// Returns the latency that this share of the calls stays within, in milliseconds, or `None` if there
    /// was no call.
    pub(super) fn at(&self, share: f64) -> Option<f64> {
        let last = self.ms.len().checked_sub(1)?;
        let index = ((self.ms.len() as f64 * share) as usize).min(last);
        let mut ms = self.ms.clone();
        Some(*ms.select_nth_unstable_by(index, f64::total_cmp).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_latencies() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.at(0.99), None);
        for ms in [3, 1] {
            latencies.add(Duration::from_millis(ms));
        }
        let mut others = Latencies::default();
        others.add(Duration::from_millis(2));
        latencies.append(&mut others);
        assert_eq!((latencies.count(), others.count()), (3, 0));
        let at = |share| latencies.at(share);
        assert_eq!(
            (at(0.0), at(0.5), at(0.99)),
            (Some(1.0), Some(2.0), Some(3.0))
        );
    }
}
