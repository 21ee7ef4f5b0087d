//! A table of plans that are refused: each message names the thing, the value and what is allowed.

use std::collections::BTreeMap;

use fairlead_experiments::{
    Arm, BucketRange, Experiment, Holdout, Layer, Parameter, ParameterKind, Plan, PlanSpec, Status,
};

use crate::one_experiment;

/// Makes a plan of layer `l`; experiments `x` (0..5000) and `y` (5000..10000); layer `m`; two parameters.
fn base() -> PlanSpec {
    let mut spec = one_experiment();
    spec.experiments[0].slice = BucketRange::new(0, 5_000);
    spec.layers.push(Layer::new("m", "salt-m"));
    spec.experiments.push(
        Experiment {
            slice: BucketRange::new(5_000, 10_000),
            ..Experiment::new("y", "l", "salt-y")
        }
        .arm(Arm::new("only", 1.0)),
    );
    spec.parameters = vec![
        Parameter::new("slate.size", ParameterKind::Int, "10"),
        Parameter::new("model", ParameterKind::Text, "ranker-1"),
    ];
    spec
}

type Case = (&'static str, fn(&mut PlanSpec), &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "a layer twice",
        |s| s.layers.push(Layer::new("l", "other")),
        &["layer \"l\"", "twice"],
    ),
    (
        "an experiment twice",
        |s| {
            s.experiments[1].id = "x".into();
        },
        &["experiment \"x\"", "twice"],
    ),
    (
        "a parameter twice",
        |s| {
            s.parameters
                .push(Parameter::new("model", ParameterKind::Bool, "true"));
        },
        &["parameter \"model\"", "twice"],
    ),
    (
        "an arm twice",
        |s| s.experiments[0].arms[1].id = "control".into(),
        &["arm of experiment \"x\"", "\"control\"", "twice"],
    ),
    (
        "an empty id",
        |s| s.experiments[0].id = String::new(),
        &["an id (experiment)", "empty"],
    ),
    (
        "an empty salt",
        |s| s.layers[0].salt = String::new(),
        &["the salt of layer \"l\"", "empty"],
    ),
    (
        "one salt for two",
        |s| s.experiments[1].salt = "salt-l".into(),
        &[
            "\"salt-l\"",
            "layer \"l\"",
            "experiment \"y\"",
            "of its own",
        ],
    ),
    (
        "the holdout with a layer's salt",
        |s| {
            s.holdout = Some(Holdout {
                salt: "salt-m".into(),
                share: 0.1,
            });
        },
        &["\"salt-m\"", "layer \"m\"", "the holdout"],
    ),
    (
        "an unknown layer",
        |s| s.experiments[0].layer = "pricing".into(),
        &["\"x\"", "\"pricing\"", "allowed: \"l\", \"m\""],
    ),
    (
        "an empty slice",
        |s| s.experiments[0].slice = BucketRange::new(7, 7),
        &["\"x\"", "7..7", "within 0..10000"],
    ),
    (
        "a slice beyond the layer",
        |s| s.experiments[1].slice = BucketRange::new(5_000, 10_001),
        &["\"y\"", "5000..10001", "within 0..10000"],
    ),
    (
        "slices that overlap",
        |s| s.experiments[1].slice = BucketRange::new(4_999, 6_000),
        &[
            "\"x\" (0..5000)",
            "\"y\" (4999..6000)",
            "layer \"l\"",
            "share no bucket",
        ],
    ),
    (
        "no arms",
        |s| s.experiments[0].arms.clear(),
        &["\"x\"", "at least one"],
    ),
    (
        "weights over 1",
        |s| s.experiments[0].arms[0].weight = 0.6,
        &["\"x\"", "sum to 1.1", "allowed: 1"],
    ),
    (
        "a negative weight",
        |s| s.experiments[0].arms[0].weight = -0.5,
        &["\"control\"", "\"x\"", "-0.5", "from 0 to 1"],
    ),
    (
        "a weight that is no number",
        |s| s.experiments[0].arms[0].weight = f64::NAN,
        &["weight", "NaN", "from 0 to 1"],
    ),
    (
        "coverage over 1",
        |s| s.experiments[0].coverage = 1.01,
        &["coverage", "\"x\"", "1.01", "from 0 to 1"],
    ),
    (
        "a holdout share over 1",
        |s| {
            s.holdout = Some(Holdout {
                salt: "out".into(),
                share: f64::INFINITY,
            });
        },
        &["holdout", "inf", "from 0 to 1"],
    ),
    (
        "an unknown parameter",
        |s| s.experiments[0].arms[1].params = BTreeMap::from([("colour".into(), "red".into())]),
        &[
            "\"treatment\"",
            "\"x\"",
            "\"colour\"",
            "allowed: \"model\", \"slate.size\"",
        ],
    ),
    (
        "a value of another type",
        |s| s.experiments[0].arms[1].params = BTreeMap::from([("slate.size".into(), "2.5".into())]),
        &[
            "\"treatment\"",
            "\"x\"",
            "\"slate.size\"",
            "\"2.5\"",
            "a whole number",
        ],
    ),
    (
        "a default of another type",
        |s| s.parameters[0].default = "ten".into(),
        &["the default", "\"slate.size\"", "\"ten\"", "a whole number"],
    ),
    (
        "a parameter in two layers",
        |s| {
            s.experiments[1].layer = "m".into();
            for experiment in &mut s.experiments {
                experiment.arms[0].params = BTreeMap::from([("model".into(), "a".into())]);
            }
        },
        &[
            "\"model\"",
            "\"x\" of layer \"l\"",
            "\"y\" of layer \"m\"",
            "one layer",
        ],
    ),
    (
        "an override to an unknown arm",
        |s| s.experiments[0].overrides = BTreeMap::from([("tester".into(), "B".into())]),
        &[
            "\"x\"",
            "\"tester\"",
            "\"B\"",
            "allowed: \"control\", \"treatment\"",
        ],
    ),
    (
        "an override of nobody",
        |s| s.experiments[0].overrides = BTreeMap::from([(String::new(), "control".into())]),
        &["overridden in experiment \"x\"", "empty"],
    ),
    (
        "a tester in two experiments of a layer",
        |s| {
            s.experiments[0].overrides = BTreeMap::from([("tester".into(), "control".into())]);
            s.experiments[1].overrides = BTreeMap::from([("tester".into(), "only".into())]);
        },
        &["\"tester\"", "\"x\"", "\"y\"", "layer \"l\""],
    ),
    (
        "targeting that does not compile",
        |s| s.experiments[1].targeting = Some("age >= ".into()),
        &["\"y\"", "\"age >= \"", "a CEL expression that gives a bool"],
    ),
];

#[test]
fn each_mistake_is_refused_and_named() {
    Plan::new(base()).expect("the base is valid");
    for (name, spoil, expected) in CASES {
        let mut spec = base();
        spoil(&mut spec);
        let error = Plan::new(spec).expect_err(name).to_string();
        for part in *expected {
            assert!(error.contains(part), "{name}: {error:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_stopped_experiment_frees_slice_parameters_and_testers() {
    let mut spec = base();
    spec.experiments[0].overrides = BTreeMap::from([("tester".into(), "control".into())]);
    spec.experiments[0].arms[0].params = BTreeMap::from([("model".into(), "a".into())]);
    let mut successor = Experiment {
        slice: BucketRange::new(0, 5_000),
        overrides: BTreeMap::from([("tester".into(), "only".into())]),
        ..Experiment::new("x2", "l", "salt-x2")
    };
    successor = successor.arm(Arm::new("only", 1.0).param("model", "b"));
    spec.experiments.push(successor);
    Plan::new(spec.clone()).expect_err("both are live");
    spec.experiments[0].status = Status::Stopped;
    Plan::new(spec).expect("the first is over");
}
