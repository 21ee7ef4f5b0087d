//! The parts of a release that prices follow from.

use std::collections::BTreeMap;

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1 as control;

/// The parts of a release that prices follow from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Every strategy version.
    pub strategies: &'a [control::Strategy],
    /// The strategy of products that name none, by kind.
    pub default_strategies: &'a BTreeMap<i32, String>,
    /// The cost of lending.
    pub cost_models: &'a [control::CostModel],
    /// The guardrails of the strategies.
    pub guardrails: &'a [control::Guardrails],
    /// The law as data.
    pub rule_packs: &'a [control::RulePack],
    /// The scorecards.
    pub risk_models: &'a [control::RiskModel],
    /// The catalogue.
    pub products: &'a [Product],
}

impl<'a> Source<'a> {
    /// Returns those parts of a release.
    pub fn of_release(release: &'a control::Release) -> Self {
        let products = release.catalogue.as_ref();
        Self {
            strategies: &release.strategies,
            default_strategies: &release.default_strategies,
            cost_models: &release.cost_models,
            guardrails: &release.guardrails,
            rule_packs: &release.rule_packs,
            risk_models: &release.risk_models,
            products: products.map_or(&[], |catalogue| &catalogue.products),
        }
    }
}
