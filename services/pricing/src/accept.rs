//! The acceptance of a firm quote: judged by the customer's facts of the moment, bounded by what else
//! the customer accepted, stored once.

use std::collections::BTreeMap;

use fairlead_chassis::deadline::Deadline;
use fairlead_domain::{CustomerId, StrategyLabel, TenantId};
use fairlead_online::{
    AcceptOutcome, AcceptedLoan, Bound, KeptAnswer, LendingTest, LoggedRecord, NewAcceptance,
    Owner, StoredAcceptance,
};
use fairlead_price_engine::{Inputs, LendingHeadroom};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, AcceptQuoteResponse, Acceptance, CustomerFacts, MarkLoggedRequest,
    PricingContext, Quote, Refusal, RefusalCause, Reservation, VerifyQuoteRequest,
    VerifyQuoteResponse,
};
use prost::Message as _;

use crate::account::counting;
use crate::argument::{PriceFeatures, check_customer, check_quote_id};
use crate::error::Error;
use crate::priced::Standing;
use crate::published::Published;
use crate::sellable;
use crate::service::Service;

/// The longest month, milliseconds.
const MONTH_MS: i64 = 31 * 86_400_000;

/// A quote that its customer wants to accept now.
struct Accepting<'a> {
    owner: Owner<'a>,
    quote: &'a Quote,
    context: &'a PricingContext,
    facts: &'a CustomerFacts,
    now_ms: i64,
}

impl Service {
    pub(crate) async fn verify(
        &self,
        request: &VerifyQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<VerifyQuoteResponse, Error> {
        let Some(quote) = &request.quote else {
            let allowed = "the quote as it was given out";
            return Err(Error::argument("quote", "", allowed));
        };
        if !self.keys().is_genuine(quote) {
            return Ok(VerifyQuoteResponse::default());
        }
        let (tenant, customer) = check_customer(&quote.tenant, &quote.customer_id)?;
        let owner = owner(&tenant, &customer);
        let stored = self
            .stored(deadline, self.quotes().get(owner, &quote.quote_id))
            .await?;
        let acceptance = stored.and_then(|stored| stored.acceptance);
        Ok(VerifyQuoteResponse {
            genuine: true,
            in_time: self.now_ms() < quote.expires_at_ms,
            // Nobody was told of an acceptance before the log had it.
            accepted: acceptance.is_some_and(|acceptance| acceptance.logged),
        })
    }

    pub(crate) async fn accept(
        &self,
        request: &AcceptQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<AcceptQuoteResponse, Error> {
        let Some(context) = &request.context else {
            return Err(Error::argument("context", "", "who accepts"));
        };
        let (tenant, customer) = check_customer(&context.tenant, &context.customer_id)?;
        check_quote_id(&request.quote_id)?;
        let (quote_id, owner) = (&request.quote_id, owner(&tenant, &customer));
        let stored = self
            .stored(deadline, self.quotes().get(owner, quote_id))
            .await?;
        let stored = stored.ok_or_else(|| unknown(quote_id))?;
        let kept = KeptAnswer::from_bytes(&stored.content);
        let kept = kept.map_err(|_| tampered(quote_id, "content"))?;
        let quote = kept.quote.ok_or_else(|| unknown(quote_id))?;
        if quote.quote_id != *quote_id
            || quote.customer_id != customer.as_str()
            || !self.keys().is_genuine(&quote)
        {
            return Err(tampered(quote_id, "signature"));
        }
        let accepting = Accepting {
            owner,
            quote: &quote,
            context,
            facts: sellable::required(request.facts.as_ref())?,
            now_ms: self.now_ms(),
        };
        let (acceptance, logged) = match stored.acceptance {
            Some(standing) => read(quote_id, standing)?,
            None => self.accept_now(&accepting, deadline).await?,
        };
        Ok(AcceptQuoteResponse {
            quote: Some(quote),
            accepted_at_ms: acceptance.accepted_at_ms,
            acceptance: Some(acceptance),
            logged,
        })
    }

    /// Returns the acceptance that stands from now on, and whether it is logged.
    async fn accept_now(
        &self,
        accepting: &Accepting<'_>,
        deadline: Option<Deadline>,
    ) -> Result<(Acceptance, bool), Error> {
        let Accepting {
            quote,
            context,
            now_ms,
            ..
        } = *accepting;
        if now_ms >= quote.expires_at_ms {
            return Err(Error::Expired {
                quote_id: quote.quote_id.clone(),
                expired_at_ms: quote.expires_at_ms,
            });
        }
        let published = self.published()?;
        let lending = self.judge(&published, accepting)?;
        let acceptance = Acceptance {
            quote_id: quote.quote_id.clone(),
            accepted_at_ms: now_ms,
            request_id: context.request_id.clone(),
            facts: Some(accepting.facts.clone()),
            release_revision: published.live.revision(),
            reservation: lending.as_ref().map(|(reservation, _)| reservation.clone()),
        };
        let new = NewAcceptance {
            owner: accepting.owner,
            quote_id: &quote.quote_id,
            content: acceptance.encode_to_vec().into(),
            ttl: self.config().acceptances_kept(),
            lending: lending.map(|(_, test)| test),
        };
        let accepted = self
            .stored(deadline, self.quotes().accept_once(new))
            .await?;
        match accepted {
            AcceptOutcome::Accepted => Ok((acceptance, false)),
            AcceptOutcome::Already(standing) => read(&quote.quote_id, standing),
            AcceptOutcome::Unknown => Err(unknown(&quote.quote_id)),
            AcceptOutcome::NoHeadroom { bound, taken_minor } => {
                Err(not_sellable(quote, no_headroom(bound, taken_minor, quote)))
            }
        }
    }

    /// Judges by the rules of the slate, and returns what the acceptance takes of the customer's
    /// capacity, with its bounds; `None` where nothing is lent.
    fn judge(
        &self,
        published: &Published,
        accepting: &Accepting<'_>,
    ) -> Result<Option<(Reservation, LendingTest)>, Error> {
        let Accepting { quote, facts, .. } = *accepting;
        let product = quote.price.as_ref().map_or("", |price| &*price.product_id);
        if published.live.catalogue.get(product).is_none() {
            let refusal = Box::new(Refusal {
                cause: RefusalCause::Inactive.into(),
                detail: format!("product {product} is not in this release"),
                ..Refusal::default()
            });
            return Err(not_sellable(quote, refusal));
        }
        sellable::check(&published.live, product, facts, accepting.now_ms)
            .map_err(|refusal| not_sellable(quote, refusal))?;
        let headroom = self.headroom(published, accepting)?;
        Ok(headroom.map(|headroom| self.lending(accepting, &headroom)))
    }

    /// Returns the headroom for the lending of a quote, by the strategy that priced it, or by the champion
    /// where the release no longer has that version.
    fn headroom(
        &self,
        published: &Published,
        accepting: &Accepting<'_>,
    ) -> Result<Option<LendingHeadroom>, Error> {
        let Accepting { quote, context, .. } = *accepting;
        let Some(price) = &quote.price else {
            return Ok(None);
        };
        let features = PriceFeatures::read(self.registry(), context)?;
        let standing = Standing::default();
        let label: Option<StrategyLabel> = price.strategy.parse().ok();
        let of_price = label.map(|label| (label.strategy_id, label.version));
        let headroom = |strategy_versions: &BTreeMap<String, i64>| {
            let inputs = Inputs {
                product_id: &price.product_id,
                amount: None,
                tenor_months: None,
                last_rate_ppm: standing.last_rate_ppm,
                accepted: standing.accepted,
                channel: &context.channel,
                segment: None,
                campaign: "",
                personalised: false,
                as_of_ms: accepting.now_ms,
                strategy_versions,
                features: &features,
            };
            published.engine().lending_headroom(&inputs, price)
        };
        let mut found = headroom(&of_price.into_iter().collect());
        if matches!(&found, Err(refusal) if refusal.cause() == RefusalCause::NoStrategy) {
            found = headroom(&BTreeMap::new());
        }
        found.map_err(|refusal| not_sellable(quote, refusal))
    }

    fn lending(
        &self,
        accepting: &Accepting<'_>,
        headroom: &LendingHeadroom,
    ) -> (Reservation, LendingTest) {
        let Accepting {
            quote,
            context,
            now_ms,
            ..
        } = *accepting;
        // Until the loan's term is over, or as long as the acceptance is kept: what comes first.
        let kept_ms = i64::try_from(self.config().acceptances_kept().as_millis());
        let kept_ms = kept_ms.unwrap_or(i64::MAX);
        let term_ms = match quote.price.as_ref().map_or(0, |price| price.tenor_months) {
            0 => kept_ms,
            months => i64::from(months).saturating_mul(MONTH_MS),
        };
        let ends_at_ms = now_ms.saturating_add(term_ms.min(kept_ms));
        let money = |money: fairlead_domain::Money| {
            Some(Money {
                minor: money.minor(),
                currency: money.currency().to_string(),
            })
        };
        let reservation = Reservation {
            exposure: money(headroom.exposure),
            monthly: money(headroom.monthly),
            ends_at_ms,
        };
        let lending = AcceptedLoan {
            currency: headroom.exposure.currency(),
            exposure_minor: headroom.exposure.minor(),
            monthly_minor: headroom.monthly.minor(),
            accepted_at_ms: now_ms,
            ends_at_ms,
        };
        let test = LendingTest {
            lending,
            exposure_headroom_minor: headroom.exposure_headroom_minor,
            monthly_headroom_minor: headroom.monthly_headroom_minor,
            counting: counting(context, now_ms),
        };
        (reservation, test)
    }

    /// Notes that the log has a record.
    pub(crate) async fn mark(
        &self,
        request: &MarkLoggedRequest,
        deadline: Option<Deadline>,
    ) -> Result<(), Error> {
        let (tenant, customer) = check_customer(&request.tenant, &request.customer_id)?;
        check_quote_id(&request.answer_id)?;
        let record = if request.acceptance {
            LoggedRecord::Acceptance
        } else {
            LoggedRecord::Answer
        };
        let owner = owner(&tenant, &customer);
        let marking = self.quotes().mark_logged(owner, &request.answer_id, record);
        self.stored(deadline, marking).await
    }
}

fn owner<'a>(tenant: &'a TenantId, customer: &'a CustomerId) -> Owner<'a> {
    Owner { tenant, customer }
}

fn read(quote_id: &str, stored: StoredAcceptance) -> Result<(Acceptance, bool), Error> {
    let acceptance = Acceptance::decode(stored.content);
    let acceptance = acceptance.map_err(|_| tampered(quote_id, "acceptance"))?;
    Ok((acceptance, stored.logged))
}

fn unknown(quote_id: &str) -> Error {
    Error::UnknownQuote {
        quote_id: quote_id.to_owned(),
    }
}

fn tampered(quote_id: &str, thing: &'static str) -> Error {
    Error::Tampered {
        quote_id: quote_id.to_owned(),
        thing,
    }
}

fn not_sellable(quote: &Quote, refusal: Box<Refusal>) -> Error {
    Error::NotSellable {
        quote_id: quote.quote_id.clone(),
        refusal,
    }
}

fn no_headroom(bound: Bound, taken_minor: i64, quote: &Quote) -> Box<Refusal> {
    let amount = quote.price.as_ref().and_then(|price| price.amount.as_ref());
    let currency = amount.map_or("", |amount| &*amount.currency);
    let detail = match bound {
        Bound::Exposure => format!(
            "other lending that the customer accepted here, {taken_minor} minor units of {currency}, leaves \
             too little of the cap on exposure"
        ),
        Bound::Monthly => format!(
            "other lending that the customer accepted here, {taken_minor} minor units of {currency} a month, \
             leaves too little of what the income affords"
        ),
    };
    Box::new(Refusal {
        cause: RefusalCause::Limit.into(),
        detail,
        ..Refusal::default()
    })
}
