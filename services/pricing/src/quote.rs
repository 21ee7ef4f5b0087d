//! Firm quotes: made, and kept under an idempotency key.

use std::time::Duration;

use bytes::Bytes;
use fairlead_chassis::deadline::Deadline;
use fairlead_domain::{Currency, CustomerId, ProductId, TenantId};
use fairlead_online::{CallerKey, KeptAnswer, NewQuote, NewRate, Owner, PutOutcome, StoredQuote};
use fairlead_price_engine::StrategyPrice;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::pricing::v1::{
    CreateQuoteRequest, CreateQuoteResponse, CustomerFacts, PriceItem, PricingContext, Quote,
    Refusal, RefusalCause, create_quote_response::Outcome,
};
use ulid::Ulid;

use crate::account::{Standings, is_credit, standing};
use crate::argument::{
    PriceFeatures, check_caller, check_context, check_instant, check_key, check_record,
};
use crate::error::Error;
use crate::fingerprint;
use crate::priced::{self, ItemRequest};
use crate::published::Published;
use crate::sellable;
use crate::service::Service;

/// The id of a quote to be made, and the instant at which it is made, Unix milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct QuoteMade {
    pub(crate) quote_id: String,
    pub(crate) at_ms: i64,
}

/// A request for a firm quote, checked.
struct Asked<'a> {
    request: &'a CreateQuoteRequest,
    context: &'a PricingContext,
    item: &'a PriceItem,
    product: ProductId,
    facts: &'a CustomerFacts,
    tenant: TenantId,
    customer: CustomerId,
}

impl<'a> Asked<'a> {
    fn check(
        request: &'a CreateQuoteRequest,
        published: &Published,
        now_ms: i64,
    ) -> Result<Self, Error> {
        let (tenant, customer) = check_context(request.context.as_ref(), published)?;
        check_key(&request.idempotency_key)?;
        check_caller(&request.caller)?;
        check_record(&request.record)?;
        let (Some(context), Some(item)) = (&request.context, &request.item) else {
            return Err(Error::argument("item", "", "what is priced"));
        };
        check_instant(context.as_of_ms, now_ms)?;
        check_item(item, published)?;
        let product = ProductId::new(&item.product_id);
        Ok(Self {
            request,
            context,
            item,
            product: product.map_err(|refused| {
                Error::argument("item.product_id", refused.value, refused.allowed)
            })?,
            facts: sellable::required(request.facts.as_ref())?,
            tenant,
            customer,
        })
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            tenant: &self.tenant,
            customer: &self.customer,
        }
    }

    fn key(&self) -> CallerKey<'_> {
        CallerKey {
            caller: &self.request.caller,
            key: &self.request.idempotency_key,
        }
    }
}

impl Service {
    pub(crate) async fn create(
        &self,
        request: &CreateQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<CreateQuoteResponse, Error> {
        let published = self.published()?;
        let now_ms = self.now_ms();
        let asked = Asked::check(request, &published, now_ms)?;
        let (owner, key) = (asked.owner(), asked.key());
        let kept = self
            .stored(deadline, self.quotes().find(owner, key))
            .await?;
        if let Some(kept) = kept {
            return repeated(&asked, kept);
        }
        let standings = self
            .standings(owner, asked.context, now_ms, deadline)
            .await?;
        let made = QuoteMade {
            quote_id: Ulid::from_parts(now_ms.unsigned_abs(), rand::random()).to_string(),
            at_ms: now_ms,
        };
        let answer = self.answer(&published, &asked, &standings, made.clone())?;
        let new = NewQuote {
            owner,
            key,
            quote_id: &made.quote_id,
            content: answer.to_bytes(),
            record: Bytes::copy_from_slice(&request.record),
            ttl: self.keep(&answer, now_ms),
            rate: self.rate(&published, &asked.product, &answer),
        };
        let written = self
            .stored(deadline, self.quotes().put_if_absent(new))
            .await?;
        match written {
            PutOutcome::New => Ok(CreateQuoteResponse {
                answer_id: made.quote_id,
                record: request.record.clone(),
                ..response(answer)
            }),
            PutOutcome::Existing(kept) => repeated(&asked, kept),
        }
    }

    /// Returns a signed quote or a refusal; an error where the item itself cannot be asked for.
    fn answer(
        &self,
        published: &Published,
        asked: &Asked<'_>,
        standings: &Standings,
        made: QuoteMade,
    ) -> Result<KeptAnswer, Error> {
        let Asked { context, item, .. } = asked;
        let (live, now_ms) = (&published.live, made.at_ms);
        // They were read: no refusal for want of them.
        let standing = standing(published, item, Some(standings)).unwrap_or_default();
        let features = PriceFeatures::read(self.registry(), context)?;
        let priced = priced::price(
            published,
            ItemRequest {
                context,
                item,
                features: &features,
                standing,
                as_of_ms: now_ms,
            },
        );
        // A question that is wrong is said to be wrong whoever asks it.
        let priced = match priced {
            Err(refusal) if is_bad_item(&refusal) => Err(refusal),
            priced => sellable::check(live, &item.product_id, asked.facts, now_ms).and(priced),
        };
        let last_rate_ppm = item.last_rate_ppm.or(standing.last_rate_ppm);
        let kept = KeptAnswer {
            fingerprint: fingerprint::of(asked.request),
            request_id: context.request_id.clone(),
            item: Some(PriceItem {
                last_rate_ppm,
                ..(*item).clone()
            }),
            ..KeptAnswer::default()
        };
        self.count("create_quote", priced::outcome(&priced));
        match priced {
            Ok(priced) => {
                let quote = unsigned(published, context, priced, made);
                Ok(KeptAnswer {
                    quote: Some(self.keys().sign(quote)),
                    ..kept
                })
            }
            Err(refusal) if is_bad_item(&refusal) => Err(Error::Item(refusal)),
            Err(refusal) => Ok(KeptAnswer {
                refusal: Some(*refusal),
                ..kept
            }),
        }
    }

    /// Returns the time for which an answer is kept: until it can no longer be accepted, and then for
    /// as long as configured.
    fn keep(&self, answer: &KeptAnswer, now_ms: i64) -> Duration {
        let quote = answer.quote.as_ref();
        let stands = quote.map_or(0, |quote| (quote.expires_at_ms - now_ms).max(0));
        Duration::from_millis(self.config().quotes_kept_ms)
            + Duration::from_millis(stands.unsigned_abs())
    }

    /// Returns the rate of an answer that later quotes must not be too far from: that of credit.
    fn rate<'a>(
        &self,
        published: &Published,
        product: &'a ProductId,
        answer: &KeptAnswer,
    ) -> Option<NewRate<'a>> {
        let credit = published.live.catalogue.get(product.as_str());
        let credit = credit.filter(|product| is_credit(product))?;
        let quote = answer.quote.as_ref()?;
        Some(NewRate {
            product,
            currency: Currency::new(&credit.currency).ok()?,
            rate_ppm: quote.price.as_ref()?.rate_ppm,
            quoted_at_ms: quote.created_at_ms,
            ttl: self.config().last_rates_kept(),
        })
    }
}

/// Returns the answer that stands under a key, for the same request.
fn repeated(asked: &Asked<'_>, kept: StoredQuote) -> Result<CreateQuoteResponse, Error> {
    let answer = KeptAnswer::from_bytes(&kept.content).map_err(|_| Error::Tampered {
        quote_id: asked.request.idempotency_key.clone(),
        thing: "content",
    })?;
    if answer.fingerprint != fingerprint::of(asked.request) {
        return Err(other_content(asked.request, asked.item));
    }
    Ok(CreateQuoteResponse {
        repeated_key: true,
        answer_id: kept.quote_id,
        logged: kept.record.is_none(),
        record: kept.record.unwrap_or_default().to_vec(),
        ..response(answer)
    })
}

fn response(answer: KeptAnswer) -> CreateQuoteResponse {
    let quote = answer.quote.map(Outcome::Quote);
    CreateQuoteResponse {
        outcome: quote.or(answer.refusal.map(Outcome::Refusal)),
        request_id: answer.request_id,
        item: answer.item,
        ..CreateQuoteResponse::default()
    }
}

/// Returns a quote without its signature.
pub(crate) fn unsigned(
    published: &Published,
    context: &PricingContext,
    priced: StrategyPrice<'_>,
    made: QuoteMade,
) -> Quote {
    let stands_ms = priced.strategy.quote_valid_seconds().saturating_mul(1_000);
    Quote {
        quote_id: made.quote_id,
        tenant: context.tenant.clone(),
        customer_id: context.customer_id.clone(),
        price: Some(priced.price),
        created_at_ms: made.at_ms,
        expires_at_ms: made.at_ms.saturating_add(stands_ms),
        release_revision: published.live.revision(),
        ..Quote::default()
    }
}

/// Refuses an item of a firm quote without the amount or tenor that its kind has; a card's limit and
/// a policy's sum may be left to the price.
fn check_item(item: &PriceItem, published: &Published) -> Result<(), Error> {
    let Some(product) = published.live.catalogue.get(&item.product_id) else {
        // The engine refuses an unknown product.
        return Ok(());
    };
    let kind = product.kind();
    let loan = matches!(kind, ProductKind::CashLoan | ProductKind::InstalmentPlan);
    let needs_amount = loan || matches!(kind, ProductKind::Fund | ProductKind::Deposit);
    if needs_amount && item.amount.is_none() {
        return Err(Error::argument(
            "amount",
            "",
            "an amount: a firm quote is for one",
        ));
    }
    if loan && item.tenor_months == 0 {
        return Err(Error::argument(
            "tenor_months",
            "",
            "a tenor in months: a firm quote is for one",
        ));
    }
    Ok(())
}

/// Returns whether a refusal says that the question was wrong, not that the answer is no.
fn is_bad_item(refusal: &Refusal) -> bool {
    matches!(
        refusal.cause(),
        RefusalCause::UnknownProduct
            | RefusalCause::Tenor
            | RefusalCause::Amount
            | RefusalCause::Currency
    )
}

fn other_content(request: &CreateQuoteRequest, item: &PriceItem) -> Error {
    let amount = item.amount.as_ref();
    let amount = amount.map_or("no amount".to_owned(), |money| {
        format!("{} {}", money.minor, money.currency)
    });
    Error::OtherContent {
        key: request.idempotency_key.clone(),
        asked: format!(
            "product {}, {amount}, {} months",
            item.product_id, item.tenor_months
        ),
    }
}
