//! Take-up by price, as a strategy knows it: whoever shows a price values it with this.

use fairlead_domain::RatePpm;
use fairlead_proto::control::v1 as pb;

use crate::error::Checks;

/// The shift of the probability that an offer is taken by its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TakeUp {
    /// The change of the log-odds of taking per percentage point of yearly rate; not positive.
    pub slope: f64,
    /// The rate at which the ranker's probability holds.
    pub reference: RatePpm,
}

impl TakeUp {
    /// Checks a cost model's take-up. Returns `None` where it has no reference rate, so that the
    /// price shifts no probability.
    pub(crate) fn compile(cost: &pb::CostModel, checks: &mut Checks) -> Option<Self> {
        let slope = cost.take_up_slope;
        checks.require(
            slope.is_finite() && slope <= 0.0,
            "take_up_slope",
            slope,
            "a finite number, not positive",
        );
        let reference = checks.rate(
            "reference_rate_ppm",
            cost.reference_rate_ppm,
            0..=RatePpm::MAX.ppm(),
        );
        (reference != RatePpm::ZERO).then_some(Self { slope, reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(take_up_slope: f64, reference_rate_ppm: i64) -> (Option<TakeUp>, Vec<String>) {
        let mut checks = Checks::new("test");
        let cost = pb::CostModel {
            take_up_slope,
            reference_rate_ppm,
            ..pb::CostModel::default()
        };
        let take_up = TakeUp::compile(&cost, &mut checks);
        let errors = checks.into_errors();
        (take_up, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_a_reference_there_is_no_shift() {
        assert_eq!(compile(-0.04, 0), (None, Vec::new()));
        let (take_up, errors) = compile(-0.04, 180_000);
        assert!(errors.is_empty(), "{errors:?}");
        let take_up = take_up.expect("a shift");
        assert_eq!((take_up.slope, take_up.reference.ppm()), (-0.04, 180_000));
    }

    #[test]
    fn a_rising_take_up_or_no_rate_is_refused() {
        for slope in [0.1, f64::NAN, f64::NEG_INFINITY] {
            let (_, errors) = compile(slope, 180_000);
            assert!(errors[0].contains("take_up_slope"), "{errors:?}");
        }
        let (_, errors) = compile(0.0, -1);
        assert_eq!(
            errors,
            ["test: reference_rate_ppm `-1` is not allowed: 0 to 100000000"]
        );
    }
}
