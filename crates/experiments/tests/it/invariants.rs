//! The invariants of every plan and every unit.

use std::collections::BTreeMap;

use fairlead_experiments::{
    Arm, Attributes, BUCKETS, BucketRange, Experiment, Holdout, Layer, Parameter, ParameterKind,
    Plan, PlanSpec, Status, Via, bucket_ranges, choose_variation, hash,
};
use proptest::prelude::*;

use crate::{one_experiment, plan, units};

/// Generates weights of 1 to 5 arms that sum to 1, zeros among them.
fn weights() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0_u32..100, 1..=5)
        .prop_filter("some arm has weight", |parts| {
            parts.iter().any(|part| *part > 0)
        })
        .prop_map(|parts| {
            let sum: u32 = parts.iter().sum();
            parts
                .into_iter()
                .map(|part| f64::from(part) / f64::from(sum))
                .collect()
        })
}

/// Generates any ids, also empty ones and ones outside ASCII.
fn unit_ids() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof!["[a-z0-9-]{1,36}", "\\PC{0,12}"], 1..60)
}

fn experiment(weights: &[f64], coverage: f64) -> Experiment {
    let experiment = Experiment {
        coverage,
        ..Experiment::new("x", "l", "salt-x")
    };
    weights
        .iter()
        .enumerate()
        .fold(experiment, |experiment, (index, weight)| {
            experiment.arm(Arm::new(format!("arm-{index}"), *weight))
        })
}

fn plan_of(weights: &[f64], coverage: f64) -> Plan {
    plan(PlanSpec {
        experiments: vec![experiment(weights, coverage)],
        ..one_experiment()
    })
}

fn arm_of<'p>(plan: &'p Plan, unit: &str) -> Option<&'p str> {
    plan.assign(unit, &Attributes::default()).arm("x")
}

proptest! {
    #[test]
    fn assignment_is_deterministic(weights in weights(), coverage in 0.0..=1.0_f64, units in unit_ids()) {
        let (one, other) = (plan_of(&weights, coverage), plan_of(&weights, coverage));
        for unit in &units {
            let attributes = Attributes::default();
            prop_assert_eq!(one.assign(unit, &attributes), other.assign(unit, &attributes));
        }
    }

    #[test]
    fn ramping_only_adds(
        weights in weights(), low in 0.0..=1.0_f64, more in 0.0..=1.0_f64, units in unit_ids()
    ) {
        let high = low + (1.0 - low) * more;
        let (before, after) = (plan_of(&weights, low), plan_of(&weights, high));
        for unit in &units {
            if let Some(arm) = arm_of(&before, unit) {
                prop_assert_eq!(arm_of(&after, unit), Some(arm), "{}", unit);
            }
        }
    }

    #[test]
    fn an_arm_is_growthbooks_variation(
        weights in weights(), coverage in 0.0..=1.0_f64, units in unit_ids()
    ) {
        let plan = plan_of(&weights, coverage);
        let ranges = bucket_ranges(weights.len(), coverage, Some(&weights));
        for unit in units.iter().filter(|unit| !unit.is_empty()) {
            let n = hash("salt-x", unit, 2).expect("version 2 exists");
            let expected = choose_variation(n, &ranges).map(|index| format!("arm-{index}"));
            prop_assert_eq!(arm_of(&plan, unit).map(str::to_owned), expected);
        }
    }

    #[test]
    fn an_arm_of_weight_zero_is_never_chosen(
        weights in weights(), coverage in 0.0..=1.0_f64, units in unit_ids()
    ) {
        let plan = plan_of(&weights, coverage);
        let buckets = plan.arm_buckets("x").expect("the experiment exists");
        for (index, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight == 0.0) {
            prop_assert_eq!(buckets[index].1, 0, "weight {}", weight);
            let arm = format!("arm-{index}");
            for unit in &units {
                prop_assert_ne!(arm_of(&plan, unit), Some(arm.as_str()));
            }
        }
    }

    #[test]
    fn full_coverage_leaves_no_unit_without_an_arm(weights in weights(), units in unit_ids()) {
        let plan = plan_of(&weights, 1.0);
        let buckets = plan.arm_buckets("x").expect("the experiment exists");
        let all: u32 = buckets.iter().map(|(_, buckets)| u32::from(*buckets)).sum();
        prop_assert_eq!(all, u32::from(BUCKETS));
        for unit in units.iter().filter(|unit| !unit.is_empty()) {
            prop_assert!(arm_of(&plan, unit).is_some());
        }
    }

    #[test]
    fn slices_exclude_each_other(
        cuts in prop::collection::btree_set(1..BUCKETS, 1..8), units in unit_ids()
    ) {
        let ends: Vec<u16> = [0].into_iter().chain(cuts).chain([BUCKETS]).collect();
        let experiments: Vec<Experiment> = ends
            .windows(2)
            .map(|pair| {
                let id = format!("x{}", pair[0]);
                let slice = BucketRange::new(pair[0], pair[1]);
                Experiment { slice, ..Experiment::new(&id, "l", format!("salt-{id}")) }
                    .arm(Arm::new("only", 1.0))
            })
            .collect();
        let plan = plan(PlanSpec { experiments, ..one_experiment() });
        for unit in units.iter().filter(|unit| !unit.is_empty()) {
            let assignment = plan.assign(unit, &Attributes::default());
            prop_assert_eq!(assignment.arms.len(), 1, "the slices share out the layer");
            let n = hash("salt-l", unit, 2).expect("version 2 exists");
            let bucket = (n * f64::from(BUCKETS)).round() as u16;
            let start = ends.iter().rev().find(|end| **end <= bucket).expect("0 is an end");
            prop_assert_eq!(assignment.arms[0].experiment, format!("x{start}"));
        }
    }

    #[test]
    fn the_holdout_excludes_from_everything(share in 0.0..=1.0_f64, units in unit_ids()) {
        let holdout = Some(Holdout { salt: "out".to_owned(), share });
        let mut spec = PlanSpec { holdout, ..one_experiment() };
        spec.layers.push(Layer::new("m", "salt-m"));
        spec.experiments.push(Experiment::new("y", "m", "salt-y").arm(Arm::new("only", 1.0)));
        let plan = plan(spec);
        for unit in units.iter().filter(|unit| !unit.is_empty()) {
            let assignment = plan.assign(unit, &Attributes::default());
            let expected = hash("out", unit, 2).expect("version 2 exists") < share;
            prop_assert_eq!(assignment.held_out, expected);
            prop_assert_eq!(assignment.arms.len(), if expected { 0 } else { 2 });
        }
    }
}

#[test]
fn an_override_wins_and_keeps_the_layer_to_itself() {
    let mut spec = one_experiment();
    spec.holdout = Some(Holdout {
        salt: "out".to_owned(),
        share: 1.0,
    });
    spec.experiments[0].slice = BucketRange::new(0, 5_000);
    spec.experiments[0].overrides = BTreeMap::from([("tester".into(), "treatment".into())]);
    spec.experiments.push(
        Experiment {
            slice: BucketRange::new(5_000, 10_000),
            ..Experiment::new("y", "l", "salt-y")
        }
        .arm(Arm::new("only", 1.0)),
    );
    for holdout in [spec.holdout.clone(), None] {
        let plan = plan(PlanSpec {
            holdout: holdout.clone(),
            ..spec.clone()
        });
        let assignment = plan.assign("tester", &Attributes::default());
        assert_eq!(assignment.held_out, holdout.is_some());
        assert_eq!(
            assignment.arms.len(),
            1,
            "not in experiment y of the same layer as well"
        );
        assert_eq!(assignment.arms[0].experiment, "x");
        assert_eq!(assignment.arms[0].arm, "treatment");
        assert_eq!(assignment.arms[0].via, Via::Override);
    }
}

#[test]
fn status_decides_who_is_in() {
    let with_status = |status| {
        let mut spec = one_experiment();
        spec.experiments[0].status = status;
        spec.experiments[0].overrides = BTreeMap::from([("tester".into(), "treatment".into())]);
        let plan = plan(spec);
        (
            arm_of(&plan, "tester").is_some(),
            arm_of(&plan, "customer-1").is_some(),
        )
    };
    assert_eq!(
        with_status(Status::Draft),
        (true, false),
        "a draft is for testers"
    );
    assert_eq!(with_status(Status::Running), (true, true));
    assert_eq!(with_status(Status::Stopped), (false, false));
}

#[test]
fn arms_change_parameters_and_defaults_hold_elsewhere() {
    let mut spec = one_experiment();
    spec.parameters = vec![
        Parameter::new("slate.size", ParameterKind::Int, "10"),
        Parameter::new("explain", ParameterKind::Bool, "false"),
        Parameter::new("diversity", ParameterKind::Number, "0.3"),
        Parameter::new("model", ParameterKind::Text, "ranker-1"),
    ];
    spec.experiments[0].arms[1].params = BTreeMap::from([
        ("slate.size".into(), "20".into()),
        ("model".into(), "ranker-2".into()),
    ]);
    let plan = plan(spec);
    for unit in units(50) {
        let assignment = plan.assign(&unit, &Attributes::default());
        let (size, model) = match assignment.arm("x") {
            Some("treatment") => (20, "ranker-2"),
            _ => (10, "ranker-1"),
        };
        let params = &assignment.params;
        assert_eq!(params.int("slate.size"), Some(size));
        assert_eq!(params.text("model"), Some(model));
        assert_eq!(params.bool("explain"), Some(false));
        assert_eq!(params.number("diversity"), Some(0.3));
        assert_eq!(params.int("model"), None, "it is no int");
        assert_eq!(params.get("colour"), None, "it is not declared");
        let names: Vec<&str> = params.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["diversity", "explain", "model", "slate.size"]);
    }
}

#[test]
fn a_unit_without_an_id_is_in_nothing() {
    let assignment = plan(one_experiment());
    let assignment = assignment.assign("", &Attributes::default());
    assert!(assignment.arms.is_empty() && !assignment.held_out);
}
