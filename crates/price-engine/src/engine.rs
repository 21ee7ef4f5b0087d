//! The engine: every product of a release under every strategy version that may price it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fairlead_domain::{Currency, RatePpm};
use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::control::v1 as control;
use fairlead_proto::pricing::v1 as pb;

use crate::credit::{CostCache, CreditPlan, Graded, Lending};
use crate::inputs::CardInputs;
use crate::limit::Capacity;
use crate::offer::{Listing, Offer, Pricer, Versions, compile_strategies, kind_in_words};
use crate::refusal::{Cause, Refused, refuse};
use crate::rule_pack::{Binding, RuleBook};
use crate::strategy::{CompiledStrategy, CreditStrategy, Family};
use crate::{Error, Inputs};

/// The parts of a release that prices follow from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Every strategy version.
    pub strategies: &'a [control::Strategy],
    /// The strategy of products that name none, by kind.
    pub default_strategies: &'a BTreeMap<i32, String>,
    /// Law as data.
    pub rule_packs: &'a [control::RulePack],
    /// Scorecards.
    pub risk_models: &'a [control::RiskModel],
    /// The catalogue.
    pub products: &'a [Product],
}

impl<'a> Source<'a> {
    /// Those parts of a release.
    pub fn of_release(release: &'a control::Release) -> Self {
        let products = release.catalogue.as_ref();
        Self {
            strategies: &release.strategies,
            default_strategies: &release.default_strategies,
            rule_packs: &release.rule_packs,
            risk_models: &release.risk_models,
            products: products.map_or(&[], |catalogue| &catalogue.products),
        }
    }
}

/// Prices the products of one release. Immutable, cheap to share, pure: the same inputs give the
/// same bytes.
#[derive(Debug)]
pub struct Engine {
    book: RuleBook,
    strategies: Versions,
    products: HashMap<String, Listing>,
}

impl Engine {
    /// Compiles a release's parts; every error at once.
    pub fn compile(source: &Source<'_>) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let book = RuleBook::compile(source.rule_packs).unwrap_or_else(|found| {
            errors.extend(found);
            RuleBook::default()
        });
        let strategies = compile_strategies(source, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut caches: BTreeMap<String, CostCache> = BTreeMap::new();
        let mut products = HashMap::with_capacity(source.products.len());
        for product in source.products {
            let found = (&book, &strategies, &mut caches);
            match Listing::compile(product, source.default_strategies, found) {
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

    /// Prices one product for one customer, or says why not.
    ///
    /// # Errors
    /// A refusal names the cause, the value and what is allowed; it is an answer, not a fault.
    pub fn price(&self, inputs: &Inputs<'_>) -> Result<pb::Price, Box<pb::Refusal>> {
        let (listing, offer) = self.offer(inputs)?;
        let asked = match inputs.amount {
            Some(amount) if amount.currency() != listing.currency => {
                let detail = format!(
                    "currency `{}` is not allowed: {} is priced in {}",
                    amount.currency(),
                    inputs.product_id,
                    listing.currency
                );
                return Err(refuse(Cause::Currency, detail));
            }
            asked => asked.map(fairlead_domain::Money::minor),
        };
        if let Some(last) = inputs
            .last_rate_ppm
            .filter(|last| !(0..=RatePpm::MAX.ppm()).contains(last))
        {
            let most = RatePpm::MAX.ppm();
            let detail = format!("last rate `{last}` is not allowed: 0 to {most} ppm");
            return Err(refuse(Cause::InputOutOfRange, detail));
        }
        let Some(binding) = self.book.binding(&offer.matching, inputs.as_of_ms) else {
            return Err(no_rule_pack(offer, listing.kind, inputs.as_of_ms));
        };
        let price = self.dispatch(listing, offer, (binding, asked), inputs)?;
        let pack = &self.book.pack(binding.named).id;
        Ok(pb::Price {
            product_id: inputs.product_id.to_owned(),
            kind: listing.kind.into(),
            strategy: offer.strategy.label.clone(),
            rule_pack: format!("{pack}@{}", kind_in_words(listing.kind)),
            ..price
        })
    }

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
        let offer = match version {
            Some(version) => listing
                .offers
                .iter()
                .find(|offer| offer.strategy.version == *version),
            None => listing
                .offers
                .iter()
                .rev()
                .find(|offer| offer.strategy.champion),
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

    fn dispatch(
        &self,
        listing: &Listing,
        offer: &Offer,
        (binding, asked): (Binding, Option<i64>),
        inputs: &Inputs<'_>,
    ) -> Result<pb::Price, Refused> {
        let strategy = &*offer.strategy;
        let currency = listing.currency;
        let card = CardInputs::of(inputs, &strategy.standard_segment);
        match (&offer.pricer, &strategy.family) {
            (Pricer::Credit(plan), Family::Credit(credit)) => {
                let lending = self.lending((plan, &**credit, currency), binding, card, inputs)?;
                lending.price(asked, inputs.tenor_months)
            }
            (Pricer::Fund(fund), Family::Fund(table)) => {
                let floors = self
                    .book
                    .redemption_floors(&offer.matching, inputs.as_of_ms);
                fund.price(table.as_ref(), card, asked, (currency, floors))
            }
            (Pricer::Deposit(deposit), _) => deposit.price(asked, inputs.tenor_months, currency),
            (Pricer::Insurance(policy), _) => policy.price(asked, currency),
            // Compiled from the strategy's own family; a mismatch would be a fault of this file.
            (Pricer::Credit(_) | Pricer::Fund(_), _) => {
                Err(refuse(Cause::NoStrategy, "strategy of another family"))
            }
        }
    }

    fn lending<'a>(
        &'a self,
        (plan, credit, currency): (&'a CreditPlan, &'a CreditStrategy, Currency),
        binding: Binding,
        card: CardInputs<'a>,
        inputs: &Inputs<'a>,
    ) -> Result<Lending<'a>, Refused> {
        let graded = Graded::find(credit, inputs.features)?;
        let bounds = (&binding, plan.max);
        let capacity = Capacity::of(&credit.limit, graded.place, bounds, inputs.features)?;
        Ok(Lending {
            credit,
            plan,
            currency,
            book: &self.book,
            binding,
            graded,
            capacity,
            card,
            last_rate_ppm: inputs.last_rate_ppm,
        })
    }

    /// The strategy version of a label such as "cash-loan@3".
    pub fn strategy(&self, label: &str) -> Option<&CompiledStrategy> {
        let (id, _) = label.rsplit_once('@')?;
        let versions = self.strategies.get(id)?;
        versions
            .iter()
            .find(|strategy| strategy.label == label)
            .map(Arc::as_ref)
    }

    /// Names of every feature that a price may read: they must all allow the purpose price.
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

    /// Products that a strategy version prices, with their terms worked out.
    pub(crate) fn offers_of(&self, label: &str) -> BTreeMap<&str, &Offer> {
        let listings = self.products.iter();
        listings
            .flat_map(|(id, listing)| listing.offers.iter().map(move |offer| (id.as_str(), offer)))
            .filter(|(_, offer)| offer.strategy.label == label)
            .collect()
    }
}

fn no_rule_pack(offer: &Offer, kind: ProductKind, as_of_ms: i64) -> Refused {
    let CompiledStrategy {
        jurisdiction,
        licence,
        ..
    } = &*offer.strategy;
    let kind = kind_in_words(kind);
    let detail = format!(
        "no rule pack of {jurisdiction} for licence `{licence}` and kind {kind} is valid at {as_of_ms}"
    );
    refuse(Cause::NoRulePack, detail)
}
