//! Money in integer minor units of a currency. Amounts of different currencies do not mix.

use std::cmp::Ordering;
use std::fmt;

use crate::{Error, Share};

/// An ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self(*b"CNY");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");
    /// No currency, ISO 4217's own code for it.
    pub const NONE: Self = Self(*b"XXX");

    /// Takes a three-letter upper-case code.
    pub fn new(code: &str) -> Result<Self, Error> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(Error::new("currency", code, "an ISO 4217 code such as CNY")),
        }
    }

    /// Returns the code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Returns the decimal places of the minor unit (ISO 4217): 2 for most, 0 for yen and won.
    pub fn minor_digits(self) -> u32 {
        match &self.0 {
            b"JPY" | b"KRW" | b"VND" | b"CLP" | b"ISK" | b"XAF" | b"XOF" | b"PYG" | b"UGX" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// An amount in integer minor units of a currency; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// Returns an amount of `minor` minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Returns the minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Returns the currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Returns the sum, or `None` where the currencies differ or it overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self {
            minor: self.minor.checked_add(other.minor)?,
            ..self
        })
    }

    /// Returns the difference, or `None` where the currencies differ or it overflows.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self {
            minor: self.minor.checked_sub(other.minor)?,
            ..self
        })
    }

    /// Returns a share of the amount, rounded down (towards minus infinity).
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        let minor = mul_div_down(self.minor, share.ppm(), Share::ALL.ppm());
        Self {
            // Fits: a share lies between zero and the amount itself.
            minor: minor as i64,
            ..self
        }
    }

    /// Returns `self * by / divisor`, rounded down (towards minus infinity), or `None` where it
    /// overflows or `divisor` is not positive.
    pub fn checked_mul_div(self, by: i64, divisor: i64) -> Option<Self> {
        if divisor <= 0 {
            return None;
        }
        Some(Self {
            minor: i64::try_from(mul_div_down(self.minor, by, divisor)).ok()?,
            ..self
        })
    }

    /// Returns the amount rounded down (towards minus infinity) to a multiple of `step`, or `None`
    /// where the currencies differ, `step` is not positive or the result overflows.
    pub fn floor_to(self, step: Self) -> Option<Self> {
        self.same(step)?;
        if step.minor <= 0 {
            return None;
        }
        let steps = self.minor.div_euclid(step.minor);
        Some(Self {
            minor: steps.checked_mul(step.minor)?,
            ..self
        })
    }

    fn same(self, other: Self) -> Option<()> {
        (self.currency == other.currency).then_some(())
    }
}

/// Returns `value * by / divisor` rounded down, for a positive divisor.
fn mul_div_down(value: i64, by: i64, divisor: i64) -> i128 {
    // A division of 128 bits takes many times as long, and few amounts need it.
    match value.checked_mul(by) {
        Some(product) => i128::from(product.div_euclid(divisor)),
        None => (i128::from(value) * i128::from(by)).div_euclid(i128::from(divisor)),
    }
}

impl PartialOrd for Money {
    /// Returns `None` where the currencies differ, so that every comparison of them is false.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.same(*other)?;
        Some(self.minor.cmp(&other.minor))
    }
}

impl fmt::Display for Money {
    /// Writes the amount with its currency: `1,234.50 CNY`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.minor_digits();
        let unit = 10_u64.pow(digits);
        let size = self.minor.unsigned_abs();
        let units = (size / unit).to_string();
        if self.minor < 0 {
            out.write_str("-")?;
        }
        for (place, digit) in units.chars().enumerate() {
            if place > 0 && (units.len() - place).is_multiple_of(3) {
                out.write_str(",")?;
            }
            write!(out, "{digit}")?;
        }
        if digits > 0 {
            write!(out, ".{:0width$}", size % unit, width = digits as usize)?;
        }
        write!(out, " {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_as_people_write_it() {
        let text =
            |minor, code: &str| Money::new(minor, Currency::new(code).expect("a code")).to_string();
        assert_eq!(text(123_456_789, "CNY"), "1,234,567.89 CNY");
        assert_eq!(text(-5, "USD"), "-0.05 USD");
        assert_eq!(text(1_000, "JPY"), "1,000 JPY");
        assert_eq!(text(i64::MIN, "CNY"), "-92,233,720,368,547,758.08 CNY");
    }

    #[test]
    fn currencies_do_not_mix() {
        let yuan = Money::new(1, Currency::CNY);
        let dollar = Money::new(1, Currency::USD);
        assert_eq!(yuan.checked_add(dollar), None);
        assert_eq!(yuan.checked_sub(dollar), None);
        assert_eq!(yuan.floor_to(dollar), None);
        assert!(!(yuan < dollar || yuan >= dollar));
        assert!(yuan < Money::new(2, Currency::CNY));
        assert_eq!(yuan.floor_to(Money::new(0, Currency::CNY)), None);
        assert!(Currency::new("cny").is_err());
        assert_eq!(yuan.checked_add(Money::new(i64::MAX, Currency::CNY)), None);
    }

    proptest! {
        #[test]
        fn a_share_is_rounded_down_by_less_than_a_minor_unit(minor in any::<i64>(), ppm in 0_i64..=1_000_000) {
            let share = Money::new(minor, Currency::CNY).share(Share::new(ppm).expect("in range"));
            let rest = i128::from(minor) * i128::from(ppm) - i128::from(share.minor()) * 1_000_000;
            prop_assert!((0..1_000_000).contains(&rest));
        }

        #[test]
        fn a_ratio_is_rounded_down_or_refused(minor in any::<i64>(), by in any::<i64>(), divisor in -5_i64..1_000_000) {
            let exact = i128::from(minor) * i128::from(by);
            match Money::new(minor, Currency::CNY).checked_mul_div(by, divisor) {
                Some(ratio) => {
                    let rest = exact - i128::from(ratio.minor()) * i128::from(divisor);
                    prop_assert!((0..i128::from(divisor)).contains(&rest));
                }
                None => prop_assert!(divisor <= 0 || i64::try_from(exact.div_euclid(i128::from(divisor))).is_err()),
            }
        }

        #[test]
        fn rounding_down_never_raises(minor in any::<i64>(), step in 1_i64..1_000_000) {
            let cny = |minor| Money::new(minor, Currency::CNY);
            if let Some(rounded) = cny(minor).floor_to(cny(step)) {
                prop_assert!(rounded <= cny(minor) && minor - rounded.minor() < step);
                prop_assert_eq!(rounded.minor() % step, 0);
            }
        }
    }
}
