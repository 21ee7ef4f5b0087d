//! The repayment schedule: instalments in minor units that add up to the amount lent.
//!
//! Rounding never costs the customer: the interest of a month, the regular instalment and every
//! fee are rounded down, and the last instalment takes what is left. Hence the internal rate of
//! return of the instalments is never above that of the unrounded schedule, and a cap that holds
//! for the formula holds for the cents. The proof is beside [`crate::highest_lawful_rate`].

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::catalogue::v1::RepaymentMethod;
use fairlead_proto::pricing::v1 as pb;

use crate::{Error, ValueFault};

/// The longest tenor, months.
pub const MAX_MONTHS: i32 = 600;
/// The largest amount, minor units (a hundred billion of a two-digit currency): every amount is
/// exact as a floating-point number, and no product of amount and rate leaves 128 bits.
pub const MAX_AMOUNT_MINOR: i64 = 10_000_000_000_000;

/// The way in which principal is repaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repayment {
    /// Equal instalments.
    Annuity,
    /// Equal principal, falling instalments.
    EqualPrincipal,
    /// Interest monthly, principal at the end.
    Bullet,
}

impl Repayment {
    /// Returns the method of a product's terms, or `None` for "unspecified".
    pub fn from_proto(method: RepaymentMethod) -> Option<Self> {
        match method {
            RepaymentMethod::Unspecified => None,
            RepaymentMethod::Annuity => Some(Self::Annuity),
            RepaymentMethod::EqualPrincipal => Some(Self::EqualPrincipal),
            RepaymentMethod::Bullet => Some(Self::Bullet),
        }
    }
}

/// One instalment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalment {
    /// The principal in it.
    pub principal: Money,
    /// The interest in it.
    pub interest: Money,
    /// The principal that is owed after it.
    pub balance: Money,
}

/// The terms that a schedule is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleTerms {
    /// The amount lent, 1 to [`MAX_AMOUNT_MINOR`] minor units.
    pub principal: Money,
    /// The nominal yearly rate, not negative; a month bears a twelfth.
    pub rate: RatePpm,
    /// 1 to [`MAX_MONTHS`].
    pub months: i32,
    /// The way in which principal is repaid.
    pub repayment: Repayment,
}

/// A repayment schedule, one instalment a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    terms: ScheduleTerms,
    instalments: Vec<MinorUnits>,
}

/// An instalment in minor units: half the size of one in money, of which a price has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MinorUnits {
    principal: i64,
    interest: i64,
    balance: i64,
}

impl Schedule {
    /// Lays out the instalments.
    ///
    /// # Errors
    /// [`Error::Value`] where a term is out of range.
    pub fn new(terms: ScheduleTerms) -> Result<Self, Error> {
        check(terms)?;
        let months = terms.months;
        let currency = terms.principal.currency();
        let regular = match terms.repayment {
            Repayment::Annuity => regular_instalment(terms),
            Repayment::EqualPrincipal => terms.principal.minor() / i64::from(months),
            Repayment::Bullet => 0,
        };
        let mut balance = terms.principal.minor();
        let mut instalments = Vec::with_capacity(months as usize);
        for month in 1..=months {
            let interest = monthly_interest(Money::new(balance, currency), terms.rate)?.minor();
            let principal = match terms.repayment {
                _ if month == months => balance,
                Repayment::Annuity => (regular - interest).clamp(0, balance),
                Repayment::EqualPrincipal | Repayment::Bullet => regular,
            };
            balance -= principal;
            instalments.push(MinorUnits {
                principal,
                interest,
                balance,
            });
        }
        Ok(Self { terms, instalments })
    }

    /// Returns the terms that it was made from.
    pub fn terms(&self) -> ScheduleTerms {
        self.terms
    }

    /// Returns the instalments in order.
    pub fn instalments(
        &self,
    ) -> impl DoubleEndedIterator<Item = Instalment> + ExactSizeIterator + Clone {
        let currency = self.terms.principal.currency();
        let money = move |minor| Money::new(minor, currency);
        self.instalments.iter().map(move |one| Instalment {
            principal: money(one.principal),
            interest: money(one.interest),
            balance: money(one.balance),
        })
    }

    /// Returns the payments in order.
    pub fn payments(&self) -> impl DoubleEndedIterator<Item = Money> + ExactSizeIterator + Clone {
        let currency = self.terms.principal.currency();
        self.instalments
            .iter()
            .map(move |one| Money::new(one.principal + one.interest, currency))
    }

    /// Returns the first instalment: the regular one of an annuity, the largest of equal principal.
    pub fn first_payment(&self) -> Money {
        let none = Money::new(0, self.terms.principal.currency());
        self.payments().next().unwrap_or(none)
    }

    /// Returns the instalments as messages.
    pub fn to_proto(&self) -> Vec<pb::Instalment> {
        self.instalments
            .iter()
            .zip(1..)
            .map(|(instalment, number)| pb::Instalment {
                number,
                principal_minor: instalment.principal,
                interest_minor: instalment.interest,
                balance_minor: instalment.balance,
            })
            .collect()
    }
}

fn refuse(field: &str, value: i64, allowed: String) -> Error {
    Error::Value {
        fault: ValueFault::Range,
        subject: "schedule".to_owned(),
        field: field.to_owned(),
        value: value.to_string(),
        allowed,
    }
}

fn check(terms: ScheduleTerms) -> Result<(), Error> {
    let principal = terms.principal.minor();
    if !(1..=MAX_AMOUNT_MINOR).contains(&principal) {
        let allowed = format!("1 to {MAX_AMOUNT_MINOR} minor units");
        return Err(refuse("principal", principal, allowed));
    }
    if !(1..=MAX_MONTHS).contains(&terms.months) {
        let allowed = format!("1 to {MAX_MONTHS} months");
        return Err(refuse("tenor", i64::from(terms.months), allowed));
    }
    if terms.rate < RatePpm::ZERO {
        return Err(refuse("rate", terms.rate.ppm(), "not negative".to_owned()));
    }
    Ok(())
}

/// Returns a month's interest on a balance, rounded down.
fn monthly_interest(balance: Money, rate: RatePpm) -> Result<Money, Error> {
    balance
        .checked_mul_div(rate.ppm(), 12_000_000)
        .ok_or_else(|| {
            let allowed = "one whose monthly interest is a 64-bit amount".to_owned();
            refuse("rate", rate.ppm(), allowed)
        })
}

/// Returns the regular instalment of an annuity in minor units, rounded down.
fn regular_instalment(terms: ScheduleTerms) -> i64 {
    let factor = annuity_value(monthly(terms.rate), terms.months);
    (terms.principal.minor() as f64 / factor).floor() as i64
}

/// Returns the monthly rate of a nominal yearly rate, a fraction.
pub(crate) fn monthly(rate: RatePpm) -> f64 {
    rate.ppm() as f64 / 12e6
}

/// Returns the present value of one unit a month for `months` months at a monthly rate: a sum of
/// positive terms, so that it is exact to rounding at any rate, zero included.
pub(crate) fn annuity_value(monthly_rate: f64, months: i32) -> f64 {
    let discount = 1.0 / (1.0 + monthly_rate);
    let mut power = 1.0;
    let mut sum = 0.0;
    for _ in 0..months {
        power *= discount;
        sum += power;
    }
    sum
}

#[cfg(test)]
mod tests {
    use fairlead_domain::Currency;
    use proptest::prelude::*;

    use super::*;

    fn terms(principal: i64, ppm: i64, months: i32, repayment: Repayment) -> ScheduleTerms {
        ScheduleTerms {
            principal: Money::new(principal, Currency::CNY),
            rate: RatePpm::new(ppm).expect("in range"),
            months,
            repayment,
        }
    }

    /// Principal, interest and balance of each instalment, minor units.
    fn parts(schedule: &Schedule) -> Vec<(i64, i64, i64)> {
        let parts = |one: Instalment| {
            let Instalment {
                principal,
                interest,
                balance,
            } = one;
            (principal.minor(), interest.minor(), balance.minor())
        };
        schedule.instalments().map(parts).collect()
    }

    fn payments(schedule: &Schedule) -> Vec<i64> {
        schedule.payments().map(Money::minor).collect()
    }

    /// 12,000.00 at 18 % over 12 months: 12,000 * .015 / (1 - 1.015^-12) = 1,100.1599, and
    /// the balances followed by hand in exact decimals.
    #[test]
    fn an_annuity_is_what_a_bank_clerk_computes() {
        let schedule =
            Schedule::new(terms(1_200_000, 180_000, 12, Repayment::Annuity)).expect("lawful");
        let parts = parts(&schedule);
        assert_eq!(parts[0], (92_015, 18_000, 1_107_985));
        let (principal, interest, _) = parts[1];
        assert_eq!((principal, interest), (93_396, 16_619));
        assert_eq!(schedule.first_payment().minor(), 110_015);
        assert_eq!(parts[11], (108_394, 1_625, 0));
        assert_eq!(payments(&schedule)[11], 110_019);
    }

    #[test]
    fn equal_principal_and_bullet() {
        let schedule =
            Schedule::new(terms(1_000, 120_000, 3, Repayment::EqualPrincipal)).expect("lawful");
        assert_eq!(
            parts(&schedule),
            [(333, 10, 667), (333, 6, 334), (334, 3, 0)]
        );

        let schedule =
            Schedule::new(terms(100_000, 120_000, 3, Repayment::Bullet)).expect("lawful");
        assert_eq!(payments(&schedule), [1_000, 1_000, 101_000]);
    }

    #[test]
    fn refuses_what_cannot_be_lent() {
        let names = |terms| Schedule::new(terms).expect_err("refused").to_string();
        assert_eq!(
            names(terms(-5, 1, 12, Repayment::Annuity)),
            "schedule: principal `-5` is not allowed: 1 to 10000000000000 minor units"
        );
        assert!(names(terms(i64::MAX, 1, 12, Repayment::Annuity)).contains("principal"));
        assert!(names(terms(5, 1, 0, Repayment::Annuity)).contains("tenor `0`"));
        assert!(names(terms(5, -1, 1, Repayment::Annuity)).contains("rate `-1`"));
    }

    fn any_terms() -> impl Strategy<Value = ScheduleTerms> {
        (
            1_i64..=MAX_AMOUNT_MINOR,
            1_i64..=10_000,
            0_i64..=1_000_000,
            1_i32..=120,
            prop_oneof![
                Just(Repayment::Annuity),
                Just(Repayment::EqualPrincipal),
                Just(Repayment::Bullet)
            ],
        )
            .prop_map(|(large, small, ppm, months, repayment)| {
                let principal = if large % 2 == 0 { large } else { small };
                terms(principal, ppm, months, repayment)
            })
    }

    proptest! {
        #[test]
        fn instalments_add_up_to_the_cent(terms in any_terms()) {
            let schedule = Schedule::new(terms).expect("in range");
            let mut balance = terms.principal.minor();
            for (principal, interest, left) in parts(&schedule) {
                prop_assert!(principal >= 0 && interest >= 0);
                let exact = i128::from(balance) * i128::from(terms.rate.ppm());
                prop_assert_eq!(i128::from(interest), exact / 12_000_000);
                balance -= principal;
                prop_assert_eq!(left, balance);
            }
            prop_assert_eq!(balance, 0);
            prop_assert_eq!(schedule.instalments().len(), terms.months as usize);
        }

        #[test]
        fn regular_instalments_are_equal_while_they_last(
            principal in 100_000_i64..100_000_000, ppm in 0_i64..=360_000, months in 2_i32..=60
        ) {
            let schedule = Schedule::new(terms(principal, ppm, months, Repayment::Annuity)).expect("in range");
            let payments = payments(&schedule);
            let (last, regular) = payments.split_last().expect("at least one");
            prop_assert!(regular.iter().all(|one| *one == regular[0]));
            // Each month rounds down by less than two units (interest and instalment).
            let drift = 2.0 * (1.0 + ppm as f64 / 12e6).powi(months) * f64::from(months);
            prop_assert!((*last - regular[0]).abs() as f64 <= drift);
        }
    }
}
