//! Training on small histories with known structure: accuracy, determinism, and loading for serving.

mod history;

use std::path::Path;

use fairlead_inference::{Model, ModelFolder};
use fairlead_registry::Registry;
use fairlead_training::{Error, History, Objective, Options, Silent, Trained, train};
use serde_json::Value;

use history::{catalogue, holdings, sessions};

fn options() -> Options {
    Options {
        epochs: 6,
        learning_rate: 5e-3,
        ..Options::default()
    }
}

fn trained(events: History, out: &Path, options: &Options) -> Vec<Trained> {
    let registry = Registry::builtin();
    train(&registry, &events, &catalogue(), out, options, &Silent).expect("trained")
}

fn metric(trained: &Trained, path: &str) -> f64 {
    let metrics = Value::Object(trained.metrics.clone());
    let found = metrics.pointer(path).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no {path} in {metrics}"))
}

#[test]
fn both_models_find_the_taste_that_popularity_cannot_see() {
    let out = tempfile::tempdir().expect("a folder");
    let trained = trained(sessions(), out.path(), &options());
    let [two_tower, ranker] = trained.as_slice() else {
        panic!("two models")
    };
    let (model, popular) = ("/liked/mrr", "/popularity_liked/mrr");
    let gain = metric(two_tower, model) - metric(two_tower, popular);
    assert!(gain > 0.1, "{:?}", two_tower.metrics);
    assert!(
        metric(ranker, "/click_auc") > metric(ranker, "/popularity_click_auc") + 0.2,
        "{:?}",
        ranker.metrics
    );
}

#[test]
fn a_hidden_holding_is_found_by_what_is_held_with_it() {
    let out = tempfile::tempdir().expect("a folder");
    let options = Options {
        objective: Objective::LeaveOneOut,
        ..options()
    };
    let trained = trained(holdings(), out.path(), &options);
    let found = metric(&trained[1], "/next_holding/hit1");
    assert!(found > 0.9, "{:?}", trained[1].metrics);
}

#[test]
fn the_same_seed_gives_the_same_models_and_another_gives_others() {
    let learn = |seed: u64| {
        let out = tempfile::tempdir().expect("a folder");
        let options = Options { seed, ..options() };
        let models = trained(sessions(), out.path(), &options);
        let expected = |model: &Trained| {
            let golden = std::fs::read(model.folder.join("golden.json")).expect("golden cases");
            (golden, model.metrics.clone())
        };
        models.iter().map(expected).collect::<Vec<_>>()
    };
    let first = learn(1);
    assert_eq!(first, learn(1));
    assert_ne!(first, learn(2));
}

#[test]
fn what_is_written_loads_and_meets_its_golden_cases() {
    let out = tempfile::tempdir().expect("a folder");
    for trained in trained(sessions(), out.path(), &options()) {
        let folder = ModelFolder::open(&trained.folder).expect("a model folder");
        assert!(!folder.golden().is_empty(), "{}", trained.role);
        // Loading scores every golden case and refuses a model that does not meet one.
        let model = Model::load(&folder, Some(&trained.schema_hash)).expect("loads");
        assert_eq!(model.manifest().name, trained.role);
        assert!(Model::load(&folder, Some("another")).is_err());
    }
    for file in ["items.index", "item_to_item.json", "popularity.json"] {
        assert!(out.path().join("two-tower-1").join(file).exists(), "{file}");
    }
}

#[test]
fn too_little_to_learn_from_is_said() {
    let out = tempfile::tempdir().expect("a folder");
    let registry = Registry::builtin();
    let nothing = History::new(Vec::new());
    let error = train(
        &registry,
        &nothing,
        &catalogue(),
        out.path(),
        &options(),
        &Silent,
    )
    .expect_err("nothing to learn from");
    assert!(
        matches!(
            error,
            Error::TooLittle {
                found: 0,
                needed: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        std::fs::read_dir(out.path())
            .expect("a folder")
            .next()
            .is_none()
    );
}
