//! The price engine's findings on strategies, as findings of this service.

use std::collections::BTreeSet;

use fairlead_domain::StrategyLabel;
use fairlead_price_engine::{Engine, LintContext, Source};
use fairlead_proto::control::v1::{Finding, Release, Strategy};

/// Returns every finding on one strategy, checked against the products, the rule packs and the
/// scorecards of `draft`, from `as_of_ms` (Unix milliseconds) on.
pub(crate) fn lint(strategy: &Strategy, draft: &Release, as_of_ms: i64) -> Vec<Finding> {
    let products = draft
        .catalogue
        .as_ref()
        .map_or(&[][..], |catalogue| &catalogue.products);
    let context = LintContext {
        risk_models: &draft.risk_models,
        rule_packs: &draft.rule_packs,
        products,
        default_strategies: &draft.default_strategies,
        as_of_ms,
    };
    let mut findings = fairlead_price_engine::lint(strategy, &context);
    let name = StrategyLabel::new(&strategy.strategy_id, strategy.version).to_string();
    for finding in &mut findings {
        // A row number needs the name of its strategy.
        if !finding.message.contains(&name) {
            finding.message = format!("strategy {name}: {}", finding.message);
        }
    }
    findings
}

/// Returns every finding on the prices of a release: on each strategy by itself, and on all of them
/// with all products, as the pricing service will compile them.
pub(crate) fn lint_all(release: &Release, as_of_ms: i64) -> Vec<Finding> {
    let mut findings: Vec<Finding> = release
        .strategies
        .iter()
        .flat_map(|strategy| lint(strategy, release, as_of_ms))
        .collect();
    let reported: BTreeSet<String> = findings
        .iter()
        .map(|finding| finding.message.clone())
        .collect();
    let compiled = Engine::compile(&Source::of_release(release))
        .err()
        .unwrap_or_default();
    findings.extend(
        compiled
            .iter()
            .map(ToString::to_string)
            .filter(|one| !reported.contains(one))
            .map(|message| Finding {
                severity: "error".to_owned(),
                rule: "strategy".to_owned(),
                message,
                ..Finding::default()
            }),
    );
    findings
}
