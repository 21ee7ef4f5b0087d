//! Customers who call with the lender's own token for them: `sub` is the only customer that such a call
//! may name.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fairlead_authentication::Denied;
use fairlead_authentication::jwt::{Freshness, Options, Refused, Verifier};
use fairlead_chassis::clock::Clock;
use fairlead_domain::{CustomerId, TenantId};
use fairlead_identity::{Kind, Principal, Tenants};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::config::{Config, CustomerTokensConfig};
use crate::scopes::of_apps;

/// After so many calls the buckets that are full again are dropped.
const UPKEEP_EVERY: u64 = 10_000;

/// Takes tokens of customers.
pub(crate) struct CustomerTokens {
    verifier: Verifier,
    tenant: TenantId,
    requests_per_second: NonZeroU32,
    /// One bucket per customer.
    limiter: DefaultKeyedRateLimiter<CustomerId>,
    calls: AtomicU64,
}

impl CustomerTokens {
    pub(crate) fn new(
        tokens: &CustomerTokensConfig,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let (tenant, requests_per_second) = tokens.check(&config.default_tenant)?;
        let options = Options {
            issuer: tokens.issuer.clone(),
            audience: tokens.audience.clone(),
            jwks_url: tokens.jwks_url.clone(),
            algorithms: tokens.algorithms.clone(),
            leeway: Duration::from_secs(tokens.leeway_seconds),
            freshness: Freshness::default(),
        };
        Ok(Self {
            verifier: Verifier::new(options, clock.clone())?,
            tenant,
            requests_per_second,
            limiter: RateLimiter::keyed(Quota::per_second(requests_per_second)),
            calls: AtomicU64::new(0),
        })
    }

    /// Keeps the issuer's keys fresh until `shutdown`.
    pub(crate) async fn keep_fresh(&self, shutdown: CancellationToken) {
        self.verifier.keep_fresh(shutdown).await;
    }

    /// Returns the customer of a token as a caller, with what an app may do, for this customer alone.
    pub(crate) async fn caller(&self, token: &str) -> Result<Principal, Denied> {
        let customer = self.customer(token).await?;
        let tenants = Tenants::One(self.tenant.clone());
        Ok(Principal::new(Kind::Customer, customer.as_str(), tenants)
            .with_permissions(of_apps())
            .for_customer(customer))
    }

    /// Returns a caller as one who speaks for the customer of a token and no other.
    pub(crate) async fn bind(&self, caller: Principal, token: &str) -> Result<Principal, Denied> {
        let customer = self.customer(token).await?;
        match caller.customer() {
            Some(own) if *own != customer => Err(Denied::Unknown(
                "authorization and x-customer-token are of two customers",
            )),
            _ => Ok(caller.within(&self.tenant)?.for_customer(customer)),
        }
    }

    /// Returns the customer of a token.
    async fn customer(&self, token: &str) -> Result<CustomerId, Denied> {
        let claims = self.verifier.verify(token).await?;
        let customer = CustomerId::new(&claims.subject)
            .map_err(|_| Refused::Malformed("`sub` is no id of a customer"))?;
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(UPKEEP_EVERY) {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&customer) {
            Ok(()) => Ok(customer),
            Err(_) => Err(Denied::TooMany(self.requests_per_second)),
        }
    }
}
