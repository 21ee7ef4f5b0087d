//! Each version keeps what it had, and gets it by name.

use fairlead_price_engine::defaults;
use fairlead_proto::control::v1::{Grading, LimitRules};

use super::*;

/// A version as it was stored, whose cost and largest change say which it is.
fn stored(version: i64, champion: bool, lgd_ppm: Option<i64>, max_change_ppm: i64) -> Strategy {
    Strategy {
        strategy_id: "loan".to_owned(),
        version,
        champion,
        currency: "CNY".to_owned(),
        jurisdiction: "CN".to_owned(),
        licence: "bank".to_owned(),
        grading: Some(Grading::default()),
        cost: lgd_ppm.map(|lgd_ppm| CostModel {
            lgd_ppm,
            ..CostModel::default()
        }),
        price_points_ppm: vec![60_000],
        max_change_ppm,
        limit: Some(LimitRules::default()),
        quote_valid_seconds: 60,
        standard_segment: "standard".to_owned(),
        ..Strategy::default()
    }
}

/// Names, and the figure by which a content is known.
type Named<'h> = (Vec<&'h str>, i64);

/// The names of each cost model with its loss, and of each set of guardrails with its change.
fn names(held: &Held) -> (Vec<Named<'_>>, Vec<Named<'_>>) {
    let costs = held.cost_models.iter();
    let guardrails = held.guardrails.iter();
    (
        costs
            .map(|one| (strs(&one.strategies), one.lgd_ppm))
            .collect(),
        guardrails
            .map(|one| (strs(&one.strategies), one.max_change_ppm))
            .collect(),
    )
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[test]
fn the_version_in_use_gives_its_own_to_the_strategy() {
    let mut versions = [
        stored(1, true, Some(5), 10),
        stored(2, true, Some(6), 10),
        stored(3, false, Some(5), 20),
        stored(4, false, Some(6), 20),
    ];
    let held = take_held(&mut versions);
    let (costs, guardrails) = names(&held);
    assert_eq!(costs, [(vec!["loan"], 6), (vec!["loan@1", "loan@3"], 5)],);
    assert_eq!(
        guardrails,
        [(vec!["loan"], 10), (vec!["loan@4", "loan@3"], 20)],
    );
    let first = &held.guardrails[0];
    assert_eq!((&*first.guardrails_id, &*first.currency), ("loan", "CNY"));
    assert_eq!((&*first.jurisdiction, &*first.licence), ("CN", "bank"));
    assert_eq!(first.price_points_ppm, [60_000]);
    assert_eq!(first.quote_valid_seconds, 60);
    assert!(first.grading.is_some() && first.limit.is_some());
    for version in &versions {
        assert!(!is_old(version), "{version:?}");
        assert_eq!(version.standard_segment, "standard");
    }
    assert_eq!(take_held(&mut versions), Held::default());
}

/// A version that had no cost does not get that of another.
#[test]
fn a_cost_that_not_every_version_had_is_named_by_version() {
    let mut versions = [stored(1, true, Some(5), 10), stored(2, true, None, 10)];
    let held = take_held(&mut versions);
    assert_eq!(names(&held).0, [(vec!["loan@1"], 5)]);
}

#[test]
fn a_release_with_its_sections_is_left_alone() {
    let mut release = defaults::settings().expect("reads");
    release.strategies = defaults::strategies().expect("reads");
    assert!(matches!(current_form(&release), Cow::Borrowed(_)));
    // Sections that were written later come before what a strategy was stored with.
    release.strategies.push(stored(1, true, Some(5), 10));
    let current = current_form(&release);
    assert_eq!(current.cost_models, release.cost_models);
    assert_eq!(current.guardrails, release.guardrails);
    assert!(!current.strategies.iter().any(is_old));
}
