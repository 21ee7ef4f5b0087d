//! The value of showing a product at the price that will be shown.
//!
//! `P(click) x P(convert | price) x margin`: a conversion brings the price's contribution, which is
//! after every cost with the expected loss among them, and there is a conversion only where there
//! was a click.

use fairlead_proto::pricing::v1::{Price, TakeUp};

/// Scores of a candidate before and after its price is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Chances {
    /// Probability of a click when shown.
    pub(super) click: f64,
    /// Probability of a conversion when clicked, at the reference price.
    pub(super) convert: f64,
}

/// Returns the probability of a conversion at the price shown: the log-odds move by the slope for
/// every percentage point above the reference rate. Without a take-up the probability stands.
pub(super) fn convert_at_price(convert: f64, price: &Price, take_up: Option<&TakeUp>) -> f64 {
    let Some(take_up) = take_up.filter(|_| convert > 0.0 && convert < 1.0) else {
        return convert;
    };
    let points = (price.rate_ppm - take_up.reference_rate_ppm) as f64 / 10_000.0;
    let log_odds = (convert / (1.0 - convert)).ln() + take_up.slope * points;
    1.0 / (1.0 + (-log_odds).exp())
}

/// Returns the expected value of showing the product, in minor units.
pub(super) fn expected_value(click: f64, convert_at_price: f64, price: &Price) -> f64 {
    click * convert_at_price * price.expected_margin_minor as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rate_ppm: i64) -> Price {
        Price {
            rate_ppm,
            expected_margin_minor: 1_000,
            expected_loss_minor: 200, // already taken off the margin
            ..Price::default()
        }
    }

    const TAKE_UP: TakeUp = TakeUp {
        slope: -0.04,
        reference_rate_ppm: 180_000,
    };

    #[test]
    fn at_the_reference_rate_the_model_stands() {
        assert!((convert_at_price(0.2, &at(180_000), Some(&TAKE_UP)) - 0.2).abs() < 1e-12);
        assert!((convert_at_price(0.2, &at(90_000), None) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn one_point_dearer_moves_the_log_odds_by_the_slope() {
        let log_odds = |p: f64| (p / (1.0 - p)).ln();
        let moved = log_odds(convert_at_price(0.2, &at(190_000), Some(&TAKE_UP))) - log_odds(0.2);
        assert!((moved - TAKE_UP.slope).abs() < 1e-9, "{moved}");
    }

    #[test]
    fn value_is_the_margin_where_there_is_a_conversion() {
        assert!((expected_value(0.5, 0.1, &at(180_000)) - 50.0).abs() < 1e-9);
        assert!(expected_value(0.5, 0.0, &at(180_000)).abs() < 1e-12);
    }
}
