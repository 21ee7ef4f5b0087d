//! Models come and go with releases; what fails a check is never used.

use std::path::Path;

use anyhow::Context as _;
use fairlead_proto::control::v1::ModelRef;
use fairlead_recall::Serving;
use fairlead_vector_index::IndexBuilder;
use serde_json::{Value, json};

use crate::folder::{Folder, named, path_of};
use crate::support::{Setup, deposit, ids, release, request, with_model};

fn products() -> Vec<fairlead_proto::catalogue::v1::Product> {
    vec![deposit("A"), deposit("B"), deposit("C")]
}

#[tokio::test]
async fn recall_works_without_a_model_and_takes_one_up() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    setup.publish(release(1, products())).await;
    let answer = setup.ask(request()).await?;
    assert_eq!(
        (answer.model_version.as_str(), answer.candidates.len()),
        ("", 3)
    );

    let first = Folder::default().write(root.path())?;
    setup
        .publish(with_model(release(2, products()), first))
        .await;
    setup
        .until(|serving| serving.model_version == "two-tower 1")
        .await;
    assert_eq!(setup.ask(request()).await?.model_version, "two-tower 1");

    // Another model turns the two-tower order round: A, B, C.
    let second = Folder {
        version: "2",
        base: -1.0,
        ..Folder::default()
    }
    .write(root.path())?;
    setup
        .publish(with_model(release(3, products()), second))
        .await;
    setup
        .until(|serving| serving.model_version == "two-tower 2")
        .await;
    let answer = setup.ask(request()).await?;
    let rank_of_a = answer
        .candidates
        .iter()
        .find(|found| found.product_id == "A")
        .unwrap();
    assert!(
        (rank_of_a.sources[0].score + 1.0).abs() < 1e-6,
        "{rank_of_a:?}"
    );

    // A release without a model is served without one.
    setup.publish(release(4, products())).await;
    assert_eq!(setup.ask(request()).await?.model_version, "");
    Ok(())
}

/// A way to spoil a folder that was in order, and the words that name it.
type Spoil = (
    &'static str,
    fn(&Path) -> anyhow::Result<()>,
    &'static [&'static str],
);

const SPOILS: [Spoil; 7] = [
    (
        "popularity with a negative weight",
        |path| write(path, "popularity.json", "{\"A\": -1}"),
        &["popularity.json", "\"A\"", "-1", "from 0"],
    ),
    (
        "popularity that is no table",
        |path| write(path, "popularity.json", "[1, 2"),
        &["popularity.json"],
    ),
    (
        "no item-to-item table",
        |path| {
            std::fs::remove_file(path.join("item_to_item.json"))?;
            Ok(())
        },
        &["item_to_item.json"],
    ),
    (
        "an index of another model",
        |path| {
            let mut builder = IndexBuilder::new(1)?;
            builder.extend(&[1.0, 2.0])?;
            builder.build()?.save(&path.join("items.index"))?;
            Ok(())
        },
        &["items.index", "2 rows of 1", "4 rows of 1"],
    ),
    (
        "a truncated program",
        |path| write(path, "scorecard.json", "{\"embedding\": {\"ba"),
        &["scorecard.json"],
    ),
    (
        "another feature schema",
        |path| edit(path, "/schema_hash", &json!("00ff")),
        &["00ff", "feature schema"],
    ),
    (
        "inputs that its features do not make",
        |path| edit(path, "/inputs/0/columns", &json!(7)),
        &["user_dense", "Some(7)", "user_dense f32 [1]"],
    ),
];

fn write(folder: &Path, file: &str, content: &str) -> anyhow::Result<()> {
    std::fs::write(folder.join(file), content)?;
    Ok(())
}

/// Sets what stands at a JSON pointer of the manifest.
fn edit(folder: &Path, pointer: &str, value: &Value) -> anyhow::Result<()> {
    let manifest = std::fs::read(folder.join("manifest.json"))?;
    let mut manifest: Value = serde_json::from_slice(&manifest)?;
    let place = manifest
        .pointer_mut(pointer)
        .context("no folder stands there")?;
    place.clone_from(value);
    write(folder, "manifest.json", &manifest.to_string())
}

#[tokio::test]
async fn a_spoilt_folder_is_refused_and_the_model_in_use_stays() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let good = Folder::default().write(root.path())?;
    setup
        .publish(with_model(release(1, products()), good))
        .await;
    setup
        .until(|serving| serving.model_version == "two-tower 1")
        .await;
    let before = setup.ask(request()).await?;

    for (revision, (says, spoil, names)) in (2..).zip(SPOILS) {
        let root = tempfile::tempdir()?;
        let bad = Folder {
            version: "2",
            ..Folder::default()
        }
        .write(root.path())?;
        spoil(&path_of(&bad))?;
        // The release was published with the folder as it is: the hash holds.
        let bad = named(&path_of(&bad), "2")?;
        let reason = refusal(&setup, revision, bad).await;
        let report = setup.releases.reports().report();
        assert_eq!(
            (report.revision, report.refused_revision),
            (1, revision),
            "{says}"
        );
        for name in names {
            assert!(reason.contains(name), "{says}: {reason}");
            assert!(report.reason.contains(name), "{says}: {report:?}");
        }
        let after = setup.ask(request()).await?;
        assert_eq!(after.candidates, before.candidates, "{says}");
        assert_eq!(after.model_version, "two-tower 1");
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_that_changed_after_publication_is_refused() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    std::fs::write(path_of(&model).join("popularity.json"), "{}")?;
    let reason = refusal(&setup, 1, model.clone()).await;
    assert!(reason.contains(&model.content_hash), "{reason}");
    let gone = ModelRef {
        path: "/no/such/folder".into(),
        ..model
    };
    let reason = refusal(&setup, 2, gone).await;
    assert!(reason.contains("/no/such/folder"), "{reason}");
    // The other sources answer.
    assert_eq!(ids(&setup.ask(request()).await?), ["A", "B", "C"]);
    Ok(())
}

async fn refusal(setup: &Setup, revision: i64, model: ModelRef) -> String {
    setup
        .publish(with_model(release(revision, products()), model))
        .await;
    let refused = |serving: &Serving| serving.model_failure.is_some();
    setup.until(refused).await.model_failure.expect("just seen")
}

/// 1e308 clicks-times-weight is more than a float holds: the tower's output is not finite.
#[tokio::test]
async fn a_tower_that_gives_infinity_is_left_out() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    // Golden case: 2 clicks give 2e38, which still is a float; ten do not.
    let model = Folder {
        base: 0.0,
        per_click: 1e38,
        ..Folder::default()
    }
    .write(root.path())?;
    setup
        .publish(with_model(release(1, products()), model))
        .await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    let clicks: Vec<_> = (0..10)
        .map(|number| {
            crate::support::on_product(fairlead_proto::event::v1::EventKind::Click, "A", number)
        })
        .collect();
    let asked = fairlead_proto::recall::v1::RecallRequest {
        features: Some(crate::support::features(&clicks)),
        ..request()
    };
    let answer = setup.ask(asked).await?;
    assert_eq!(answer.model_version, "");
    assert_eq!(answer.candidates.len(), 3);
    Ok(())
}
