//! Checks of a price: that the cents add up, and that the stated cost is the internal rate of
//! return of the cash flows, computed here by another method than the price engine's.

use fairlead_proto::pricing::v1::{Instalment, Price};

/// Steps of the bisection: more than a double has bits.
const HALVINGS: usize = 200;
/// Upper bound of the monthly growth factor.
const MOST_GROWTH: f64 = 1e6;

fn payment(instalment: &Instalment) -> i64 {
    instalment.principal_minor + instalment.interest_minor
}

/// Returns whether the schedule repays exactly the amount: months are numbered in order; each
/// balance is the one before less the principal paid, and the last is zero; every instalment but
/// the last is the stated one, and the last is not larger.
pub(super) fn adds_up(price: &Price) -> bool {
    let (Some(amount), Some(stated)) = (&price.amount, &price.instalment) else {
        return false;
    };
    let schedule = &price.schedule;
    let Some((last, regular)) = schedule.split_last() else {
        return false;
    };
    let mut balance = amount.minor;
    let mut number = 0;
    let in_step = schedule.iter().all(|one| {
        number += 1;
        balance -= one.principal_minor;
        let no_debit = one.principal_minor >= 0 && one.interest_minor >= 0;
        no_debit && one.number == number && one.balance_minor == balance
    });
    let principal: i64 = schedule.iter().map(|one| one.principal_minor).sum();
    let interest: i64 = schedule.iter().map(|one| one.interest_minor).sum();
    let paid: i64 = schedule.iter().map(payment).sum();
    // Rounding down leaves less than a cent per month, with interest, to the last instalment.
    let slack = 2 * schedule.len() as i64;
    in_step
        && balance == 0
        && principal == amount.minor
        && paid == amount.minor + interest
        && schedule.len() == price.tenor_months as usize
        && regular.iter().all(|one| payment(one) == stated.minor)
        && (payment(last) - stated.minor).abs() <= slack
}

/// Returns the distance between the stated all-in cost and the effective annual rate of the cash
/// flows (the amount less the fee, and the instalments month by month), or `None` if they have no
/// rate.
pub(super) fn irr_error(price: &Price) -> Option<f64> {
    let fee = price.fee.as_ref().map_or(0, |fee| fee.minor);
    let net = price.amount.as_ref()?.minor - fee;
    let payments: Vec<i64> = price.schedule.iter().map(payment).collect();
    let found = effective_annual_rate(net, &payments)?;
    Some((found - price.all_in_irr).abs())
}

/// Returns the effective annual rate, by bisection on the monthly growth factor with compensated
/// sums.
fn effective_annual_rate(net: i64, payments: &[i64]) -> Option<f64> {
    if net <= 0 || payments.iter().all(|payment| *payment <= 0) {
        return None;
    }
    // Present value less the net amount: falls as growth rises.
    let left_over = |growth: f64| {
        let mut sum = Compensated::default();
        sum.add(-(net as f64));
        let mut discount = 1.0;
        for payment in payments {
            discount /= growth;
            sum.add(*payment as f64 * discount);
        }
        sum.total()
    };
    let (mut low, mut high) = (1e-3, MOST_GROWTH);
    if left_over(low) < 0.0 || left_over(high) > 0.0 {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if left_over(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high).powi(12) - 1.0)
}

/// Neumaier's sum: the rounding error of each addition is kept separately.
#[derive(Debug, Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    fn total(&self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::money::v1::Money;

    use super::*;

    fn money(minor: i64) -> Option<Money> {
        Some(Money {
            minor,
            currency: "USD".to_owned(),
        })
    }

    /// 100.00 at 1 % a month in three instalments of 34.00, computed by hand:
    /// 100.00 + 1.00 - 34.00 = 67.00; 67.00 + .67 - 34.00 = 33.67; 33.67 + .33 = 34.00.
    fn price() -> Price {
        let schedule = [(3_300, 100, 6_700), (3_333, 67, 3_367), (3_367, 33, 0)];
        let instalment =
            |(at, (principal, interest, balance)): (usize, (i64, i64, i64))| Instalment {
                number: at as i32 + 1,
                principal_minor: principal,
                interest_minor: interest,
                balance_minor: balance,
            };
        Price {
            amount: money(10_000),
            instalment: money(3_400),
            tenor_months: 3,
            schedule: schedule.into_iter().enumerate().map(instalment).collect(),
            ..Price::default()
        }
    }

    #[test]
    fn a_cent_too_many_or_too_few_is_found() {
        assert!(adds_up(&price()));
        type Change = fn(&mut Price);
        let changes: &[Change] = &[
            |price| price.schedule[0].principal_minor += 1,
            |price| price.schedule[1].interest_minor -= 1,
            |price| price.schedule[2].interest_minor += 100,
            |price| price.schedule[2].balance_minor = 1,
            |price| price.schedule[1].number = 1,
            |price| price.amount = money(10_001),
            |price| price.instalment = money(3_399),
            |price| price.tenor_months = 4,
            |price| price.amount = None,
            |price| price.schedule.clear(),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut wrong = price();
            change(&mut wrong);
            assert!(!adds_up(&wrong), "change {number}");
        }
    }

    #[test]
    fn the_rate_of_flows_is_found() {
        let rate = |net, payments: &[i64]| effective_annual_rate(net, payments);
        // (1.01)^12 - 1 = 0.126825030131969720661201...
        let found = rate(10_000, &[10_100]).expect("a rate");
        assert!((found - 0.126_825_030_131_969_72).abs() < 1e-13, "{found}");
        // Two payments of 110 and 121 for 200: 10 % a month.
        let found = rate(200, &[110, 121]).expect("a rate");
        assert!((found - (1.1_f64.powi(12) - 1.0)).abs() < 1e-12, "{found}");
        let nothing = rate(300, &[100, 100, 100]).expect("a rate");
        assert!(nothing.abs() < 1e-13, "{nothing}");
        assert_eq!(rate(0, &[1]), None);
        assert_eq!(rate(1, &[0]), None);
        assert_eq!(rate(1, &[]), None);
    }

    #[test]
    fn a_stated_cost_that_is_off_is_found() {
        let mut stated = price();
        stated.all_in_irr = effective_annual_rate(10_000, &[3_400, 3_400, 3_400]).expect("a rate");
        assert!(irr_error(&stated).expect("a rate") < 1e-15);
        stated.all_in_irr += 2e-9;
        assert!(irr_error(&stated).expect("a rate") > 1e-9);
        stated.fee = money(100);
        assert!(
            irr_error(&stated).expect("a rate") > 0.01,
            "the fee is part of the cost"
        );
        stated.fee = money(10_000);
        assert_eq!(irr_error(&stated), None);
    }
}
