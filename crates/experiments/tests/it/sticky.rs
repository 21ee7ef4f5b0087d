//! The changes of a plan that would move units of a running experiment.

use fairlead_experiments::{
    BucketRange, Holdout, Parameter, ParameterKind, PlanSpec, Status, sticky_breaches,
};

use crate::{one_experiment, plan};

/// Returns the breaches of a `change` to a running experiment.
fn breaches(change: impl FnOnce(&mut PlanSpec)) -> Vec<String> {
    let mut spec = one_experiment();
    spec.holdout = Some(Holdout {
        salt: "out".to_owned(),
        share: 0.05,
    });
    spec.experiments[0].slice = BucketRange::new(0, 5_000);
    spec.experiments[0].coverage = 0.5;
    spec.parameters = vec![Parameter::new("size", ParameterKind::Int, "1")];
    spec.experiments[0].arms[1]
        .params
        .insert("size".to_owned(), "2".to_owned());
    let previous = plan(spec.clone());
    change(&mut spec);
    let found = sticky_breaches(&previous, &plan(spec));
    assert!(found.iter().all(|breach| breach.experiment == "x"));
    found.iter().map(ToString::to_string).collect()
}

type Change = fn(&mut PlanSpec);

#[test]
fn what_moves_units_is_a_breach() {
    let cases: [(Change, &str); 11] = [
        (
            |s| s.experiments[0].salt = "other".into(),
            "salt changes from \"salt-x\" to \"other\"",
        ),
        (|s| s.layers[0].salt = "other".into(), "layer salt changes"),
        (
            |s| s.experiments[0].slice.end = 6_000,
            "slice changes from 0..5000 to 0..6000",
        ),
        (
            |s| s.experiments[0].coverage = 0.4,
            "coverage changes from 0.5 to 0.4",
        ),
        (|s| s.experiments[0].arms.reverse(), "arms changes"),
        (
            |s| {
                s.experiments[0].arms[0].weight = 0.9;
                s.experiments[0].arms[1].weight = 0.1;
            },
            "arms changes from control 0.5, treatment 0.5 to control 0.9, treatment 0.1",
        ),
        (
            |s| s.holdout.as_mut().expect("set").salt = "other".into(),
            "holdout salt changes",
        ),
        (
            |s| s.holdout.as_mut().expect("set").share = 0.1,
            "holdout share changes",
        ),
        (
            |s| s.experiments[0].targeting = Some("region == \"north\"".into()),
            "targeting changes from none to \"region == \\\"north\\\"\"",
        ),
        (
            |s| {
                s.experiments[0].arms[1]
                    .params
                    .insert("size".into(), "9".into());
            },
            "what arms set changes from control nothing; treatment size = 2 to control nothing; \
             treatment size = 9",
        ),
        (
            |s| s.experiments[0].arms[1].params.clear(),
            "what arms set changes",
        ),
    ];
    for (change, expected) in cases {
        let found = breaches(change);
        assert_eq!(found.len(), 1, "{expected}: {found:?}");
        assert!(found[0].contains(expected), "{found:?} lacks {expected}");
    }
}

#[test]
fn what_only_adds_units_is_none() {
    assert!(breaches(|_| {}).is_empty());
    assert!(breaches(|s| s.experiments[0].coverage = 1.0).is_empty());
    assert!(breaches(|s| s.holdout.as_mut().expect("set").share = 0.01).is_empty());
    assert!(breaches(|s| s.experiments[0].status = Status::Stopped).is_empty());
    assert!(breaches(|s| s.experiments.clear()).is_empty());
}
