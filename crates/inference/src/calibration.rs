//! Calibration: from the output of a model to a probability that can be multiplied by money.

use serde::{Deserialize, Serialize};

/// The calibration of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase", deny_unknown_fields)]
pub enum Calibration {
    /// Platt scaling: the logistic function of `slope x logit + intercept`.
    Platt {
        /// Above 0, so that the order of scores is kept.
        slope: f64,
        /// Any finite number.
        intercept: f64,
    },
    /// Isotonic regression: linear between the points, level outside them.
    Isotonic {
        /// Uncalibrated probabilities, strictly ascending, 0 to 1.
        from: Vec<f64>,
        /// Calibrated ones, ascending, 0 to 1, as many.
        to: Vec<f64>,
    },
}

impl Calibration {
    /// Returns the calibrated probability for log-odds `logit` (infinite for certainty).
    pub fn probability(&self, logit: f64) -> f64 {
        match self {
            Self::Platt { slope, intercept } => logistic(slope * logit + intercept),
            Self::Isotonic { from, to } => interpolate(from, to, logistic(logit)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Platt { slope, intercept } => {
                if !slope.is_finite() || *slope <= 0.0 {
                    return Err(format!("slope is {slope}; a number above 0 is allowed"));
                }
                if !intercept.is_finite() {
                    return Err(format!("intercept is {intercept}; it must be finite"));
                }
            }
            Self::Isotonic { from, to } => {
                if from.is_empty() || from.len() != to.len() {
                    return Err(format!(
                        "from has {} points and to {}; the same number, at least 1, is allowed",
                        from.len(),
                        to.len()
                    ));
                }
                let unit = |points: &[f64]| points.iter().all(|p| (0.0..=1.0).contains(p));
                if !unit(from) || !from.is_sorted_by(|a, b| a < b) {
                    return Err("from must be strictly ascending, 0 to 1".to_owned());
                }
                if !unit(to) || !to.is_sorted() {
                    return Err("to must be ascending, 0 to 1".to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Returns the probability with log-odds `x`, without overflow on either side.
pub(crate) fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let odds = x.exp();
        odds / (1.0 + odds)
    }
}

/// Returns the log-odds of `p`, infinite at 0 and 1.
pub(crate) fn log_odds(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn interpolate(from: &[f64], to: &[f64], x: f64) -> f64 {
    let after = from.partition_point(|&point| point <= x);
    match (after.checked_sub(1), from.get(after)) {
        (None, _) => to[0],
        (Some(before), None) => to[before],
        (Some(before), Some(&right)) => {
            let left = from[before];
            let share = (x - left) / (right - left);
            to[before] + share * (to[after] - to[before])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn platt_with_slope_one_is_the_logistic_function() {
        let platt = Calibration::Platt {
            slope: 1.0,
            intercept: 0.0,
        };
        assert!((platt.probability(0.0) - 0.5).abs() < 1e-15);
        // odds of 3 to 1
        assert!((platt.probability(3f64.ln()) - 0.75).abs() < 1e-15);
        assert!(platt.probability(-800.0) >= 0.0 && platt.probability(800.0) <= 1.0);
    }

    #[test]
    fn isotonic_is_linear_between_points_and_level_outside() {
        let isotonic = Calibration::Isotonic {
            from: vec![0.2, 0.4],
            to: vec![0.1, 0.5],
        };
        for (p, expected) in [(0.05, 0.1), (0.2, 0.1), (0.3, 0.3), (0.4, 0.5), (0.9, 0.5)] {
            let got = isotonic.probability(log_odds(p));
            assert!((got - expected).abs() < 1e-12, "{p}: {got}");
        }
    }

    #[test]
    fn bad_calibrations_are_refused() {
        let isotonic = |from: &[f64], to: &[f64]| Calibration::Isotonic {
            from: from.to_vec(),
            to: to.to_vec(),
        };
        let platt = |slope, intercept| Calibration::Platt { slope, intercept };
        for bad in [
            platt(0.0, 0.0),
            platt(f64::NAN, 0.0),
            platt(1.0, f64::INFINITY),
            isotonic(&[], &[]),
            isotonic(&[0.1], &[0.1, 0.2]),
            isotonic(&[0.2, 0.2], &[0.1, 0.2]),
            isotonic(&[0.2, 0.3], &[0.2, 0.1]),
            isotonic(&[0.2, 1.3], &[0.1, 0.2]),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_calibration_keeps_the_order_and_stays_a_probability(
            a in -40.0f64..40.0, b in -40.0f64..40.0,
            slope in 0.01f64..5.0, intercept in -5.0f64..5.0,
        ) {
            let isotonic = Calibration::Isotonic {
                from: vec![0.1, 0.3, 0.8],
                to: vec![0.0, 0.3, 0.9],
            };
            for calibration in [Calibration::Platt { slope, intercept }, isotonic] {
                let (low, high) = (calibration.probability(a.min(b)), calibration.probability(a.max(b)));
                prop_assert!(low <= high);
                prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            }
        }

        #[test]
        fn log_odds_is_the_inverse_of_logistic(p in 0.000_001f64..0.999_999) {
            prop_assert!((logistic(log_odds(p)) - p).abs() < 1e-12);
        }
    }
}
