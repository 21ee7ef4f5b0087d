//! Linear models: weights of numbers, points of categories.

use std::collections::BTreeMap;

use fairlead_inference::{Error, GoldenCase, LinearModel, LinearTerms, Model, ModelFolder};

use crate::fixtures::{Request, ranker_manifest, request};

fn linear() -> LinearModel {
    let click = LinearTerms {
        base: 0.5,
        weights: BTreeMap::from([
            ("user_dense".to_owned(), vec![2.0, -4.0]),
            ("item_dense".to_owned(), vec![1.0, 0.0, 0.25]),
        ]),
        points: BTreeMap::from([
            ("user_ids".to_owned(), vec![vec![0.0, 1.0, 2.0, 3.0, 4.0]]),
            (
                "item_ids".to_owned(),
                vec![vec![8.0, 0.0, 16.0, 0.0, 0.0, 0.0, 32.0]],
            ),
        ]),
    };
    let convert = LinearTerms {
        base: -1.0,
        weights: BTreeMap::new(),
        points: BTreeMap::new(),
    };
    LinearModel {
        outputs: BTreeMap::from([("click".to_owned(), click), ("convert".to_owned(), convert)]),
    }
}

/// The same sums by hand, exact in binary for the values of [`request`].
fn expected(request: &Request) -> Vec<f32> {
    request
        .rows
        .iter()
        .map(|&(user, item, dense)| {
            let (own, category) = request.users[user];
            let points = [8.0, 0.0, 16.0, 0.0, 0.0, 0.0, 32.0][item as usize];
            0.5 + 2.0 * own[0] - 4.0 * own[1]
                + dense[0]
                + 0.25 * dense[2]
                + category as f32
                + points
        })
        .collect()
}

fn write(model: &LinearModel) -> Result<Model, Error> {
    let manifest = ranker_manifest();
    let click = expected(&request());
    let golden = [("click", click.as_slice()), ("convert", &[-1.0; 3])];
    let case = GoldenCase::record("sums", &manifest, &request().batch(), &golden, 1e-6)?;
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("card");
    let folder = ModelFolder::write_linear(&path, &manifest, &[case], model)?;
    assert_eq!(ModelFolder::open(&path)?.manifest(), folder.manifest());
    Model::load(&folder, None)
}

#[test]
fn a_linear_model_sums_points_and_weights_of_row_and_user() {
    let model = write(&linear()).unwrap();
    let outputs = model.forward_once(&request().batch()).unwrap();
    for (got, expected) in outputs
        .get("click")
        .unwrap()
        .iter()
        .zip(expected(&request()))
    {
        assert!((got - expected).abs() < 1e-5, "{got} is not {expected}");
    }
    assert_eq!(outputs.get("convert").unwrap(), [-1.0; 3]);
}

/// A change to a good model, and what is said of the result.
type Case = (fn(&mut LinearModel), &'static str);

fn click(model: &mut LinearModel) -> &mut LinearTerms {
    model.outputs.get_mut("click").unwrap()
}

const CASES: [Case; 6] = [
    (
        |card| {
            card.outputs.remove("convert");
        },
        "convert: the manifest has this output",
    ),
    (
        |card| {
            let terms = click(card).clone();
            card.outputs.insert("buy".into(), terms);
        },
        "buy: the manifest has no such output",
    ),
    (
        |card| {
            click(card).weights.insert("age".into(), vec![1.0]);
        },
        "click.weights.age: the manifest has no such input of f32",
    ),
    (
        |card| {
            click(card).weights.insert("user_dense".into(), vec![1.0]);
        },
        "click.weights.user_dense: 2 finite weights are allowed, there are 1",
    ),
    (
        |card| {
            click(card).points.insert("user_of_row".into(), vec![]);
        },
        "click.points.user_of_row: the manifest has no such input of i64",
    ),
    (
        |card| {
            click(card)
                .points
                .insert("user_ids".into(), vec![vec![1.0; 4]]);
        },
        "click.points.user_ids: per column, as many finite points as categories, [5], are allowed",
    ),
];

#[test]
fn terms_that_do_not_go_with_the_manifest_are_refused() {
    for (change, expected) in CASES {
        let mut model = linear();
        change(&mut model);
        let error = write(&model).unwrap_err().to_string();
        assert!(
            error.contains("scorecard.json") && error.contains(expected),
            "{error}"
        );
    }
}
