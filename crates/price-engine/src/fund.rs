//! The price of a fund: the subscription fee after the rate card's discount, and the redemption
//! fees, never below what is regulated.
//!
//! A fund's discount is the share of the full fee that is taken off: 900,000 ppm leaves a tenth,
//! which the trade calls one-tenth fee (1 折).

use fairlead_domain::{Money, Share};
use fairlead_proto::pricing::v1 as pb;

use crate::error::Checks;
use crate::inputs::CardInputs;
use crate::rate_card::RateCard;
use crate::redemption::{RedemptionStep, raise_to_floors};
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::MAX_AMOUNT_MINOR;
use crate::terms::{FundTerms, to_proto};
use crate::waterfall::{Ppm, Waterfall};

/// A fund that can be priced.
#[derive(Debug, Clone)]
pub(crate) struct Fund {
    full_fee: Share,
    trailing_fee: Share,
    min_amount: Money,
    /// The fund's own redemption fees, ascending in days.
    redemption: Vec<RedemptionStep>,
}

impl Fund {
    pub(crate) fn compile(terms: &FundTerms, checks: &mut Checks) -> Self {
        let least = terms.min_amount.minor();
        checks.at_least("fund.min_amount", least, 1);
        Self {
            full_fee: terms.subscription_fee,
            trailing_fee: terms.trailing_fee,
            min_amount: terms.min_amount,
            redemption: terms.redemption.clone(),
        }
    }

    /// Prices a subscription of the amount asked for, or else of the smallest.
    pub(crate) fn price<'a>(
        &'a self,
        card: Option<&RateCard>,
        inputs: CardInputs<'_>,
        asked: Option<Money>,
        floors: impl Iterator<Item = &'a RedemptionStep> + Clone,
    ) -> Result<pb::Price, Refused> {
        let amount = asked.unwrap_or(self.min_amount);
        let fits = amount >= self.min_amount && amount.minor() <= MAX_AMOUNT_MINOR;
        if !fits {
            let least = self.min_amount;
            let detail = format!("amount `{amount}` is not allowed: {least} or more");
            return Err(refuse(Cause::Amount, detail));
        }
        let inputs = CardInputs { amount, ..inputs };
        let offer = card.map(|card| card.look_up(&inputs)).transpose()?;
        let taken_off = offer.map_or(Ok(Share::ZERO), |offer| offer.fee_discount())?;
        let fee_share = self.full_fee.times(taken_off.rest());
        let fee = amount.share(fee_share);
        let mut steps = Waterfall::with_capacity(4 + self.redemption.len());
        steps.level("full fee", self.full_fee, "subscription fee of the fund");
        steps.add(
            "discount",
            Ppm::from(fee_share) - Ppm::from(self.full_fee),
            format!("{taken_off} of the full fee"),
        );
        steps.level("price", fee_share, fee.to_string());
        for step in raise_to_floors(&self.redemption, floors) {
            let detail = format!("redeemed after {} days or more", step.from_days);
            steps.level("redemption fee", step.fee, detail);
        }
        // Holding periods differ: the margin is the fee now and one year of trailing fee.
        let margin = fee.minor() + amount.share(self.trailing_fee).minor();
        Ok(pb::Price {
            amount: Some(to_proto(amount)),
            fee_ppm: fee_share.ppm(),
            fee: Some(to_proto(fee)),
            rate_card_row: offer.map_or(0, |offer| offer.row),
            waterfall: steps.into_steps(),
            expected_margin_minor: margin,
            inputs: inputs.as_text(None),
            ..pb::Price::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use fairlead_domain::Currency;
    use fairlead_proto::catalogue::v1::RedemptionFee;

    use super::*;

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    fn table(steps: &[(i32, i64)]) -> Vec<RedemptionFee> {
        let step = |(from_days, fee_ppm): &(i32, i64)| RedemptionFee {
            from_days: *from_days,
            fee_ppm: *fee_ppm,
        };
        steps.iter().map(step).collect()
    }

    fn floors(steps: &[(i32, i64)]) -> Vec<RedemptionStep> {
        let mut checks = Checks::new("test");
        let steps = table(steps);
        let compiled = steps
            .iter()
            .map(|step| RedemptionStep::compile("floors", step, &mut checks))
            .collect();
        assert!(checks.clean(), "{checks:?}");
        compiled
    }

    fn fund(redemption: &[(i32, i64)]) -> Fund {
        let mut checks = Checks::new("test");
        let terms = FundTerms {
            subscription_fee: checks.share("subscription", 15_000, 0..=999_999),
            trailing_fee: checks.share("trailing", 4_000, 0..=999_999),
            min_amount: cny(100_000),
            redemption: floors(redemption),
        };
        let fund = Fund::compile(&terms, &mut checks);
        assert!(checks.clean(), "{checks:?}");
        fund
    }

    fn inputs() -> CardInputs<'static> {
        CardInputs {
            product: "F1",
            grade: None,
            tenor: None,
            amount: cny(0),
            channel: "app",
            segment: None,
            campaign: "none",
        }
    }

    #[test]
    fn without_a_card_the_full_fee_and_the_regulated_redemption_floors() {
        // Floors as of CSRC announcement [2017] 12: 1.5 % under 7 days.
        let floors = floors(&[(0, 15_000), (7, 0)]);
        let fund = fund(&[(0, 5_000), (30, 2_500), (365, 0)]);
        let price = fund
            .price(None, inputs(), None, floors.iter())
            .expect("priced");
        assert_eq!(
            (price.fee_ppm, price.fee.expect("a fee").minor),
            (15_000, 1_500)
        );
        assert_eq!(price.expected_margin_minor, 1_500 + 400);
        let redemption: Vec<_> = price
            .waterfall
            .iter()
            .filter(|step| step.name == "redemption fee")
            .map(|step| (step.ppm, step.detail.as_str()))
            .collect();
        let expected = [
            (15_000, "redeemed after 0 days or more"),
            (5_000, "redeemed after 7 days or more"),
            (2_500, "redeemed after 30 days or more"),
            (0, "redeemed after 365 days or more"),
        ];
        assert_eq!(redemption, expected);
    }

    #[test]
    fn amounts_below_the_smallest_are_refused() {
        let floors = floors(&[]);
        for bad in [-1, 0, 99_999, i64::MAX] {
            let refusal = fund(&[])
                .price(None, inputs(), Some(cny(bad)), floors.iter())
                .expect_err("refused");
            assert_eq!(refusal.cause(), Cause::Amount);
        }
    }
}
