//! A product under each version of the strategy that prices it, compiled with a release.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::{Currency, Money, StrategyLabel};
use fairlead_proto::catalogue::v1::{Product, ProductKind, product::Terms};

use crate::credit::{CostCache, CreditPlan};
use crate::deposit::Deposit;
use crate::error::Checks;
use crate::fund::Fund;
use crate::insurance::Policy;
use crate::rule_pack::{PackIndex, RuleBook, Scope};
use crate::strategy::{CompiledStrategy, Family};
use crate::{Error, Source};

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
pub(crate) fn compile_strategies(source: &Source<'_>, errors: &mut Vec<Error>) -> Versions {
    let mut strategies = Versions::new();
    for strategy in source.strategies {
        match CompiledStrategy::compile(strategy, source.risk_models) {
            Ok(compiled) => {
                let label = &compiled.label;
                let mut checks = Checks::new(format!("strategy {}", label.strategy_id));
                let versions: &mut Vec<Arc<CompiledStrategy>> =
                    strategies.entry(label.strategy_id.clone()).or_default();
                let known = versions.iter().any(|other| other.label == *label);
                checks.require(!known, "version", label.version, "each version once");
                errors.extend(checks.into_errors());
                versions.push(Arc::new(compiled));
            }
            Err(found) => errors.extend(found),
        }
    }
    for versions in strategies.values_mut() {
        versions.sort_by_key(|strategy| strategy.label.version);
    }
    strategies
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
        let mut checks = Checks::new(format!("product {}", product.product_id));
        let named = Some(&product.strategy_id).filter(|id| !id.is_empty());
        let strategy_id = named
            .or_else(|| with.default_strategies.get(&product.kind))
            .cloned()
            .unwrap_or_default();
        let versions = with.strategies.get(&strategy_id);
        if versions.is_none() && !strategy_id.is_empty() {
            checks.missing("strategy_id", &strategy_id);
        }
        let currency = Currency::new(&product.currency);
        checks.require(
            currency.is_ok(),
            "currency",
            &product.currency,
            "an ISO 4217 code such as CNY",
        );
        let Ok(currency) = currency else {
            return Err(checks.into_errors());
        };
        let mut offers = Vec::new();
        for strategy in versions.into_iter().flatten() {
            let cache = with.caches.entry(strategy.label.clone()).or_default();
            match Offer::compile(product, strategy, with.book, cache) {
                Ok(offer) => offers.push(offer),
                Err(errors) => checks.extend(errors),
            }
        }
        checks.finish(Self {
            kind: product.kind(),
            currency,
            active: product.active,
            strategy_id,
            offers,
        })
    }
}

impl Offer {
    fn compile(
        product: &Product,
        strategy: &Arc<CompiledStrategy>,
        book: &RuleBook,
        cache: &mut CostCache,
    ) -> Result<Self, Vec<Error>> {
        let subject = format!("product {} under {}", product.product_id, strategy.label);
        let mut checks = Checks::new(subject);
        let kind = product.kind();
        checks.require(
            strategy.kinds.contains(&kind),
            "kind",
            kind.hyphenated(),
            "a kind that the strategy prices",
        );
        checks.require(
            product.currency == strategy.currency.code(),
            "currency",
            &product.currency,
            format!("the strategy's, {}", strategy.currency),
        );
        let matching = book.matching(Scope {
            jurisdiction: &strategy.jurisdiction,
            licence: &strategy.licence,
            kind,
        });
        for pack in matching.iter().map(|index| book.pack(*index)) {
            checks.require(
                pack.fits_currency(&product.currency),
                "rule pack",
                &pack.id,
                "one whose exposure cap is in the product's currency",
            );
        }
        let pricer = Pricer::compile(product, strategy, cache, &mut checks);
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
    fn compile(
        product: &Product,
        strategy: &CompiledStrategy,
        cache: &mut CostCache,
        checks: &mut Checks,
    ) -> Option<Self> {
        let pricer = match (&product.terms, &strategy.family) {
            (Some(Terms::Loan(terms)), Family::Credit(credit)) => {
                Self::Credit(CreditPlan::loan(terms, credit, cache, checks)?)
            }
            (Some(Terms::Card(terms)), Family::Credit(credit)) => {
                Self::Credit(CreditPlan::card(terms, credit, cache, checks)?)
            }
            (Some(Terms::Fund(terms)), Family::Fund(_)) => {
                Self::Fund(Fund::compile(terms, strategy.currency, checks))
            }
            (Some(Terms::Deposit(terms)), Family::Deposit(cost)) => {
                let margin = Money::new(product.margin_minor, strategy.currency);
                Self::Deposit(Deposit::compile(terms, margin, cost.as_deref(), checks))
            }
            (Some(Terms::Insurance(terms)), Family::Insurance(loading)) => {
                Self::Insurance(Policy::compile(terms, *loading, checks))
            }
            _ => {
                let allowed = "the terms of the kind, under a strategy of its family";
                checks.require(false, "terms", product.kind().hyphenated(), allowed);
                return None;
            }
        };
        let loan = matches!(
            product.kind(),
            ProductKind::CashLoan | ProductKind::InstalmentPlan
        );
        if let Self::Credit(plan) = &pricer {
            checks.require(
                loan != plan.is_card,
                "terms",
                product.kind().hyphenated(),
                "the terms of the kind",
            );
        }
        Some(pricer)
    }
}
