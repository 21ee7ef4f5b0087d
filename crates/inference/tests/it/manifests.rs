//! Manifests and requests that do not make sense, each with what is said about it.

use std::collections::BTreeMap;

use fairlead_inference::{
    Batch, Calibration, Dtype, Error, InputSpec, Manifest, Model, RowGroup, TrainingWindow, Values,
};

use crate::fixtures::{Gate, load_ranker, ranker_manifest, request};

/// A change to a good manifest, and what is said of the result.
type Case = (fn(&mut Manifest), &'static str);

const CASES: [Case; 15] = [
    (
        |m| m.name = "a/b".into(),
        "name is \"a/b\"; letters, digits",
    ),
    (|m| m.version = String::new(), "version is \"\""),
    (
        |m| m.schema_hash = "xyz".into(),
        "schema_hash is \"xyz\"; hex digits are allowed",
    ),
    (
        |m| m.outputs.clear(),
        "inputs and outputs must each have at least one",
    ),
    (|m| m.inputs[0].columns = Some(0), "inputs[0].columns is 0"),
    (
        |m| m.inputs[4].name = "user_dense".into(),
        "inputs: \"user_dense\" is there twice",
    ),
    (
        |m| m.inputs[2].dtype = Dtype::F32,
        "inputs[2].index_of is user; it goes with dtype i64",
    ),
    (
        |m| m.inputs[1].below = Some(vec![5, 5]),
        "inputs[1].below is [5, 5]; for dtype i64, 1 counts",
    ),
    (
        |m| m.inputs[1].below = Some(vec![0]),
        "inputs[1].below is [0]",
    ),
    (
        |m| m.inputs.retain(|input| input.rows == RowGroup::Row),
        "inputs[0].index_of is user; no input has such rows",
    ),
    (
        |m| m.inputs.retain(|input| input.rows == RowGroup::User),
        "outputs[0].rows is row; no input has such rows",
    ),
    (
        |m| m.vocabulary.products = vec!["p1".into(), "p1".into()],
        "vocabulary.products: \"p1\" is there twice",
    ),
    (
        |m| {
            m.calibration.insert(
                "buy".into(),
                Calibration::Platt {
                    slope: 1.0,
                    intercept: 0.0,
                },
            );
        },
        "calibration.buy: no output of that name",
    ),
    (
        |m| {
            m.training_window = Some(TrainingWindow {
                from: "2024-02-01".into(),
                to: "2024-01-31T23:59:59Z".into(),
            });
        },
        "training_window.from is 2024-02-01, after training_window.to",
    ),
    (
        |m| {
            m.training_window = Some(TrainingWindow {
                from: "last week".into(),
                to: "2024-01-31".into(),
            });
        },
        "training_window.from is \"last week\"; an RFC 3339 instant or a date is allowed",
    ),
];

#[test]
fn each_fault_is_named() {
    for (change, expected) in CASES {
        let mut manifest = ranker_manifest();
        change(&mut manifest);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        std::fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
        let error = fairlead_inference::ModelFolder::open(folder.path()).unwrap_err();
        assert!(matches!(&error, Error::Malformed { path: named, .. } if named == &path));
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    let text = serde_json::to_string(&ranker_manifest()).unwrap();
    let misspelt = text.replace("\"below\"", "\"bellow\"");
    let error = serde_json::from_str::<Manifest>(&misspelt).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `bellow`"),
        "{error}"
    );
}

#[test]
fn a_manifest_survives_writing_and_reading() {
    let mut manifest = ranker_manifest();
    manifest.features = serde_json::json!({"user_dense": ["age", "income"]});
    manifest.metrics.insert("auc".into(), 0.75.into());
    let text = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
}

#[test]
fn a_model_around_a_bad_manifest_is_refused() {
    let gate = Gate::new();
    let mut manifest = gate.model.manifest().clone();
    manifest.inputs.push(InputSpec {
        columns: Some(0),
        ..manifest.inputs[0].clone()
    });
    let model = fairlead_inference::LinearModel {
        outputs: BTreeMap::new(),
    };
    let error = Model::with_program(manifest, Box::new(model)).unwrap_err();
    assert!(
        error.to_string().contains("inputs[1].columns is 0"),
        "{error}"
    );
}

/// A good request with input `name` replaced.
fn with(name: &'static str, columns: Option<usize>, values: Values) -> Batch {
    let kept = request().batch();
    let others = kept.inputs().iter().filter(|input| input.name != name);
    others
        .fold(Batch::new(), |batch, input| {
            batch.with(input.name.clone(), input.columns, input.values.clone())
        })
        .with(name.into(), columns, values)
}

/// A request, and what is said of it.
type BadRequest = (fn() -> Batch, &'static str);

const BAD_REQUESTS: [BadRequest; 13] = [
    (Batch::new, "\"user_dense\": is missing"),
    (
        || request().batch().f32("colour", 1, vec![0.0]),
        "\"colour\": is unknown, or there twice; the model takes user_dense, user_ids",
    ),
    (
        || request().batch().index("user_of_row", vec![0]),
        "\"user_of_row\": is unknown, or there twice",
    ),
    (
        || with("user_ids", Some(1), Values::F32(vec![1.0, 2.0])),
        "is f32; the model takes i64",
    ),
    (
        || with("user_dense", Some(4), Values::F32(vec![0.0; 4])),
        "has 4 columns; the model takes 2 columns",
    ),
    (
        || with("user_of_row", Some(1), Values::I64(vec![0; 3])),
        "has 1 columns; the model takes one dimension",
    ),
    (
        || with("item_dense", Some(3), Values::F32(vec![0.0; 8])),
        "has 8 values; whole rows of 3",
    ),
    (
        || with("item_dense", Some(3), Values::F32(vec![])),
        "has 0 values",
    ),
    (
        || with("item_dense", Some(3), Values::F32(vec![0.0; 12])),
        "has 4 rows; the other inputs by row have 3",
    ),
    (
        || with("user_of_row", None, Values::I64(vec![0, 1, 2])),
        "row 2, column 0 is 2; 0 to 1 are allowed",
    ),
    (
        || with("user_of_row", None, Values::I64(vec![0, -1, 1])),
        "row 1, column 0 is -1; 0 to 1 are allowed",
    ),
    (
        || with("item_ids", Some(1), Values::I64(vec![0, 1, 7])),
        "row 2, column 0 is 7; 0 to 6 are allowed",
    ),
    (
        || {
            let values = vec![0.0, 1.0, 2.0, f32::INFINITY];
            with("user_dense", Some(2), Values::F32(values))
        },
        "row 1, column 1 is inf; only finite values are allowed",
    ),
];

#[test]
fn each_bad_request_is_named() {
    let model = load_ranker("v1", 0.0);
    for (batch, expected) in BAD_REQUESTS {
        let error = model.forward_once(&batch()).unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("model ranker v1, input ") && message.contains(expected),
            "{message}"
        );
    }
}
