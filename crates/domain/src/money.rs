//! Money: integer minor units with a currency. Sums of different currencies do not exist.

use std::fmt;

use crate::{Error, RatePpm};

/// An ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Self = Self(*b"CNY");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// Takes a three-letter upper-case code.
    pub fn new(code: &str) -> Result<Self, Error> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(Error::new("currency", code, "an ISO 4217 code such as CNY")),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimal places of the minor unit (ISO 4217): 2 for most, 0 for yen and won.
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
    /// An amount of `minor` minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, or nothing when currencies differ or the sum overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self {
            minor: self.minor.checked_add(other.minor)?,
            ..self
        })
    }

    /// The difference, or nothing when currencies differ or it overflows.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.same(other)?;
        Some(Self {
            minor: self.minor.checked_sub(other.minor)?,
            ..self
        })
    }

    /// `rate` of the amount, rounded half to even; nothing on overflow.
    pub fn checked_share(self, rate: RatePpm) -> Option<Self> {
        let exact = i128::from(self.minor) * i128::from(rate.ppm());
        Some(Self {
            minor: divide_half_even(exact, 1_000_000)?,
            ..self
        })
    }

    /// The amount rounded down (towards minus infinity) to a multiple of `step` minor units.
    /// Nothing when `step` is not positive or the result does not fit.
    pub fn floor_to(self, step: i64) -> Option<Self> {
        if step <= 0 {
            return None;
        }
        let minor = self.minor.checked_div_euclid(step)?.checked_mul(step)?;
        Some(Self { minor, ..self })
    }

    fn same(self, other: Self) -> Option<()> {
        (self.currency == other.currency).then_some(())
    }
}

/// `value / by`, half to even, when it fits 64 bits.
fn divide_half_even(value: i128, by: i128) -> Option<i64> {
    let (quotient, rest) = (value.div_euclid(by), value.rem_euclid(by));
    let up = rest * 2 > by || (rest * 2 == by && quotient % 2 != 0);
    i64::try_from(quotient + i128::from(up)).ok()
}

impl fmt::Display for Money {
    /// As people write it: `1,234.50 CNY`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.minor_digits();
        let unit = 10_u64.pow(digits);
        let size = self.minor.unsigned_abs();
        let whole = (size / unit).to_string();
        if self.minor < 0 {
            out.write_str("-")?;
        }
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
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
        assert_eq!(yuan.checked_add(Money::new(1, Currency::USD)), None);
        assert!(Currency::new("cny").is_err());
        assert_eq!(yuan.checked_add(Money::new(i64::MAX, Currency::CNY)), None);
    }

    proptest! {
        #[test]
        fn a_share_is_within_half_a_minor_unit(minor in -1_000_000_000_000_i64..1_000_000_000_000, ppm in 0_i64..2_000_000) {
            let rate = RatePpm::new(ppm).expect("in range");
            let share = Money::new(minor, Currency::CNY).checked_share(rate).expect("fits");
            let error = i128::from(share.minor()) * 1_000_000 - i128::from(minor) * i128::from(ppm);
            prop_assert!(error.abs() <= 500_000);
        }

        #[test]
        fn rounding_down_never_raises(minor in any::<i64>(), step in 1_i64..1_000_000) {
            if let Some(rounded) = Money::new(minor, Currency::CNY).floor_to(step) {
                prop_assert!(rounded.minor() <= minor && minor - rounded.minor() < step);
                prop_assert_eq!(rounded.minor() % step, 0);
            }
        }
    }
}
