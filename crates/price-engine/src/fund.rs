//! The price of a fund: the subscription fee after the rate card's discount, and the redemption
//! table, never below what is regulated.
//!
//! A fund's discount is the share of the full fee that is taken off: 900,000 ppm leaves a tenth,
//! which the trade calls one-tenth fee (1 折).

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::catalogue::v1::{FundTerms, RedemptionFee};
use fairlead_proto::pricing::v1 as pb;

use crate::error::Checks;
use crate::inputs::CardInputs;
use crate::rate_card::RateCard;
use crate::refusal::{Cause, Refused, refuse};
use crate::schedule::MAX_AMOUNT_MINOR;
use crate::terms::{minor, to_proto};
use crate::waterfall::Waterfall;

/// A fund that can be priced.
#[derive(Debug, Clone)]
pub(crate) struct Fund {
    full_fee_ppm: i64,
    trailing_ppm: i64,
    min_amount: i64,
    /// The fund's own redemption fees, ascending in days.
    redemption: Vec<RedemptionFee>,
}

impl Fund {
    pub(crate) fn compile(terms: &FundTerms, currency: Currency, checks: &mut Checks) -> Self {
        let million = 1_000_000;
        checks.between(
            "fund.subscription_fee_ppm",
            terms.subscription_fee_ppm,
            0,
            million,
        );
        checks.between("fund.trailing_fee_ppm", terms.trailing_fee_ppm, 0, million);
        for fee in &terms.redemption_fees {
            checks.between(
                "fund.redemption_fees.from_days",
                i64::from(fee.from_days),
                0,
                36_500,
            );
            checks.between("fund.redemption_fees.fee_ppm", fee.fee_ppm, 0, million);
        }
        checks.require(
            terms
                .redemption_fees
                .is_sorted_by(|a, b| a.from_days < b.from_days),
            "fund.redemption_fees.from_days",
            terms.redemption_fees.len(),
            "ascending, each once",
        );
        Self {
            full_fee_ppm: terms.subscription_fee_ppm,
            trailing_ppm: terms.trailing_fee_ppm,
            min_amount: minor(
                checks,
                "fund.min_amount",
                terms.min_amount.as_ref(),
                currency,
                1,
            ),
            redemption: terms.redemption_fees.clone(),
        }
    }

    /// Prices a subscription of `asked` minor units, or of the smallest amount.
    pub(crate) fn price<'a>(
        &'a self,
        card: Option<&RateCard>,
        mut inputs: CardInputs<'_>,
        asked: Option<i64>,
        (currency, floors): (Currency, impl Iterator<Item = &'a RedemptionFee> + Clone),
    ) -> Result<pb::Price, Refused> {
        let show = |minor| Money::new(minor, currency);
        let amount = asked.unwrap_or(self.min_amount);
        if !(self.min_amount..=MAX_AMOUNT_MINOR).contains(&amount) {
            let least = show(self.min_amount);
            let detail = format!("amount `{}` is not allowed: {least} or more", show(amount));
            return Err(refuse(Cause::Amount, detail));
        }
        inputs.amount = amount;
        let offer = card.map(|card| card.look_up(&inputs)).transpose()?;
        let share = offer.map_or(0, |offer| offer.discount_ppm);
        // Rounded down for the customer; a share above the whole is refused when compiled.
        let fee_ppm = self.full_fee_ppm * (1_000_000 - share) / 1_000_000;
        let fee = share_of(amount, fee_ppm);
        let mut steps = Waterfall::with_capacity(4 + self.redemption.len());
        steps.level(
            "full fee",
            self.full_fee_ppm,
            "subscription fee of the fund",
        );
        let taken_off = RatePpm::new(share).unwrap_or_default();
        steps.add(
            "discount",
            fee_ppm - self.full_fee_ppm,
            format!("{taken_off} of the full fee"),
        );
        steps.level("price", fee_ppm, show(fee).to_string());
        for step in merged(&self.redemption, floors) {
            let detail = format!("redeemed after {} days or more", step.from_days);
            steps.level("redemption fee", step.fee_ppm, detail);
        }
        Ok(pb::Price {
            amount: Some(to_proto(amount, currency)),
            fee_ppm,
            fee: Some(to_proto(fee, currency)),
            rate_card_row: offer.map_or(0, |offer| offer.row),
            waterfall: steps.into_steps(),
            // The fee now and one year of trailing fee: holding periods differ, a year is the unit.
            expected_margin_minor: fee + share_of(amount, self.trailing_ppm),
            inputs: inputs.as_text(None),
            ..pb::Price::default()
        })
    }
}

/// `ppm` of an amount, rounded down; both are bounded, so that it fits.
fn share_of(amount: i64, ppm: i64) -> i64 {
    i64::try_from(i128::from(amount) * i128::from(ppm) / 1_000_000).unwrap_or(i64::MAX)
}

/// The fee of a table after a number of days: the last step begun; nothing begun, nothing due.
fn fee_after<'a>(table: impl Iterator<Item = &'a RedemptionFee>, days: i32) -> i64 {
    table
        .filter(|step| step.from_days <= days)
        .max_by_key(|step| step.from_days)
        .map_or(0, |step| step.fee_ppm)
}

/// The fund's table raised to the regulated floors, with a step wherever either has one.
fn merged<'a>(
    own: &'a [RedemptionFee],
    floors: impl Iterator<Item = &'a RedemptionFee> + Clone,
) -> Vec<RedemptionFee> {
    let mut days: Vec<i32> = own
        .iter()
        .chain(floors.clone())
        .map(|step| step.from_days)
        .collect();
    days.sort_unstable();
    days.dedup();
    days.into_iter()
        .map(|from_days| RedemptionFee {
            from_days,
            fee_ppm: fee_after(own.iter(), from_days).max(fee_after(floors.clone(), from_days)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(steps: &[(i32, i64)]) -> Vec<RedemptionFee> {
        steps
            .iter()
            .map(|(from_days, fee_ppm)| RedemptionFee {
                from_days: *from_days,
                fee_ppm: *fee_ppm,
            })
            .collect()
    }

    fn fund(redemption: &[(i32, i64)]) -> Fund {
        let terms = FundTerms {
            risk_class: 3,
            subscription_fee_ppm: 15_000,
            min_amount: Some(to_proto(100_000, Currency::CNY)),
            redemption_fees: table(redemption),
            trailing_fee_ppm: 4_000,
        };
        let mut checks = Checks::of("test");
        let fund = Fund::compile(&terms, Currency::CNY, &mut checks);
        assert!(checks.clean(), "{checks:?}");
        fund
    }

    fn inputs() -> CardInputs<'static> {
        CardInputs {
            product: "F1",
            grade: None,
            tenor: None,
            amount: 0,
            channel: "app",
            segment: None,
            campaign: "none",
        }
    }

    #[test]
    fn without_a_card_the_full_fee_and_the_regulated_redemption_floors() {
        // Floors as of CSRC announcement [2017] 12: 1.5 % under 7 days.
        let floors = table(&[(0, 15_000), (7, 0)]);
        let fund = fund(&[(0, 5_000), (30, 2_500), (365, 0)]);
        let price = fund
            .price(None, inputs(), None, (Currency::CNY, floors.iter()))
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
        let floors: [RedemptionFee; 0] = [];
        for bad in [-1, 0, 99_999, i64::MAX] {
            let refusal = fund(&[])
                .price(None, inputs(), Some(bad), (Currency::CNY, floors.iter()))
                .expect_err("refused");
            assert_eq!(refusal.cause(), Cause::Amount);
        }
    }
}
