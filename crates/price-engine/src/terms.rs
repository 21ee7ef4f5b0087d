//! Amounts on the wire: read from a product's terms, checked, and written into a price.

use fairlead_domain::{Currency, Money};
use fairlead_proto::money::v1 as pb;

use crate::error::Checks;
use crate::schedule::MAX_AMOUNT_MINOR;

/// Returns the amount of a term, at least `least` minor units. Notes an error and returns `least`
/// where the term is absent, in another currency or out of range.
pub(crate) fn amount(
    checks: &mut Checks,
    field: &str,
    money: Option<&pb::Money>,
    least: Money,
) -> Money {
    let currency = least.currency();
    let Some(money) = money else {
        checks.require(false, field, "absent", format!("an amount in {currency}"));
        return least;
    };
    checks.require(
        money.currency == currency.code(),
        format!("{field}.currency"),
        &money.currency,
        format!("the strategy's currency, {currency}"),
    );
    if checks.within(field, money.minor, least.minor()..=MAX_AMOUNT_MINOR) {
        Money::new(money.minor, currency)
    } else {
        least
    }
}

/// The smallest amount that can be lent, invested or insured: one minor unit.
pub(crate) const fn one_unit(currency: Currency) -> Money {
    Money::new(1, currency)
}

/// Returns the amount as a message.
pub(crate) fn to_proto(money: Money) -> pb::Money {
    pb::Money {
        minor: money.minor(),
        currency: money.currency().code().to_owned(),
    }
}
