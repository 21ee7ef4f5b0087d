//! The repayment schedule: instalments in whole minor units that add up to the cent.
//!
//! Rounding never costs the customer: the interest of a month, the regular instalment and every
//! fee are rounded down, and the last instalment takes what is left. Hence the internal rate of
//! return of the instalments is never above that of the unrounded schedule, and a cap that holds
//! for the formula holds for the cents. The proof is beside [`crate::highest_lawful_rate`].

use fairlead_domain::RatePpm;
use fairlead_proto::catalogue::v1::RepaymentMethod;
use fairlead_proto::pricing::v1 as pb;

use crate::Error;

/// The longest tenor, months.
pub const MAX_MONTHS: i32 = 600;
/// The largest amount, minor units (a hundred billion of a two-digit currency): every amount is
/// exact as a floating-point number, and no product of amount and rate leaves 128 bits.
pub const MAX_AMOUNT_MINOR: i64 = 10_000_000_000_000;

/// How principal comes back.
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
    /// The method of a product's terms; nothing for "unspecified".
    pub fn from_proto(method: RepaymentMethod) -> Option<Self> {
        match method {
            RepaymentMethod::Unspecified => None,
            RepaymentMethod::Annuity => Some(Self::Annuity),
            RepaymentMethod::EqualPrincipal => Some(Self::EqualPrincipal),
            RepaymentMethod::Bullet => Some(Self::Bullet),
        }
    }
}

/// One instalment, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalment {
    /// Principal part.
    pub principal: i64,
    /// Interest part.
    pub interest: i64,
    /// Outstanding after it.
    pub balance: i64,
}

impl Instalment {
    /// What is paid.
    pub fn payment(&self) -> i64 {
        self.principal + self.interest
    }
}

/// What a schedule is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Amount lent, minor units, 1 to [`MAX_AMOUNT_MINOR`].
    pub principal: i64,
    /// Nominal yearly rate, not negative; a month bears a twelfth.
    pub rate: RatePpm,
    /// 1 to [`MAX_MONTHS`].
    pub months: i32,
    /// How principal comes back.
    pub repayment: Repayment,
}

/// A repayment schedule, one instalment a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    terms: Terms,
    instalments: Vec<Instalment>,
}

impl Schedule {
    /// Lays out the instalments.
    pub fn new(terms: Terms) -> Result<Self, Error> {
        check(terms)?;
        let months = terms.months;
        let regular = match terms.repayment {
            Repayment::Annuity => regular_instalment(terms),
            Repayment::EqualPrincipal => terms.principal / i64::from(months),
            Repayment::Bullet => 0,
        };
        let mut balance = terms.principal;
        let instalments = (1..=months)
            .map(|month| {
                let interest = interest_of(balance, terms.rate);
                let principal = match terms.repayment {
                    _ if month == months => balance,
                    Repayment::Annuity => (regular - interest).clamp(0, balance),
                    Repayment::EqualPrincipal | Repayment::Bullet => regular,
                };
                balance -= principal;
                Instalment {
                    principal,
                    interest,
                    balance,
                }
            })
            .collect();
        Ok(Self { terms, instalments })
    }

    /// What it was made from.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The instalments in order.
    pub fn instalments(&self) -> &[Instalment] {
        &self.instalments
    }

    /// The payments in order, minor units.
    pub fn payments(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone {
        self.instalments.iter().map(Instalment::payment)
    }

    /// The first instalment: the regular one of an annuity, the largest of equal principal.
    pub fn first_payment(&self) -> i64 {
        self.instalments.first().map_or(0, Instalment::payment)
    }

    /// As it travels.
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

fn check(terms: Terms) -> Result<(), Error> {
    let refuse = |field: &str, value: i64, allowed: String| Error::Value {
        subject: "schedule".to_owned(),
        field: field.to_owned(),
        value: value.to_string(),
        allowed,
    };
    if !(1..=MAX_AMOUNT_MINOR).contains(&terms.principal) {
        let allowed = format!("1 to {MAX_AMOUNT_MINOR} minor units");
        return Err(refuse("principal", terms.principal, allowed));
    }
    if !(1..=MAX_MONTHS).contains(&terms.months) {
        let allowed = format!("1 to {MAX_MONTHS} months");
        return Err(refuse("tenor", i64::from(terms.months), allowed));
    }
    if terms.rate.ppm() < 0 {
        return Err(refuse("rate", terms.rate.ppm(), "not negative".to_owned()));
    }
    Ok(())
}

/// A month's interest on a balance, rounded down.
fn interest_of(balance: i64, rate: RatePpm) -> i64 {
    let exact = i128::from(balance) * i128::from(rate.ppm());
    i64::try_from(exact / 12_000_000).unwrap_or(i64::MAX)
}

/// The regular instalment of an annuity, rounded down.
fn regular_instalment(terms: Terms) -> i64 {
    let factor = annuity_value(monthly(terms.rate), terms.months);
    (terms.principal as f64 / factor).floor() as i64
}

/// The monthly rate of a nominal yearly rate, as a fraction.
pub(crate) fn monthly(rate: RatePpm) -> f64 {
    rate.ppm() as f64 / 12e6
}

/// Present value of one unit a month for `months` months at a monthly rate: a sum of positive
/// terms, so that it is exact to rounding at any rate, zero included.
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
    use proptest::prelude::*;

    use super::*;

    fn terms(principal: i64, ppm: i64, months: i32, repayment: Repayment) -> Terms {
        Terms {
            principal,
            rate: RatePpm::new(ppm).expect("in range"),
            months,
            repayment,
        }
    }

    /// 12,000.00 at 18 % over 12 months: 12,000 * .015 / (1 - 1.015^-12) = 1,100.1599, and
    /// the balances followed by hand in exact decimals.
    #[test]
    fn an_annuity_is_what_a_bank_clerk_computes() {
        let schedule =
            Schedule::new(terms(1_200_000, 180_000, 12, Repayment::Annuity)).expect("lawful");
        let first = schedule.instalments()[0];
        assert_eq!((first.principal, first.interest), (92_015, 18_000));
        assert_eq!(first.balance, 1_107_985);
        let second = schedule.instalments()[1];
        assert_eq!((second.principal, second.interest), (93_396, 16_619));
        assert_eq!(schedule.first_payment(), 110_015);
        let last = schedule.instalments()[11];
        assert_eq!((last.principal, last.interest), (108_394, 1_625));
        assert_eq!((last.payment(), last.balance), (110_019, 0));
    }

    #[test]
    fn equal_principal_and_bullet() {
        let schedule =
            Schedule::new(terms(1_000, 120_000, 3, Repayment::EqualPrincipal)).expect("lawful");
        let parts: Vec<_> = schedule
            .instalments()
            .iter()
            .map(|one| (one.principal, one.interest, one.balance))
            .collect();
        assert_eq!(parts, [(333, 10, 667), (333, 6, 334), (334, 3, 0)]);

        let schedule =
            Schedule::new(terms(100_000, 120_000, 3, Repayment::Bullet)).expect("lawful");
        assert_eq!(
            schedule.payments().collect::<Vec<_>>(),
            [1_000, 1_000, 101_000]
        );
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

    fn any_terms() -> impl Strategy<Value = Terms> {
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
            let mut balance = terms.principal;
            for instalment in schedule.instalments() {
                prop_assert!(instalment.principal >= 0 && instalment.interest >= 0);
                let exact = i128::from(balance) * i128::from(terms.rate.ppm());
                prop_assert_eq!(i128::from(instalment.interest), exact / 12_000_000);
                balance -= instalment.principal;
                prop_assert_eq!(instalment.balance, balance);
            }
            prop_assert_eq!(balance, 0);
            prop_assert_eq!(schedule.instalments().len(), terms.months as usize);
        }

        #[test]
        fn regular_instalments_are_equal_while_they_last(
            principal in 100_000_i64..100_000_000, ppm in 0_i64..=360_000, months in 2_i32..=60
        ) {
            let schedule = Schedule::new(terms(principal, ppm, months, Repayment::Annuity)).expect("in range");
            let payments: Vec<i64> = schedule.payments().collect();
            let (last, regular) = payments.split_last().expect("at least one");
            prop_assert!(regular.iter().all(|one| *one == regular[0]));
            // Each month rounds down by less than two units (interest and instalment).
            let drift = 2.0 * (1.0 + ppm as f64 / 12e6).powi(months) * f64::from(months);
            prop_assert!((*last - regular[0]).abs() as f64 <= drift);
        }
    }
}
