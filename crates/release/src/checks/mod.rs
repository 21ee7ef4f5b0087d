//! The checks of a release beyond its products and its experiments: every reference resolves, and
//! the price engine compiles it.

mod prices;
mod recall;
#[cfg(test)]
pub(crate) mod sample;
mod strategies;

use std::collections::BTreeSet;
use std::fmt::Display;

use fairlead_domain::TenantId;
use fairlead_price_engine::{
    check_cost_models, check_guardrails, check_risk_models, check_rule_packs,
};
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::Release;

use crate::catalogue::Catalogue;
use crate::content_hash::content_hash;
use crate::finding::{Finding, Rule};
use crate::parameters::Parameters;

pub(crate) use prices::compile as compile_prices;

/// Checks tenant, revision and content hash. Returns its tenant, or `None` if that is no tenant.
pub(crate) fn header(release: &Release, findings: &mut Vec<Finding>) -> Option<TenantId> {
    let tenant = TenantId::new(&release.tenant)
        .map_err(|error| {
            findings.push(Finding::error(
                Rule::Syntax,
                "tenant",
                &release.tenant,
                error.allowed,
            ));
        })
        .ok();
    if release.revision < 1 {
        findings.push(Finding::error(
            Rule::Range,
            "revision",
            release.revision,
            "1 or more",
        ));
    }
    let content = content_hash(release);
    if release.content_hash != content {
        let allowed = format!("{content}, the hash of what it holds");
        findings.push(Finding::error(
            Rule::Hash,
            "content_hash",
            &release.content_hash,
            allowed,
        ));
    }
    tenant
}

/// Checks everything in the release that names something else in it.
pub(crate) fn references(release: &Release, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    if catalogue.is_empty() {
        let allowed = "a catalogue with at least one product, to have something to show";
        findings.push(Finding::warning(Rule::Missing, "catalogue", "", allowed));
    }
    strategies::defaults(release, findings);
    strategies::products(release, catalogue, findings);
    recall::models(&release.models, findings);
    recall::segmentations(&release.segmentations, findings);
    recall::campaigns(&release.campaigns, catalogue, findings);
}

/// Returns every finding on the settings of a draft by themselves: parameters, cost models,
/// guardrails, rule packs, scorecards, segmentations. The names in them are checked with the release.
pub fn check_settings(settings: &Release) -> Vec<Finding> {
    let mut findings = Parameters::resolve(&settings.parameters)
        .err()
        .unwrap_or_default();
    let errors = check_rule_packs(&settings.rule_packs)
        .into_iter()
        .chain(check_cost_models(&settings.cost_models))
        .chain(check_guardrails(&settings.guardrails))
        .chain(check_risk_models(&settings.risk_models));
    findings.extend(errors.map(Finding::from));
    recall::segmentations(&settings.segmentations, &mut findings);
    findings
}

/// Returns the strategy that prices a product: its own, else the release's for the kind; `None` if
/// there is neither.
pub(crate) fn strategy_of<'r>(release: &'r Release, product: &'r Product) -> Option<&'r str> {
    if !product.strategy_id.is_empty() {
        return Some(&product.strategy_id);
    }
    release
        .default_strategies
        .get(&product.kind)
        .map(String::as_str)
}

/// Checks that ids are not empty and differ.
fn unique<Id: Ord + Display>(
    what: &str,
    ids: impl IntoIterator<Item = Id>,
    findings: &mut Vec<Finding>,
) {
    let mut seen = BTreeSet::new();
    let mut named = BTreeSet::new();
    for id in ids {
        let text = id.to_string();
        if text.is_empty() {
            findings.push(Finding::error(
                Rule::Missing,
                what,
                "",
                "an id of at least one character",
            ));
        } else if !seen.insert(id) && named.insert(text.clone()) {
            findings.push(Finding::error(Rule::Duplicate, what, text, "each once"));
        }
    }
}

/// Checks the first instant of a period and the first instant after it; 0 leaves the end open.
fn period(thing: &str, from_ms: i64, to_ms: i64, findings: &mut Vec<Finding>) {
    if from_ms < 0 {
        let thing = format!("{thing}: valid_from_ms");
        findings.push(Finding::error(Rule::Range, thing, from_ms, "0 or more"));
    }
    if to_ms != 0 && to_ms <= from_ms {
        let allowed = format!("0 for open, or more than valid_from_ms, {from_ms}");
        let thing = format!("{thing}: valid_to_ms");
        findings.push(Finding::error(Rule::Contradiction, thing, to_ms, allowed));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
