//! The checks that a model must pass before it is used.

use std::sync::Arc;

use fairlead_inference::{
    Calibration, Dtype, Error, GoldenCase, Manifest, Model, ModelFolder, RowGroup, Scale,
};
use tch::{CModule, Kind, Tensor};

use crate::fixtures::{
    SCHEMA, assert_close, golden, input, manifest, number, number_manifest, output,
    ranker_manifest, request, trace, trace_ranker, write_ranker,
};

#[test]
fn a_traced_ranker_gives_what_the_arithmetic_gives() {
    let parent = tempfile::tempdir().unwrap();
    let folder = write_ranker(&parent.path().join("m"), "v1", 0.25).unwrap();
    let model = Model::load(&folder, Some(SCHEMA)).unwrap();
    let outputs = model.forward_once(&request().batch()).unwrap();
    let (click, convert) = request().expected(0.25);
    assert_close(outputs.get("click").unwrap(), &click);
    assert_close(outputs.get("convert").unwrap(), &convert);
    assert_eq!(outputs.manifest().version, "v1");
    assert_eq!(
        outputs.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["click", "convert"]
    );
    let unknown = outputs.get("buy").unwrap_err().to_string();
    assert!(
        unknown.contains("\"buy\"") && unknown.contains("click (Logit)"),
        "{unknown}"
    );
}

#[test]
fn a_model_of_other_features_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = write_ranker(&parent.path().join("m"), "v1", 0.0).unwrap();
    let error = Model::load(&folder, Some("c0ffee")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "model ranker v1 has feature schema 5eed01; this process serves c0ffee"
    );
    assert!(Model::load(&folder, Some("5EED01")).is_ok());
}

#[test]
fn a_wrong_golden_value_is_named() {
    let mut case = golden(&ranker_manifest(), 0.0);
    case.outputs.get_mut("convert").unwrap().values[1] = 4.into();
    let parent = tempfile::tempdir().unwrap();
    let error = ModelFolder::write(
        parent.path().join("m"),
        &ranker_manifest(),
        &[case],
        |path| Ok(trace_ranker(0.0).save(path)?),
    )
    .unwrap_err();
    let Error::GoldenMismatch {
        case,
        output,
        position,
        expected,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (case.as_str(), output.as_str(), *position),
        ("two users", "convert", 1)
    );
    assert!((expected - 4.0).abs() < f32::EPSILON);
}

fn write(manifest: &Manifest, golden: GoldenCase, module: &CModule) -> Result<ModelFolder, Error> {
    let parent = tempfile::tempdir().unwrap();
    ModelFolder::write(parent.path().join("m"), manifest, &[golden], |path| {
        Ok(module.save(path)?)
    })
}

fn number_case(x: f32, y: f32) -> GoldenCase {
    GoldenCase::record(
        "number",
        &number_manifest(),
        &number(x),
        &[("y", &[y])],
        1e-6,
    )
    .unwrap()
}

fn number_trace(forward: impl Fn(&Tensor) -> Vec<Tensor>) -> CModule {
    let example = [Tensor::from_slice(&[1.0f32, 2.0]).view([2, 1])];
    trace(&example, |inputs| forward(&inputs[0]))
}

#[test]
fn nan_and_infinity_in_golden_outputs_are_refused() {
    let logarithm = number_trace(|x| vec![x.log().squeeze_dim(1)]);
    for (x, value) in [(-1.0, "NaN"), (0.0, "-inf")] {
        let error = write(&number_manifest(), number_case(x, 0.0), &logarithm).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "model number v1, output \"y\": value 0 is {value}; only finite values are allowed"
            )
        );
    }
    assert!(write(&number_manifest(), number_case(1.0, 0.0), &logarithm).is_ok());
    let infinite = GoldenCase::record(
        "x",
        &number_manifest(),
        &number(1.0),
        &[("y", &[f32::NAN])],
        0.0,
    );
    assert!(matches!(infinite, Err(Error::Input { .. })));
}

#[test]
fn outputs_of_another_shape_are_refused() {
    let refused = |module: CModule, expected: &str| {
        let error = write(&number_manifest(), number_case(1.0, 1.0), &module).unwrap_err();
        assert!(matches!(error, Error::OutputShape { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let wide = number_trace(|x| vec![Tensor::cat(&[x, x], 1)]);
    refused(wide, "[1, 2]; the manifest says [1]");
    let summed = number_trace(|x| vec![x.sum(Kind::Float)]);
    refused(summed, "[]; the manifest says [1]");
}

/// An output in double precision, and as `[rows, 1]`, is taken as it is meant.
#[test]
fn other_float_types_and_a_trailing_dimension_are_taken() {
    let double = number_trace(|x| vec![x.to_kind(Kind::Double) * 2.0]);
    let folder = write(&number_manifest(), number_case(1.5, 3.0), &double);
    assert!(folder.is_ok());
}

#[test]
fn a_two_tower_user_model_gives_embeddings() {
    let manifest = manifest(
        "two_tower_user",
        vec![
            input("user_dense", Dtype::F32, Some(2), RowGroup::User),
            input("user_ids", Dtype::I64, Some(1), RowGroup::User),
        ],
        vec![output("embedding", RowGroup::User, Some(2), Scale::Value)],
    );
    let example = [
        Tensor::from_slice(&[0.1f32, 0.2, 0.3, 0.4]).view([2, 2]),
        Tensor::from_slice(&[0i64, 1]).view([2, 1]),
    ];
    let module = trace(&example, |inputs| {
        vec![&inputs[0] * 2.0 + inputs[1].to_kind(Kind::Float)]
    });
    let batch = fairlead_inference::Batch::new()
        .f32("user_dense", 2, vec![1.0, 2.0, 3.0, 4.0])
        .i64("user_ids", 1, vec![10, 20]);
    let expected: &[f32] = &[12.0, 14.0, 26.0, 28.0];
    let case =
        GoldenCase::record("two", &manifest, &batch, &[("embedding", expected)], 1e-6).unwrap();
    assert_eq!(case.outputs["embedding"].shape, [2, 2]);
    let parent = tempfile::tempdir().unwrap();
    let folder = ModelFolder::write(parent.path().join("m"), &manifest, &[case], |path| {
        Ok(module.save(path)?)
    })
    .unwrap();
    let model = Model::load(&folder, None).unwrap();
    let outputs = model.forward_once(&batch).unwrap();
    assert_close(outputs.get("embedding").unwrap(), expected);
    assert!(outputs.probabilities("embedding").is_err());
}

#[test]
fn probabilities_are_calibrated_as_the_manifest_says() {
    let mut manifest = number_manifest();
    manifest.outputs[0].scale = Scale::Logit;
    let module = number_trace(|x| vec![x.squeeze_dim(1)]);
    let parent = tempfile::tempdir().unwrap();
    let probability = |name: &str, manifest: &Manifest, x: f32| {
        let case = GoldenCase::record("n", manifest, &number(x), &[("y", &[x])], 1e-6).unwrap();
        let folder = ModelFolder::write(parent.path().join(name), manifest, &[case], |path| {
            Ok(module.save(path)?)
        });
        let model = Arc::new(Model::load(&folder.unwrap(), None).unwrap());
        model
            .forward_once(&number(x))
            .unwrap()
            .probabilities("y")
            .unwrap()[0]
    };
    let logit = 3f32.ln();
    assert!((probability("raw", &manifest, logit) - 0.75).abs() < 1e-6);
    let platt = Calibration::Platt {
        slope: 2.0,
        intercept: 0.0,
    };
    manifest.calibration.insert("y".to_owned(), platt);
    // odds of 3 squared are 9 to 1
    assert!((probability("platt", &manifest, logit) - 0.9).abs() < 1e-6);
    manifest.outputs[0].scale = Scale::Probability;
    assert!((probability("probability", &manifest, 0.75) - 0.9).abs() < 1e-6);
}
