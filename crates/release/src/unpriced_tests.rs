//! Each change that moves a price is named, and those that move none pass.

use super::*;
use crate::checks::sample::unhashed;
use fairlead_proto::control::v1::{Arm, Column, Segment};

fn plan(release: &mut Release) -> &mut ExperimentPlan {
    release.experiments.as_mut().expect("a plan")
}

/// A second experiment, whose arms name no strategy version.
fn unpriced() -> Experiment {
    Experiment {
        experiment_id: "order".to_owned(),
        layer_id: "slate".to_owned(),
        salt: "order-1".to_owned(),
        arms: vec![Arm {
            arm_id: "a".to_owned(),
            weight_ppm: 1_000_000,
            ..Arm::default()
        }],
        ..Experiment::default()
    }
}

fn before() -> Release {
    let mut release = unhashed();
    plan(&mut release).experiments.push(unpriced());
    release
}

type Change = fn(&mut Release);

/// Changes that marketing may publish by itself.
const UNPRICED: &[Change] = &[
    |_| {},
    |r| r.revision = 9,
    |r| r.campaigns.clear(),
    |r| r.campaigns[0].valid_to_ms = 7,
    |r| r.segmentations.clear(),
    |r| r.segmentations[0].segments.push(Segment::default()),
    |r| plan(r).experiments[1].coverage_ppm = 5,
    |r| {
        plan(r).experiments.pop();
    },
    |r| {
        let mut third = unpriced();
        third.experiment_id = "third".to_owned();
        plan(r).experiments.push(third);
        plan(r).layers.push(Layer::default());
        r.campaigns.push(Campaign::default());
    },
];

/// Changes that it may not, with what the reason names.
const PRICED: &[(Change, &str)] = &[
    (|r| r.strategies[0].champion = false, "strategies"),
    (|r| r.default_strategies.clear(), "strategies"),
    (|r| r.catalogue = None, "products"),
    (|r| r.cost_models[0].lgd_ppm = 0, "cost models"),
    (|r| r.guardrails[0].max_change_ppm = 0, "guardrails"),
    (|r| r.rule_packs.clear(), "rule packs"),
    (|r| r.risk_models[0].intercept = 0.0, "risk models"),
    (|r| r.models[0].default_for_role = false, "serving models"),
    (|r| r.models[0].path.clear(), "models"),
    (|r| r.parameters.clear(), "parameters"),
    (
        |r| plan(r).experiments[1].overrides = [("c-1".to_owned(), "a".to_owned())].into(),
        "overrides",
    ),
    (
        |r| r.segmentations[0].allow_price = true,
        "segmentation \"value\"",
    ),
    (
        |r| plan(r).experiments[0].coverage_ppm = 5,
        "experiment \"cheaper\"",
    ),
    (
        |r| plan(r).experiments[0].arms[1].strategy_versions.clear(),
        "experiment \"cheaper\"",
    ),
    (
        |r| {
            let versions = &mut plan(r).experiments[1].arms[0].strategy_versions;
            versions.insert("cash-loan".to_owned(), 2);
        },
        "experiment \"order\"",
    ),
    (
        |r| plan(r).holdout_ppm = 5,
        "the holdout decides who takes part in the experiment \"cheaper\"",
    ),
    (
        |r| plan(r).layers[0].salt.push('2'),
        "the layer \"all\" decides who",
    ),
    (
        |r| {
            let mut priced = plan(r).experiments[0].clone();
            priced.experiment_id = "new".to_owned();
            plan(r).experiments.push(priced);
        },
        "experiment \"new\"",
    ),
];

#[test]
fn what_moves_no_price_passes() {
    for (place, change) in UNPRICED.iter().enumerate() {
        let mut after = before();
        change(&mut after);
        assert_eq!(moves_prices(&before(), &after), None, "{place}");
        assert_eq!(moves_prices(&after, &before()), None, "{place}, back");
    }
}

#[test]
fn what_moves_a_price_is_named() {
    for (change, named) in PRICED {
        let mut after = before();
        change(&mut after);
        for reason in [
            moves_prices(&before(), &after),
            moves_prices(&after, &before()),
        ] {
            let reason = reason.expect(named);
            assert!(reason.contains(named), "{named}: {reason}");
        }
    }
}

/// A change that moves no price is refused together with one that does.
#[test]
fn one_price_is_enough() {
    for change in UNPRICED {
        let mut after = before();
        change(&mut after);
        after.guardrails[0].max_change_ppm = 0;
        assert!(moves_prices(&before(), &after).is_some());
    }
}

#[test]
fn a_campaign_that_a_rate_card_reads_moves_prices() {
    let mut before = before();
    let card = before.strategies[0].rate_card.as_mut().expect("a card");
    card.inputs.push(Column {
        name: "campaign".to_owned(),
        kind: "category(none, spring)".to_owned(),
    });
    let mut after = before.clone();
    after.campaigns[0].valid_to_ms = 7;
    let reason = moves_prices(&before, &after).expect("a price");
    assert_eq!(
        reason,
        "the rate card of cash-loan@1 reads the campaign \"spring\""
    );
    // Of another name it is read by none.
    let mut after = before.clone();
    after.campaigns.push(Campaign {
        campaign_id: "spri".to_owned(),
        ..Campaign::default()
    });
    assert_eq!(moves_prices(&before, &after), None);
}

/// Prices read the first segmentation that they may read.
#[test]
fn the_order_of_segmentations_that_prices_read_moves_prices() {
    let mut before = before();
    before.segmentations[0].allow_price = true;
    let mut second = before.segmentations[0].clone();
    second.segmentation_id = "other".to_owned();
    before.segmentations.push(second);
    let mut after = before.clone();
    after.segmentations.reverse();
    let reason = moves_prices(&before, &after).expect("a price");
    assert!(reason.contains("in their order"), "{reason}");
}
