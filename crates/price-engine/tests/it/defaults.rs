//! The demo's own strategies and law pass everything that an owner's must.

use fairlead_price_engine::{LintContext, defaults, lint};
use fairlead_proto::control::v1::Release;

use crate::support::{NOW_MS, release};

fn with_lending_club() -> Release {
    let mut release = release();
    let catalogue = release.catalogue.as_mut().expect("a catalogue");
    catalogue
        .products
        .push(defaults::lending_club_product().expect("reads"));
    // Those with a fee are there to reach the cap.
    catalogue
        .products
        .retain(|product| !product.product_id.ends_with("-FEE"));
    release
}

#[test]
fn every_default_strategy_passes_lint() {
    let release = with_lending_club();
    for strategy in &release.strategies {
        let findings = lint(strategy, &LintContext::of_draft(&release, NOW_MS));
        assert!(
            findings.is_empty(),
            "{}: {findings:#?}",
            strategy.strategy_id
        );
    }
}

#[test]
fn every_default_rule_names_its_source() {
    let settings = defaults::settings().expect("reads");
    assert!(settings.rule_packs.len() >= 15);
    for pack in &settings.rule_packs {
        assert!(pack.source.len() > 10, "{}", pack.rule_pack_id);
    }
    assert_eq!(settings.default_strategies.len(), 6);
    let known: Vec<String> = defaults::strategies()
        .expect("reads")
        .into_iter()
        .map(|one| one.strategy_id)
        .collect();
    assert!(
        settings
            .default_strategies
            .values()
            .all(|id| known.contains(id))
    );
}
