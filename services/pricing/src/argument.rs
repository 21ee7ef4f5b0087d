//! The checks of a request: every field is checked before anything is priced.

use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_price_engine::Features;
use fairlead_proto::pricing::v1::PricingContext;
use fairlead_registry::{FeatureReader, Purpose, Registry};

use crate::error::Error;
use crate::published::Published;

/// The most products that one call may price.
pub(crate) const MOST_ITEMS: usize = 200;
/// The length of the longest idempotency key, characters.
const LONGEST_KEY: usize = 64;
/// The length of the longest name of a caller, characters.
const LONGEST_CALLER: usize = 128;
/// The largest record of a caller, bytes.
const LARGEST_RECORD: usize = 256 << 10;
/// The farthest that a firm quote's instant may lie from the service's, milliseconds.
const SKEW_MS: i64 = 5 * 60_000;

/// A customer's features for the purpose price, as the engine reads them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceFeatures<'a>(FeatureReader<'a>);

impl<'a> PriceFeatures<'a> {
    /// Reads the features of a request; they must be for the purpose price.
    pub(crate) fn read(registry: &'a Registry, context: &'a PricingContext) -> Result<Self, Error> {
        let Some(set) = &context.features else {
            let allowed = "the customer's features for the purpose price";
            return Err(Error::argument("context.features", "", allowed));
        };
        Ok(Self(FeatureReader::for_purpose(
            registry,
            set,
            Purpose::Price,
        )?))
    }
}

impl Features for PriceFeatures<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        self.0.number(name)
    }

    fn category(&self, name: &str) -> Option<&str> {
        self.0.category(name)
    }
}

/// Returns the tenant, whose release must be the one served here, and the customer of a request.
pub(crate) fn check_context(
    context: Option<&PricingContext>,
    published: &Published,
) -> Result<(TenantId, CustomerId), Error> {
    let Some(context) = context else {
        return Err(Error::argument("context", "", "who is priced for"));
    };
    let (tenant, customer) = check_customer(&context.tenant, &context.customer_id)?;
    if tenant.as_str() != published.live.release.tenant {
        return Err(Error::Tenant {
            asked: tenant.to_string(),
            served: published.live.release.tenant.clone(),
        });
    }
    if context.as_of_ms < 0 {
        let allowed = "Unix milliseconds from 1, or 0 for now";
        return Err(Error::argument(
            "context.as_of_ms",
            context.as_of_ms,
            allowed,
        ));
    }
    Ok((tenant, customer))
}

/// Returns the tenant and the customer of a request.
pub(crate) fn check_customer(
    tenant: &str,
    customer: &str,
) -> Result<(TenantId, CustomerId), Error> {
    let refused =
        |field, error: fairlead_domain::Error| Error::argument(field, error.value, error.allowed);
    let tenant = TenantId::new(tenant).map_err(|error| refused("tenant", error))?;
    let customer = CustomerId::new(customer).map_err(|error| refused("customer_id", error))?;
    Ok((tenant, customer))
}

pub(crate) fn check_quote_id(quote_id: &str) -> Result<(), Error> {
    match ProductId::new(quote_id) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::argument("quote_id", error.value, error.allowed)),
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    let fits = (1..=LONGEST_KEY).contains(&key.chars().count());
    if fits && !key.chars().any(char::is_control) {
        return Ok(());
    }
    let allowed = "1 to 64 characters without control characters";
    let shown: String = key.chars().filter(|one| !one.is_control()).collect();
    Err(Error::argument("idempotency_key", shown, allowed))
}

/// Checks the name of the principal whose idempotency key it is.
pub(crate) fn check_caller(caller: &str) -> Result<(), Error> {
    let fits = (1..=LONGEST_CALLER).contains(&caller.chars().count());
    if fits && !caller.chars().any(char::is_control) {
        return Ok(());
    }
    let allowed = "1 to 128 characters without control characters";
    let shown: String = caller
        .chars()
        .filter(|one| !one.is_control())
        .take(80)
        .collect();
    Err(Error::argument("caller", shown, allowed))
}

/// Checks the size of what the caller will log.
pub(crate) fn check_record(record: &[u8]) -> Result<(), Error> {
    if record.len() <= LARGEST_RECORD {
        return Ok(());
    }
    let allowed = format!("at most {LARGEST_RECORD} bytes");
    Err(Error::argument("record", record.len(), allowed))
}

/// Refuses an instant of a firm quote that is not `now_ms`, at which it is priced.
pub(crate) fn check_instant(as_of_ms: i64, now_ms: i64) -> Result<(), Error> {
    if as_of_ms == 0 || as_of_ms.abs_diff(now_ms) <= SKEW_MS.unsigned_abs() {
        return Ok(());
    }
    let allowed = format!("0, or within five minutes of {now_ms}");
    Err(Error::argument("context.as_of_ms", as_of_ms, allowed))
}
