//! Firm quotes: made, kept under an idempotency key, verified, and accepted once.

use std::time::Duration;

use fairlead_chassis::deadline::Deadline;
use fairlead_domain::TenantId;
use fairlead_online::{AcceptOutcome, NewQuote, PutOutcome, StoredQuote};
use fairlead_price_engine::StrategyPrice;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, AcceptQuoteResponse, CreateQuoteRequest, CreateQuoteResponse, PriceItem,
    PricingContext, Quote, Refusal, RefusalCause, VerifyQuoteRequest, VerifyQuoteResponse,
    create_quote_response::Outcome,
};
use ulid::Ulid;

use crate::argument::{
    PriceFeatures, check_context, check_customer, check_instant, check_key, check_quote_id,
};
use crate::content::{self, Answer};
use crate::error::Error;
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

impl Service {
    pub(crate) async fn create(
        &self,
        request: &CreateQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<CreateQuoteResponse, Error> {
        let published = self.published()?;
        let now_ms = self.now_ms();
        let (tenant, _) = check_context(request.context.as_ref(), &published)?;
        check_key(&request.idempotency_key)?;
        let (Some(context), Some(item)) = (&request.context, &request.item) else {
            return Err(Error::argument("item", "", "what is priced"));
        };
        check_instant(context.as_of_ms, now_ms)?;
        check_item(item, &published)?;
        let facts = sellable::required(request.facts.as_ref())?;
        let id = Ulid::from_parts(now_ms.unsigned_abs(), rand::random()).to_string();
        let made = QuoteMade {
            quote_id: id.clone(),
            at_ms: now_ms,
        };
        let sellable = sellable::check(&published.live, &item.product_id, facts, now_ms);
        let answer = self.answer(&published, request, sellable, made)?;
        let fingerprint = content::fingerprint(request);
        let new = NewQuote {
            tenant: &tenant,
            idempotency_key: &request.idempotency_key,
            quote_id: &id,
            content: content::encode(&fingerprint, &answer),
            ttl: self.keep(&answer, now_ms),
        };
        let written = self
            .stored(deadline, self.quotes().put_if_absent(new))
            .await?;
        let (answer, repeated_key) = match written {
            PutOutcome::New => (answer, false),
            PutOutcome::Existing(kept) => {
                let (kept_for, kept) = content::decode(&kept).ok_or(Error::Tampered {
                    quote_id: request.idempotency_key.clone(),
                    thing: "content",
                })?;
                if kept_for != fingerprint {
                    return Err(other_content(request, item));
                }
                (kept, true)
            }
        };
        let outcome = match answer {
            Answer::Quote(quote) => Outcome::Quote(*quote),
            Answer::Refusal(refusal) => Outcome::Refusal(*refusal),
        };
        Ok(CreateQuoteResponse {
            outcome: Some(outcome),
            repeated_key,
        })
    }

    /// Returns a signed quote or a refusal; an error where the item itself cannot be asked for.
    fn answer(
        &self,
        published: &Published,
        request: &CreateQuoteRequest,
        sellable: Result<(), Box<Refusal>>,
        made: QuoteMade,
    ) -> Result<Answer, Error> {
        let (Some(context), Some(item)) = (&request.context, &request.item) else {
            return Err(Error::argument("item", "", "what is priced"));
        };
        let features = PriceFeatures::read(self.registry(), context)?;
        let asked = ItemRequest {
            context,
            item,
            features: &features,
            as_of_ms: made.at_ms,
        };
        // A question that is wrong is said to be wrong whoever asks it.
        let priced = match priced::price(published, asked) {
            Err(refusal) if is_bad_item(&refusal) => Err(refusal),
            priced => sellable.and(priced),
        };
        self.count("create_quote", priced::outcome(&priced));
        match priced {
            Ok(priced) => {
                let quote = unsigned(published, context, priced, made);
                Ok(Answer::Quote(Box::new(self.keys().sign(quote))))
            }
            Err(refusal) if is_bad_item(&refusal) => Err(Error::Item(refusal)),
            Err(refusal) => Ok(Answer::Refusal(refusal)),
        }
    }

    /// Returns the time for which an answer is kept: until it can no longer be accepted, and then for
    /// as long as configured.
    fn keep(&self, answer: &Answer, now_ms: i64) -> Duration {
        let stands = match answer {
            Answer::Quote(quote) => (quote.expires_at_ms - now_ms).max(0),
            Answer::Refusal(_) => 0,
        };
        self.kept_after() + Duration::from_millis(stands.unsigned_abs())
    }

    pub(crate) async fn verify(
        &self,
        request: &VerifyQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<VerifyQuoteResponse, Error> {
        let Some(quote) = &request.quote else {
            return Err(Error::argument(
                "quote",
                "",
                "the quote as it was given out",
            ));
        };
        if !self.keys().is_genuine(quote) {
            return Ok(VerifyQuoteResponse::default());
        }
        let (tenant, _) = check_customer(&quote.tenant, &quote.customer_id)?;
        let stored = self
            .stored(deadline, self.quotes().get(&tenant, &quote.quote_id))
            .await?;
        Ok(VerifyQuoteResponse {
            genuine: true,
            in_time: self.now_ms() < quote.expires_at_ms,
            accepted: stored.is_some_and(|stored| stored.acceptance.is_some()),
        })
    }

    pub(crate) async fn accept(
        &self,
        request: &AcceptQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<AcceptQuoteResponse, Error> {
        let (tenant, _) = check_customer(&request.tenant, &request.customer_id)?;
        check_quote_id(&request.quote_id)?;
        let quote_id = &request.quote_id;
        let stored = self
            .stored(deadline, self.quotes().get(&tenant, quote_id))
            .await?;
        let unknown = || Error::UnknownQuote {
            quote_id: quote_id.clone(),
        };
        let StoredQuote {
            content,
            acceptance,
        } = stored.ok_or_else(unknown)?;
        let tampered = |thing| Error::Tampered {
            quote_id: quote_id.clone(),
            thing,
        };
        let (_, answer) = content::decode(&content).ok_or_else(|| tampered("content"))?;
        let Answer::Quote(quote) = answer else {
            return Err(unknown());
        };
        // Another customer's quote is not even said to exist.
        if quote.customer_id != request.customer_id {
            return Err(unknown());
        }
        if quote.quote_id != *quote_id || !self.keys().is_genuine(&quote) {
            return Err(tampered("signature"));
        }
        let standing = match acceptance {
            Some(standing) => standing,
            None => match self.accept_now(&tenant, &quote, request, deadline).await? {
                AcceptOutcome::Accepted => return Ok(accepted(*quote, self.now_ms())),
                AcceptOutcome::Already(standing) => standing,
                AcceptOutcome::Unknown => return Err(unknown()),
            },
        };
        let at = <[u8; 8]>::try_from(&standing[..]).map_err(|_| tampered("acceptance"))?;
        Ok(accepted(*quote, i64::from_be_bytes(at)))
    }

    async fn accept_now(
        &self,
        tenant: &TenantId,
        quote: &Quote,
        request: &AcceptQuoteRequest,
        deadline: Option<Deadline>,
    ) -> Result<AcceptOutcome, Error> {
        let now_ms = self.now_ms();
        let facts = sellable::required(request.facts.as_ref())?;
        if now_ms >= quote.expires_at_ms {
            return Err(Error::Expired {
                quote_id: quote.quote_id.clone(),
                expired_at_ms: quote.expires_at_ms,
            });
        }
        let published = self.published()?;
        let product = quote.price.as_ref().map_or("", |price| &*price.product_id);
        if published.live.catalogue.get(product).is_none() {
            return Err(Error::NotSellable {
                quote_id: quote.quote_id.clone(),
                refusal: Box::new(Refusal {
                    cause: RefusalCause::Inactive.into(),
                    detail: format!("product {product} is not in this release"),
                    ..Refusal::default()
                }),
            });
        }
        sellable::check(&published.live, product, facts, now_ms).map_err(|refusal| {
            Error::NotSellable {
                quote_id: quote.quote_id.clone(),
                refusal,
            }
        })?;
        let acceptance = bytes::Bytes::copy_from_slice(&now_ms.to_be_bytes());
        let accepting = self
            .quotes()
            .accept_once(tenant, &quote.quote_id, acceptance);
        self.stored(deadline, accepting).await
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

fn accepted(quote: Quote, accepted_at_ms: i64) -> AcceptQuoteResponse {
    AcceptQuoteResponse {
        quote: Some(quote),
        accepted_at_ms,
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
