//! A product under each version of the strategy that prices it, compiled with a release.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::{Currency, Money, StrategyLabel};
use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::control::v1 as control;

use crate::Error;
use crate::credit::{CostCache, CreditPlan};
use crate::deposit::Deposit;
use crate::error::Checks;
use crate::fund::Fund;
use crate::insurance::Policy;
use crate::rule_pack::{PackIndex, RuleBook, Scope};
use crate::strategy::{CompiledStrategy, Family, Holding};
use crate::terms::{CheckedProduct, CheckedTerms};

/// The versions of each strategy, ascending.
pub(crate) type Versions = BTreeMap<String, Vec<Arc<CompiledStrategy>>>;

/// A product under each version of its strategy.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) kind: ProductKind,
    pub(crate) currency: Currency,
    pub(crate) active: bool,
    pub(crate) strategy_id: String,
    pub(crate) offers: Vec<Offer>,
}

/// A product under one version of its strategy.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) strategy: Arc<CompiledStrategy>,
    /// The rule packs that may bind it.
    pub(crate) matching: Vec<PackIndex>,
    pub(crate) pricer: Pricer,
}

/// The terms of a product, worked out for its strategy.
#[derive(Debug)]
pub(crate) enum Pricer {
    Credit(CreditPlan),
    Fund(Fund),
    Deposit(Deposit),
    Insurance(Policy),
}

/// Compiles every strategy version, adding errors to `errors`.
pub(crate) fn compile_strategies(
    strategies: &[control::Strategy],
    holding: &Holding,
    errors: &mut Vec<Error>,
) -> Versions {
    let mut compiled = Versions::new();
    for strategy in strategies {
        let id = &strategy.strategy_id;
        // Also where it is refused: products that name it name a strategy of the release.
        let versions: &mut Vec<Arc<CompiledStrategy>> = compiled.entry(id.clone()).or_default();
        match CompiledStrategy::compile(strategy, holding) {
            Ok(version) => {
                let label = &version.label;
                let mut checks = Checks::new(format!("strategy {id:?}"));
                let known = versions.iter().any(|other| other.label == *label);
                checks.once(!known, "version", label.version, "each version once");
                errors.extend(checks.into_errors());
                versions.push(Arc::new(version));
            }
            Err(found) => errors.extend(found),
        }
    }
    for versions in compiled.values_mut() {
        versions.sort_by_key(|strategy| strategy.label.version);
    }
    compiled
}

/// The parts of a release that products are compiled with.
#[derive(Debug)]
pub(crate) struct Compilation<'a> {
    pub(crate) book: &'a RuleBook,
    pub(crate) strategies: &'a Versions,
    /// The strategy of products that name none, by kind.
    pub(crate) default_strategies: &'a BTreeMap<i32, String>,
    pub(crate) caches: BTreeMap<StrategyLabel, CostCache>,
}

impl Listing {
    pub(crate) fn compile(
        product: &Product,
        with: &mut Compilation<'_>,
    ) -> Result<Self, Vec<Error>> {
        let mut checks = Checks::new(format!("product {:?}", product.product_id));
        let named = Some(&product.strategy_id).filter(|id| !id.is_empty());
        let strategy_id = named
            .or_else(|| with.default_strategies.get(&product.kind))
            .cloned()
            .unwrap_or_default();
        let versions = with.strategies.get(&strategy_id);
        if versions.is_none() && !strategy_id.is_empty() {
            let known = with.strategies.keys().map(String::as_str);
            checks.missing("strategy_id", &strategy_id, known);
        }
        let checked = match CheckedProduct::new(product) {
            Ok(checked) => checked,
            Err(errors) => {
                checks.extend(errors);
                return Err(checks.into_errors());
            }
        };
        let mut offers = Vec::new();
        for strategy in versions.into_iter().flatten() {
            let cache = with.caches.entry(strategy.label.clone()).or_default();
            match Offer::compile(product, &checked, strategy, with.book, cache) {
                Ok(offer) => offers.push(offer),
                Err(errors) => checks.extend(errors),
            }
        }
        checks.finish(Self {
            kind: checked.kind,
            currency: checked.currency,
            active: product.active,
            strategy_id,
            offers,
        })
    }
}

impl Offer {
    fn compile(
        product: &Product,
        checked: &CheckedProduct,
        strategy: &Arc<CompiledStrategy>,
        book: &RuleBook,
        cache: &mut CostCache,
    ) -> Result<Self, Vec<Error>> {
        let label = &strategy.label;
        let subject = format!("product {:?} under \"{label}\"", product.product_id);
        let mut checks = Checks::new(subject);
        let kind = checked.kind;
        checks.require(
            strategy.kinds.contains(&kind),
            "kind",
            kind.hyphenated(),
            "a kind that the strategy prices",
        );
        let currency = checked.currency.code();
        let whose = "the strategy's currency";
        checks.same_currency("currency", currency, strategy.currency.code(), whose);
        let matching = book.matching(Scope {
            jurisdiction: &strategy.jurisdiction,
            licence: &strategy.licence,
            kind,
        });
        for pack in matching.iter().map(|index| book.pack(*index)) {
            checks.require(
                pack.fits_currency(currency),
                "rule pack",
                &pack.id,
                "one whose exposure cap is in the product's currency",
            );
        }
        if !checks.clean() {
            // Amounts of two currencies cannot be compared, nor the terms of two kinds.
            return Err(checks.into_errors());
        }
        let margin = Money::new(product.margin_minor, checked.currency);
        let pricer = Pricer::compile(&checked.terms, strategy, margin, cache, &mut checks);
        match pricer {
            Some(mut pricer) if checks.clean() => {
                if let Pricer::Credit(plan) = &mut pricer {
                    plan.add_ceilings(book, &matching);
                }
                Ok(Self {
                    strategy: Arc::clone(strategy),
                    matching,
                    pricer,
                })
            }
            _ => Err(checks.into_errors()),
        }
    }
}

impl Pricer {
    /// Works out the terms of a product of one of the strategy's kinds, in its currency. `margin`
    /// is the contribution by the catalogue.
    fn compile(
        terms: &CheckedTerms,
        strategy: &CompiledStrategy,
        margin: Money,
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        match (terms, &strategy.family) {
            (CheckedTerms::Loan(terms), Family::Credit(credit)) => {
                CreditPlan::loan(terms, credit, cache, checks).map(Self::Credit)
            }
            (CheckedTerms::Card(terms), Family::Credit(credit)) => {
                CreditPlan::card(terms, credit, cache, checks).map(Self::Credit)
            }
            (CheckedTerms::Fund(terms), Family::Fund(_)) => {
                Some(Self::Fund(Fund::compile(terms, checks)))
            }
            (CheckedTerms::Deposit(terms), Family::Deposit(cost)) => {
                let deposit = Deposit::compile(terms, margin, cost.as_deref(), checks);
                Some(Self::Deposit(deposit))
            }
            (CheckedTerms::Insurance(terms), Family::Insurance(loading)) => {
                Some(Self::Insurance(Policy::compile(terms, *loading)))
            }
            // The kind has these terms, and the strategy prices the kind: its family has them too.
            _ => {
                checks.require(false, "terms", "of another family", "those of the kind");
                None
            }
        }
    }
}
