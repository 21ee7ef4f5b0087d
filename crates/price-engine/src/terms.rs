//! Amounts as they travel: read from a product's terms, checked, and written into a price.

use fairlead_domain::Currency;
use fairlead_proto::money::v1::Money;

use crate::error::Checks;
use crate::schedule::MAX_AMOUNT_MINOR;

/// The minor units of a term, `low` or more; notes an error and gives `low` where it is not so.
pub(crate) fn minor(
    checks: &mut Checks,
    field: &str,
    money: Option<&Money>,
    currency: Currency,
    low: i64,
) -> i64 {
    let Some(money) = money else {
        checks.require(false, field, "absent", format!("an amount in {currency}"));
        return low;
    };
    checks.require(
        money.currency == currency.code(),
        format!("{field}.currency"),
        &money.currency,
        format!("the strategy's currency, {currency}"),
    );
    if checks.between(field, money.minor, low, MAX_AMOUNT_MINOR) {
        money.minor
    } else {
        low
    }
}

/// Money as it travels.
pub(crate) fn to_proto(minor: i64, currency: Currency) -> Money {
    Money {
        minor,
        currency: currency.code().to_owned(),
    }
}
