//! Last rates and accepted lending of one customer: a hash of its own beside the quotes, each entry
//! readable text.
//!
//! The sum over accepted lending is here for the store in memory and for readers. The script
//! `accept_once` computes the same where it accepts; the conformance suite holds them equal.

use std::fmt;

use fairlead_domain::Currency;
use fairlead_proto::pricing::v1::Reservation;

use crate::error::Error;

/// The beginning of a field that holds a last rate; product and currency follow.
const RATE: &str = "r:";
/// The beginning of a field that holds accepted lending; the quote's id follows.
const LENDING: &str = "l:";

/// A bound of lending to one customer, over all products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The cap on what one person may owe.
    Exposure,
    /// The debt service that income affords in a month.
    Monthly,
}

/// A test of new lending against what else the customer accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LendingTest {
    /// The new lending.
    pub lending: AcceptedLoan,
    /// The headroom for accepted lending under the cap on exposure, minor units; `None` where no cap
    /// binds.
    pub exposure_headroom_minor: Option<i64>,
    /// The headroom for accepted lending in debt service a month, minor units.
    pub monthly_headroom_minor: i64,
    /// The lending that counts.
    pub counting: Counting,
}

/// Which accepted lending still counts beside the bank's own statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    /// Now, Unix milliseconds: what has ended counts no more.
    pub now_ms: i64,
    /// The time of the bank's newest statement of the exposure, which covers what was accepted until
    /// then; 0 if there is none.
    pub exposure_stated_ms: i64,
    /// The time of the bank's newest statement of the debt service; 0 if there is none.
    pub monthly_stated_ms: i64,
}

/// One accepted loan or limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedLoan {
    /// The currency of its amounts.
    pub currency: Currency,
    /// The exposure, minor units; not negative.
    pub exposure_minor: i64,
    /// The debt service a month, minor units; not negative.
    pub monthly_minor: i64,
    /// The time of the acceptance, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// The time from which it counts no more, Unix milliseconds.
    pub ends_at_ms: i64,
}

/// The last rate of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRate {
    /// The yearly rate, ppm.
    pub rate_ppm: i64,
    /// The time of the quote, Unix milliseconds.
    pub quoted_at_ms: i64,
}

/// Sums over accepted lending, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LendingSum {
    /// The exposure that counts.
    pub exposure_minor: i64,
    /// The debt service a month that counts.
    pub monthly_minor: i64,
}

/// The last rates and the accepted lending of one customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    rates: Vec<(String, LastRate)>,
    loans: Vec<(String, AcceptedLoan)>,
}

impl AcceptedLoan {
    /// Returns the lending of a reservation, or `None` if it holds no amounts of one currency.
    pub fn of(reservation: &Reservation, accepted_at_ms: i64) -> Option<Self> {
        let exposure = reservation.exposure.as_ref()?;
        let monthly = reservation.monthly.as_ref()?;
        let loan = Self {
            currency: Currency::new(&exposure.currency).ok()?,
            exposure_minor: exposure.minor,
            monthly_minor: monthly.minor,
            accepted_at_ms,
            ends_at_ms: reservation.ends_at_ms,
        };
        let valid = exposure.currency == monthly.currency && exposure.minor >= 0;
        (valid && monthly.minor >= 0).then_some(loan)
    }
}

impl Account {
    /// Reads the fields of the hash.
    pub(crate) fn read<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let mut account = Self::default();
        for (field, value) in fields {
            let unreadable = || Error::Corrupt {
                thing: "account of a customer",
                detail: "an entry of it is unreadable".to_owned(),
            };
            if let Some(of) = field.strip_prefix(RATE) {
                let rate = LastRate::read(value).ok_or_else(unreadable)?;
                account.rates.push((of.to_owned(), rate));
            } else if let Some(of) = field.strip_prefix(LENDING) {
                let loan = AcceptedLoan::read(value).ok_or_else(unreadable)?;
                account.loans.push((of.to_owned(), loan));
            }
        }
        Ok(account)
    }

    /// Returns the rate of the customer's last firm quote of a product in a currency, or `None` if
    /// there is none since `from_ms`, Unix milliseconds.
    pub fn last_rate(&self, product_id: &str, currency: Currency, from_ms: i64) -> Option<i64> {
        let wanted = rate_of(product_id, currency);
        let found = self.rates.iter().find(|(of, _)| *of == wanted)?;
        (found.1.quoted_at_ms >= from_ms).then_some(found.1.rate_ppm)
    }

    /// Returns the sums over accepted lending of one currency that counts.
    pub fn lending(&self, currency: Currency, counting: Counting) -> LendingSum {
        let mut sum = LendingSum::default();
        let of_currency = |loan: &&AcceptedLoan| loan.currency == currency;
        for loan in self.loans.iter().map(|(_, loan)| loan).filter(of_currency) {
            if loan.ends_at_ms <= counting.now_ms {
                continue;
            }
            if loan.accepted_at_ms > counting.exposure_stated_ms {
                sum.exposure_minor = sum.exposure_minor.saturating_add(loan.exposure_minor);
            }
            if loan.accepted_at_ms > counting.monthly_stated_ms {
                sum.monthly_minor = sum.monthly_minor.saturating_add(loan.monthly_minor);
            }
        }
        sum
    }

    /// Returns the bound that new lending would pass, with what is taken of it, or `None` if it
    /// passes none.
    pub(crate) fn no_headroom(&self, test: &LendingTest) -> Option<(Bound, i64)> {
        let taken = self.lending(test.lending.currency, test.counting);
        let passes = |taken: i64, new: i64, headroom: i64| taken.saturating_add(new) > headroom;
        let exposure = test.exposure_headroom_minor.filter(|headroom| {
            passes(taken.exposure_minor, test.lending.exposure_minor, *headroom)
        });
        let monthly = test.monthly_headroom_minor;
        if exposure.is_some() {
            Some((Bound::Exposure, taken.exposure_minor))
        } else if passes(taken.monthly_minor, test.lending.monthly_minor, monthly) {
            Some((Bound::Monthly, taken.monthly_minor))
        } else {
            None
        }
    }
}

fn rate_of(product_id: &str, currency: Currency) -> String {
    format!("{product_id}:{currency}")
}

/// Returns the field of a product's last rate.
pub(crate) fn rate_field(product_id: &str, currency: Currency) -> String {
    format!("{RATE}{}", rate_of(product_id, currency))
}

/// Returns the field of the lending that a quote began.
pub(crate) fn lending_field(quote_id: &str) -> String {
    format!("{LENDING}{quote_id}")
}

impl fmt::Display for LastRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.rate_ppm, self.quoted_at_ms)
    }
}

impl LastRate {
    /// Reads what was written, or returns `None` for another text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (rate, at) = text.split_once(' ')?;
        Some(Self {
            rate_ppm: rate.parse().ok()?,
            quoted_at_ms: at.parse().ok()?,
        })
    }
}

impl fmt::Display for AcceptedLoan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            currency,
            exposure_minor,
            monthly_minor,
            accepted_at_ms,
            ends_at_ms,
        } = self;
        write!(
            out,
            "{currency} {exposure_minor} {monthly_minor} {accepted_at_ms} {ends_at_ms}"
        )
    }
}

impl AcceptedLoan {
    /// Reads what was written, or returns `None` for another text.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let currency = Currency::new(words.next()?).ok()?;
        let mut number = || -> Option<i64> { words.next()?.parse().ok() };
        Some(Self {
            currency,
            exposure_minor: number()?,
            monthly_minor: number()?,
            accepted_at_ms: number()?,
            ends_at_ms: number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loan(exposure_minor: i64, accepted_at_ms: i64, ends_at_ms: i64) -> AcceptedLoan {
        AcceptedLoan {
            currency: Currency::CNY,
            exposure_minor,
            monthly_minor: exposure_minor / 10,
            accepted_at_ms,
            ends_at_ms,
        }
    }

    fn account(loans: &[AcceptedLoan]) -> Account {
        let texts: Vec<(String, String)> = (0..)
            .zip(loans)
            .map(|(number, loan)| (format!("l:q{number}"), loan.to_string()))
            .collect();
        Account::read(texts.iter().map(|(field, value)| (&**field, &**value))).expect("readable")
    }

    #[test]
    fn a_statement_of_the_bank_covers_what_was_accepted_until_then_and_an_end_ends() {
        let account = account(&[
            loan(100, 10, 1_000),
            loan(200, 20, 1_000),
            loan(400, 20, 50),
        ]);
        let sum = |now_ms, exposure_stated_ms, monthly_stated_ms| {
            let counting = Counting {
                now_ms,
                exposure_stated_ms,
                monthly_stated_ms,
            };
            let sum = account.lending(Currency::CNY, counting);
            (sum.exposure_minor, sum.monthly_minor)
        };
        assert_eq!(sum(30, 0, 0), (700, 70));
        assert_eq!(sum(30, 9, 9), (700, 70));
        assert_eq!(sum(30, 10, 0), (600, 70));
        assert_eq!(sum(30, 0, 20), (700, 0));
        assert_eq!(sum(50, 0, 0), (300, 30));
        assert_eq!(sum(1_000, 0, 0), (0, 0));
        let counting = Counting {
            now_ms: 30,
            exposure_stated_ms: 0,
            monthly_stated_ms: 0,
        };
        let other = account.lending(Currency::USD, counting);
        assert_eq!(other, LendingSum::default());
    }

    #[test]
    fn what_is_written_reads_back_and_junk_does_not() {
        let one = loan(123_456_789_012, 1_795_363_200_000, 1_895_363_200_000);
        assert_eq!(AcceptedLoan::read(&one.to_string()), Some(one));
        let rate = LastRate {
            rate_ppm: 0,
            quoted_at_ms: 7,
        };
        assert_eq!(LastRate::read(&rate.to_string()), Some(rate));
        for junk in ["", "CNY 1 2 3", "cny 1 2 3 4", "CNY a 2 3 4"] {
            assert_eq!(AcceptedLoan::read(junk), None, "{junk}");
        }
        let error = Account::read([("l:q1", "junk")]).expect_err("unreadable");
        assert!(error.to_string().contains("account of a customer"));
    }

    #[test]
    fn a_last_rate_is_of_one_product_and_currency_and_grows_old() {
        let field = rate_field("LOAN", Currency::CNY);
        let account = Account::read([(&*field, "0 100")]).expect("readable");
        assert_eq!(account.last_rate("LOAN", Currency::CNY, 100), Some(0));
        assert_eq!(account.last_rate("LOAN", Currency::CNY, 101), None);
        assert_eq!(account.last_rate("LOAN", Currency::USD, 0), None);
        assert_eq!(account.last_rate("LOAN-2", Currency::CNY, 0), None);
    }
}
