//! The price engine's findings on strategies, as findings of this service.

use fairlead_domain::StrategyLabel;
use fairlead_price_engine::{Engine, LintContext, lint_compiled, lint_despite_errors};
use fairlead_proto::control::v1::{Finding, Release, Strategy};

/// Returns every finding on one strategy, checked against the products, the cost models, the
/// guardrails, the rule packs and the scorecards of `draft`, from `as_of_ms` (Unix milliseconds) on.
pub(crate) fn lint(strategy: &Strategy, draft: &Release, as_of_ms: i64) -> Vec<Finding> {
    let context = LintContext::of_draft(draft, as_of_ms);
    let findings = fairlead_price_engine::lint(strategy, &context);
    named(&label_of(strategy), findings)
}

/// Returns every finding on the strategies of a release that compiled to `prices`.
pub(crate) fn lint_all(release: &Release, prices: &Engine, as_of_ms: i64) -> Vec<Finding> {
    let strategies = release.strategies.iter().map(label_of);
    strategies
        .flat_map(|label| named(&label, lint_compiled(prices, &label, as_of_ms)))
        .collect()
}

/// Returns the findings on the strategies of a release that was refused, without those for which
/// it was.
pub(crate) fn lint_refused(release: &Release, as_of_ms: i64) -> Vec<Finding> {
    let context = LintContext::of_draft(release, as_of_ms);
    let strategies = release.strategies.iter();
    strategies
        .flat_map(|strategy| {
            let findings = lint_despite_errors(strategy, &context);
            named(&label_of(strategy), findings)
        })
        .collect()
}

fn label_of(strategy: &Strategy) -> StrategyLabel {
    StrategyLabel::new(&strategy.strategy_id, strategy.version)
}

/// Names the strategy in each finding: a row number means little without it.
fn named(label: &StrategyLabel, mut findings: Vec<Finding>) -> Vec<Finding> {
    let name = label.to_string();
    for finding in &mut findings {
        if !finding.message.contains(&name) {
            finding.message = format!("strategy {name}: {}", finding.message);
        }
    }
    findings
}
