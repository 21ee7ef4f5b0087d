//! The engine: every product of a release, under every strategy version that may price it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fairlead_domain::{Money, RatePpm, StrategyLabel};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::pricing::v1 as pb;

use crate::credit::{CreditPlan, Graded, Lending};
use crate::inputs::{CardInputs, NO_CAMPAIGN};
use crate::limit::{Capacity, Headroom, LimitTerms};
use crate::offer::{Compilation, Listing, Offer, Pricer, Versions, compile_strategies};
use crate::refusal::{Cause, Refused, refuse};
use crate::rule_pack::{Binding, RuleBook};
use crate::source::Source;
use crate::strategy::{CompiledStrategy, CreditStrategy, Family, Holding};
use crate::{Error, Inputs};

/// Prices the products of one release. Immutable, cheap to share, pure: the same inputs give the
/// same bytes.
#[derive(Debug)]
pub struct Engine {
    book: RuleBook,
    strategies: Versions,
    products: HashMap<String, Listing>,
}

/// A price, and the strategy version that made it.
#[derive(Debug, Clone)]
pub struct StrategyPrice<'a> {
    /// The price.
    pub price: pb::Price,
    /// The strategy version.
    pub strategy: &'a CompiledStrategy,
}

/// The share that a loan or a limit takes of its customer's capacity to borrow, and the headroom for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LendingHeadroom {
    /// The exposure that it takes: a loan's amount, a card's limit.
    pub exposure: Money,
    /// The debt service a month by which affordability is tested, rounded up.
    pub monthly: Money,
    /// The headroom for accepted lending under the cap on exposure, minor units; `None` where no cap
    /// binds.
    pub exposure_headroom_minor: Option<i64>,
    /// The headroom for accepted lending in debt service a month, minor units.
    pub monthly_headroom_minor: i64,
}

/// A request for a price, checked, with the offer and the law that it meets.
#[derive(Clone, Copy)]
struct CheckedRequest<'a> {
    inputs: &'a Inputs<'a>,
    offer: &'a Offer,
    binding: Binding,
    amount: Option<Money>,
    last_rate: Option<RatePpm>,
}

impl Engine {
    /// Compiles the parts of a release.
    ///
    /// # Errors
    /// Every error at once.
    pub fn compile(source: &Source<'_>) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let book = RuleBook::compile(source.rule_packs).unwrap_or_else(|found| {
            errors.extend(found);
            RuleBook::default()
        });
        let holding = Holding::compile(source, &mut errors);
        let strategies = compile_strategies(source.strategies, &holding, &mut errors);
        let mut with = Compilation {
            book: &book,
            strategies: &strategies,
            default_strategies: source.default_strategies,
            caches: BTreeMap::new(),
        };
        let mut products = HashMap::with_capacity(source.products.len());
        for product in source.products {
            match Listing::compile(product, &mut with) {
                Ok(listing) => {
                    products.insert(product.product_id.clone(), listing);
                }
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                book,
                strategies,
                products,
            })
        } else {
            Err(errors)
        }
    }

    /// Prices one product for one customer, or refuses to.
    ///
    /// # Errors
    /// A refusal names the cause, the value and what is allowed; it is an answer, not a fault.
    pub fn price(&self, inputs: &Inputs<'_>) -> Result<pb::Price, Box<pb::Refusal>> {
        Ok(self.price_with_strategy(inputs)?.price)
    }

    /// Prices one product for one customer, as [`price`](Self::price), and returns the strategy
    /// version beside the price.
    ///
    /// # Errors
    /// As [`price`](Self::price).
    pub fn price_with_strategy(
        &self,
        inputs: &Inputs<'_>,
    ) -> Result<StrategyPrice<'_>, Box<pb::Refusal>> {
        let (listing, offer) = self.offer(inputs)?;
        let amount = check_amount(inputs, listing)?;
        let last_rate = check_last_rate(inputs)?;
        let Some(binding) = self.book.binding(&offer.matching, inputs.as_of_ms) else {
            return Err(no_rule_pack(offer, listing.kind, inputs.as_of_ms));
        };
        let request = CheckedRequest {
            inputs,
            offer,
            binding,
            amount,
            last_rate,
        };
        let price = self.dispatch(request)?;
        let pack = &self.book.pack(binding.named).id;
        Ok(StrategyPrice {
            price: pb::Price {
                product_id: inputs.product_id.to_owned(),
                kind: listing.kind.into(),
                strategy: offer.strategy.label.to_string(),
                rule_pack: format!("{pack}@{}", listing.kind.hyphenated()),
                ..price
            },
            strategy: &offer.strategy,
        })
    }

    /// Returns the product and the strategy version that prices it: an arm's, or the champion.
    fn offer(&self, inputs: &Inputs<'_>) -> Result<(&Listing, &Offer), Refused> {
        let id: String = inputs.product_id.chars().take(80).collect();
        let Some(listing) = self.products.get(inputs.product_id) else {
            let detail = format!("product `{id}` is not allowed: a product of the release");
            return Err(refuse(Cause::UnknownProduct, detail));
        };
        if !listing.active {
            let detail = format!("product `{id}` is not allowed: it is withdrawn");
            return Err(refuse(Cause::UnknownProduct, detail));
        }
        let version = inputs.strategy_versions.get(&listing.strategy_id);
        let mut offers = listing.offers.iter();
        let offer = match version {
            Some(version) => offers.find(|offer| offer.strategy.label.version == *version),
            None => offers.rev().find(|offer| offer.strategy.champion),
        };
        offer.map(|offer| (listing, offer)).ok_or_else(|| {
            let strategy = &listing.strategy_id;
            let detail = match version {
                _ if strategy.is_empty() => format!("product `{id}` has no pricing strategy"),
                Some(version) => {
                    format!("strategy {strategy} has no version {version} in the release")
                }
                None => format!("strategy {strategy} has no champion in the release"),
            };
            refuse(Cause::NoStrategy, detail)
        })
    }

    fn dispatch(&self, request: CheckedRequest<'_>) -> Result<pb::Price, Refused> {
        let strategy = &*request.offer.strategy;
        let mut card = CardInputs::new(
            request.inputs,
            &strategy.standard_segment,
            strategy.currency,
        );
        let rate_card = match &strategy.family {
            Family::Credit(credit) => Some(&credit.card),
            Family::Fund(table) => table.as_ref(),
            Family::Deposit(_) | Family::Insurance(_) => None,
        };
        if rate_card.is_some_and(|rate_card| !rate_card.names_campaign(card.campaign)) {
            // A campaign for other products moves no price of this card.
            card.campaign = NO_CAMPAIGN;
        }
        let tenor = request.inputs.tenor_months;
        match (&request.offer.pricer, &strategy.family) {
            (Pricer::Credit(plan), Family::Credit(credit)) => {
                let lending = self.lending(request, plan, credit, card)?;
                lending.price(request.amount, tenor)
            }
            (Pricer::Fund(fund), Family::Fund(table)) => {
                let matching = &request.offer.matching;
                let floors = self
                    .book
                    .redemption_floors(matching, request.inputs.as_of_ms);
                fund.price(table.as_ref(), card, request.amount, floors)
            }
            (Pricer::Deposit(deposit), _) => deposit.price(request.amount, tenor),
            (Pricer::Insurance(policy), _) => policy.price(request.amount),
            // Compiled from the strategy's own family; a mismatch would be a fault of this file.
            (Pricer::Credit(_) | Pricer::Fund(_), _) => {
                Err(refuse(Cause::NoStrategy, "strategy of another family"))
            }
        }
    }

    fn lending<'a>(
        &'a self,
        request: CheckedRequest<'a>,
        plan: &'a CreditPlan,
        credit: &'a CreditStrategy,
        card: CardInputs<'a>,
    ) -> Result<Lending<'a>, Refused> {
        let features = request.inputs.features;
        let graded = Graded::find(credit, features)?;
        let terms = LimitTerms {
            grade: graded.place,
            product_max: plan.max,
            exposure: request.binding.exposure,
            accepted: request.inputs.accepted,
        };
        let capacity = Capacity::find(&credit.held.limit, terms, features)?;
        Ok(Lending {
            credit,
            plan,
            book: &self.book,
            binding: request.binding,
            graded,
            capacity,
            card,
            last_rate: request.last_rate,
            accepted: request.inputs.accepted,
        })
    }

    /// Returns what a priced product takes of its customer's capacity to borrow, and the headroom that
    /// there is for all accepted lending together; `None` for what is no credit. The price may be of
    /// another strategy version than the one that decides on the headroom now.
    ///
    /// # Errors
    /// A refusal where the product has no strategy or law, or a feature that bounds lending is not
    /// known.
    pub fn lending_headroom(
        &self,
        inputs: &Inputs<'_>,
        price: &pb::Price,
    ) -> Result<Option<LendingHeadroom>, Box<pb::Refusal>> {
        let (listing, offer) = self.offer(inputs)?;
        let (Pricer::Credit(plan), Family::Credit(credit)) =
            (&offer.pricer, &offer.strategy.family)
        else {
            return Ok(None);
        };
        let Some(binding) = self.book.binding(&offer.matching, inputs.as_of_ms) else {
            return Err(no_rule_pack(offer, listing.kind, inputs.as_of_ms));
        };
        let (features, exposure) = (inputs.features, binding.exposure);
        let headroom = Headroom::find(&credit.held.limit, exposure, features, listing.currency)?;
        let amount = price.amount.as_ref().map_or(0, |amount| amount.minor);
        let Some(monthly) = plan.service_of(amount, price.tenor_months, price.rate_ppm) else {
            let detail = format!("rate `{}` is not allowed: a yearly rate", price.rate_ppm);
            return Err(refuse(Cause::InputOutOfRange, detail));
        };
        Ok(Some(LendingHeadroom {
            exposure: Money::new(amount, listing.currency),
            monthly: Money::new(monthly, listing.currency),
            exposure_headroom_minor: headroom.exposure_minor(),
            monthly_headroom_minor: headroom.monthly_minor(),
        }))
    }

    /// Returns a strategy version, or `None` where the release does not hold it.
    pub(crate) fn strategy(&self, label: &StrategyLabel) -> Option<&CompiledStrategy> {
        let versions = self.strategies.get(&label.strategy_id)?;
        versions
            .iter()
            .find(|strategy| strategy.label == *label)
            .map(Arc::as_ref)
    }

    /// Returns the names of every feature that a price may read: they must all allow the purpose
    /// price.
    pub fn features(&self) -> BTreeSet<&str> {
        self.strategies
            .values()
            .flatten()
            .flat_map(|strategy| strategy.features())
            .collect()
    }

    pub(crate) fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Returns the products that are not withdrawn and that a strategy version prices, with their
    /// terms worked out.
    pub(crate) fn offers_of(&self, label: &StrategyLabel) -> BTreeMap<&str, &Offer> {
        let listings = self.products.iter().filter(|(_, listing)| listing.active);
        listings
            .flat_map(|(id, listing)| listing.offers.iter().map(move |offer| (id.as_str(), offer)))
            .filter(|(_, offer)| offer.strategy.label == *label)
            .collect()
    }
}

/// Returns the amount asked for, or a refusal where it is not in the product's currency.
fn check_amount(inputs: &Inputs<'_>, listing: &Listing) -> Result<Option<Money>, Refused> {
    let Some(amount) = inputs.amount else {
        return Ok(None);
    };
    if amount.currency() == listing.currency {
        return Ok(Some(amount));
    }
    let detail = format!(
        "currency `{}` is not allowed: {} is priced in {}",
        amount.currency(),
        inputs.product_id,
        listing.currency
    );
    Err(refuse(Cause::Currency, detail))
}

/// Returns the rate of the last quote, or a refusal where it is no rate.
fn check_last_rate(inputs: &Inputs<'_>) -> Result<Option<RatePpm>, Refused> {
    let Some(ppm) = inputs.last_rate_ppm else {
        return Ok(None);
    };
    match RatePpm::new(ppm) {
        Ok(rate) if rate >= RatePpm::ZERO => Ok(Some(rate)),
        _ => {
            let most = RatePpm::MAX.ppm();
            let detail = format!("last rate `{ppm}` is not allowed: 0 to {most} ppm");
            Err(refuse(Cause::InputOutOfRange, detail))
        }
    }
}

fn no_rule_pack(offer: &Offer, kind: ProductKind, as_of_ms: i64) -> Refused {
    let CompiledStrategy {
        jurisdiction,
        licence,
        ..
    } = &*offer.strategy;
    let kind = kind.hyphenated();
    let detail = format!(
        "no rule pack of {jurisdiction} for licence `{licence}` and kind {kind} is valid at {as_of_ms}"
    );
    refuse(Cause::NoRulePack, detail)
}
