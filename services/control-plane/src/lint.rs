//! What the price engine says of strategies, in the words of this service.

use std::collections::BTreeSet;

use fairlead_price_engine::{Engine, LintContext, Source};
use fairlead_proto::control::v1::{Finding, Release, Strategy};

/// Every finding on one strategy, held against the products, the law and the scorecards of
/// `draft`, from `as_of_ms` (Unix milliseconds) on.
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
    let name = format!("{}@{}", strategy.strategy_id, strategy.version);
    for finding in &mut findings {
        // A row number says little without the card that it is of.
        if !finding.message.contains(&name) {
            finding.message = format!("strategy {name}: {}", finding.message);
        }
    }
    findings
}

/// Every finding on the prices of a whole release: each strategy by itself, and all of them with
/// all products, as the pricing service will compile them.
pub(crate) fn lint_all(release: &Release, as_of_ms: i64) -> Vec<Finding> {
    let mut findings: Vec<Finding> = release
        .strategies
        .iter()
        .flat_map(|strategy| lint(strategy, release, as_of_ms))
        .collect();
    let said: BTreeSet<String> = findings
        .iter()
        .map(|finding| finding.message.clone())
        .collect();
    let whole = Engine::compile(&Source::of_release(release))
        .err()
        .unwrap_or_default();
    findings.extend(
        whole
            .iter()
            .map(ToString::to_string)
            .filter(|one| !said.contains(one))
            .map(|message| Finding {
                severity: "error".to_owned(),
                rule: "strategy".to_owned(),
                message,
                ..Finding::default()
            }),
    );
    findings
}
