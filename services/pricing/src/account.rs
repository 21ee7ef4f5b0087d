//! The meaning of a customer's earlier quotes and acceptances for the next price: read once a call, applied
//! to each product.

use fairlead_chassis::deadline::Deadline;
use fairlead_domain::Currency;
use fairlead_online::{Account, Counting, Owner};
use fairlead_price_engine::Accepted;
use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::pricing::v1::{PriceItem, PricingContext, Refusal, RefusalCause};

use crate::error::Error;
use crate::priced::Standing;
use crate::published::Published;
use crate::service::Service;

/// The feature whose statement covers the exposure of accepted lending.
const EXPOSURE: &str = "exposure_own_minor";
/// The feature whose statement covers its debt service.
const DEBT_SERVICE: &str = "debt_service_monthly_minor";
/// The share of the time left that indicative prices wait for the store.
const INDICATIVE_SHARE: f64 = 0.5;

/// The last rates and the accepted lending of a customer, as of an instant.
#[derive(Debug)]
pub(crate) struct Standings {
    account: Account,
    counting: Counting,
    /// The time of the oldest quote whose rate still bounds a price, Unix milliseconds.
    rates_from_ms: i64,
}

impl Service {
    /// Reads what prices of a customer's credit rest on.
    ///
    /// # Errors
    /// The store cannot be read: a firm price of credit must not pass its guardrails by an outage.
    pub(crate) async fn standings(
        &self,
        owner: Owner<'_>,
        context: &PricingContext,
        now_ms: i64,
        deadline: Option<Deadline>,
    ) -> Result<Standings, Error> {
        let account = self.stored(deadline, self.quotes().account(owner)).await?;
        let kept_ms = i64::try_from(self.config().last_rates_kept().as_millis());
        Ok(Standings {
            account,
            counting: counting(context, now_ms),
            rates_from_ms: now_ms.saturating_sub(kept_ms.unwrap_or(i64::MAX)),
        })
    }

    /// Reads the same for indicative prices. Returns `None` if the store cannot be read in time: then
    /// credit has no price, and other prices go on.
    pub(crate) async fn indicative_standings(
        &self,
        owner: Owner<'_>,
        context: &PricingContext,
        now_ms: i64,
        deadline: Option<Deadline>,
    ) -> Option<Standings> {
        let by = deadline.map(|deadline| deadline.share(INDICATIVE_SHARE));
        match self.standings(owner, context, now_ms, by).await {
            Ok(standings) => Some(standings),
            Err(error) => {
                tracing::warn!(%error, "credit is not priced: the quote store cannot be read");
                None
            }
        }
    }
}

impl Standings {
    /// Returns what they mean for a product; nothing for what is no credit.
    pub(crate) fn of(&self, product: &Product) -> Standing {
        let (true, Ok(currency)) = (is_credit(product), Currency::new(&product.currency)) else {
            return Standing::default();
        };
        let Self {
            account, counting, ..
        } = self;
        let sum = account.lending(currency, *counting);
        Standing {
            last_rate_ppm: account.last_rate(&product.product_id, currency, self.rates_from_ms),
            accepted: Accepted {
                exposure_minor: sum.exposure_minor,
                monthly_minor: sum.monthly_minor,
            },
        }
    }
}

/// Returns what a customer's standings, if they were read, mean for an item.
///
/// # Errors
/// A refusal where the item is credit and they were not read.
pub(crate) fn standing(
    published: &Published,
    item: &PriceItem,
    standings: Option<&Standings>,
) -> Result<Standing, Box<Refusal>> {
    let product = published.live.catalogue.get(&item.product_id);
    match (product.filter(|product| is_credit(product)), standings) {
        // The engine refuses an unknown product.
        (None, _) => Ok(Standing::default()),
        (Some(product), Some(standings)) => Ok(standings.of(product)),
        (Some(_), None) => Err(Box::new(Refusal {
            cause: RefusalCause::MissingInput.into(),
            detail: "the customer's last rate and accepted lending cannot be read now; a price of \
                     credit needs them"
                .to_owned(),
            ..Refusal::default()
        })),
    }
}

/// Returns which accepted lending counts: what was accepted after the bank's newest statements.
pub(crate) fn counting(context: &PricingContext, now_ms: i64) -> Counting {
    let stated = |name: &str| {
        context
            .stated_ms
            .get(name)
            .copied()
            .unwrap_or_default()
            .max(0)
    };
    Counting {
        now_ms,
        exposure_stated_ms: stated(EXPOSURE),
        monthly_stated_ms: stated(DEBT_SERVICE),
    }
}

/// Returns true if a product is lent: a loan, an instalment plan or a card.
pub(crate) fn is_credit(product: &Product) -> bool {
    matches!(
        product.kind(),
        ProductKind::CashLoan | ProductKind::InstalmentPlan | ProductKind::CreditCard
    )
}
