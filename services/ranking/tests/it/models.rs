//! Which model answers, and what happens to one that fails a check.

use std::path::Path;

use anyhow::Context as _;
use fairlead_proto::control::v1::ModelRef;
use fairlead_proto::ranking::v1::RankRequest;
use fairlead_ranking::Serving;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::folder::{Folder, named, path_of};
use crate::support::{Setup, deposit, release, release_with, request};

fn version(version: &str) -> RankRequest {
    RankRequest {
        model_version: version.into(),
        ..request()
    }
}

async fn answers(setup: &Setup, asked: &str) -> Result<String, Status> {
    Ok(setup.ask(version(asked)).await?.model_version)
}

#[tokio::test]
async fn arms_get_the_version_that_they_name() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let one = Folder::default().write(root.path())?;
    let two = Folder {
        version: "2",
        base: 1.0,
        ..Folder::default()
    };
    setup
        .publish(release_with(1, &[one, two.write(root.path())?]))
        .await;
    setup.until(|serving| serving.ready == ["1", "2"]).await;
    assert_eq!(answers(&setup, "").await?, "ranker 1");
    assert_eq!(answers(&setup, "1").await?, "ranker 1");
    assert_eq!(answers(&setup, "2").await?, "ranker 2");
    let scored = setup.ask(version("2")).await?.scored;
    assert!((scored[0].p_click - two.p_click(0, 0, 0)).abs() < 1e-6);

    let status = answers(&setup, "3").await.expect_err("no such version");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "model_version `3` is not allowed: 1, 2");
    Ok(())
}

#[tokio::test]
async fn a_release_without_a_ranker_says_so() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let status = setup.ask(request()).await.expect_err("no release yet");
    assert_eq!(status.code(), Code::Unavailable);
    setup
        .publish(release(1, vec![deposit("A"), deposit("B"), deposit("C")]))
        .await;
    let status = setup.ask(request()).await.expect_err("no ranker");
    assert_eq!(
        (status.code(), status.message()),
        (Code::FailedPrecondition, "no ranker in release 1")
    );

    // Only arms use the role.
    let root = tempfile::tempdir()?;
    let mut release = release_with(2, &[Folder::default().write(root.path())?]);
    release.models[0].default_for_role = false;
    setup.publish(release).await;
    setup.until(|serving| serving.ready == ["1"]).await;
    let status = setup.ask(request()).await.expect_err("no default");
    assert_eq!(status.message(), "no default ranker in release 2");
    assert_eq!(answers(&setup, "1").await?, "ranker 1");
    Ok(())
}

/// A way to spoil a folder that was in order, and the words that name it.
type Spoil = (
    &'static str,
    fn(&Path) -> anyhow::Result<()>,
    &'static [&'static str],
);

const SPOILS: [Spoil; 8] = [
    (
        "a truncated program",
        |path| write(path, "scorecard.json", "{\"click\": {\"ba"),
        &["scorecard.json"],
    ),
    (
        "a foreign program",
        |path| {
            std::fs::remove_file(path.join("scorecard.json"))?;
            write(path, "model.pt", "no TorchScript")
        },
        &["model.pt"],
    ),
    (
        "golden cases that it does not meet",
        |path| edit(path, "scorecard.json", "/click/base", &json!(7)),
        &["golden case \"by hand\"", "click"],
    ),
    (
        "another feature schema",
        |path| edit(path, "manifest.json", "/schema_hash", &json!("00ff")),
        &["00ff", "feature schema"],
    ),
    (
        "features that no customer has",
        |path| {
            let name = "/features/user_numbers/0/feature";
            edit(path, "manifest.json", name, &json!("shoe_size"))
        },
        &["shoe_size"],
    ),
    (
        "inputs that its features do not make",
        |path| edit(path, "manifest.json", "/inputs/3/columns", &json!(7)),
        &[
            "item_dense",
            "Some(7)",
            "item_dense (f32, 1 columns, by row)",
        ],
    ),
    (
        "an output that is no probability",
        |path| edit(path, "manifest.json", "/outputs/1/scale", &json!("value")),
        &["\"convert\"", "logit or probability"],
    ),
    (
        "another version",
        |path| edit(path, "manifest.json", "/version", &json!("9")),
        &["\"9\"", "\"2\", the version in the release"],
    ),
];

fn write(folder: &Path, file: &str, content: &str) -> anyhow::Result<()> {
    std::fs::write(folder.join(file), content)?;
    Ok(())
}

/// Sets what stands at a JSON pointer.
fn edit(folder: &Path, file: &str, pointer: &str, value: &Value) -> anyhow::Result<()> {
    let mut content: Value = serde_json::from_slice(&std::fs::read(folder.join(file))?)?;
    let place = content
        .pointer_mut(pointer)
        .context("no folder stands there")?;
    place.clone_from(value);
    write(folder, file, &content.to_string())
}

#[tokio::test]
async fn a_spoilt_default_is_refused_and_the_earlier_one_answers() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let good = Folder::default().write(root.path())?;
    setup.publish(release_with(1, &[good])).await;
    setup
        .until(|serving| serving.model_version == "ranker 1")
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
        let serving = refused(&setup, revision, named(&path_of(&bad), "2")?).await;
        let (version, reason) = &serving.refused[0];
        assert_eq!(
            (&**version, &*serving.model_version),
            ("2", "ranker 1"),
            "{says}"
        );
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
        assert_eq!(
            (after.scored, after.release_revision),
            (before.scored.clone(), revision)
        );
        // Who asks for it by name is told, without paths of this machine.
        let status = answers(&setup, "2").await.expect_err(says);
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(
            status.message().contains("was refused"),
            "{}",
            status.message()
        );
        assert!(!status.message().contains(&*root.path().to_string_lossy()));
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_that_changed_after_publication_is_refused() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    edit(&path_of(&model), "manifest.json", "/kind", &json!("other"))?;
    let serving = refused(&setup, 1, model.clone()).await;
    assert!(
        serving.refused[0].1.contains(&model.content_hash),
        "{serving:?}"
    );
    let gone = ModelRef {
        path: "/no/such/folder".into(),
        ..model
    };
    let serving = refused(&setup, 2, gone).await;
    assert!(
        serving.refused[0].1.contains("/no/such/folder"),
        "{serving:?}"
    );
    // There is no earlier one to answer.
    let status = setup.ask(request()).await.expect_err("no model");
    assert_eq!(status.code(), Code::FailedPrecondition);
    Ok(())
}

/// Publishes a release with this model alone and waits until it was refused.
async fn refused(setup: &Setup, revision: i64, model: ModelRef) -> Serving {
    setup.publish(release_with(revision, &[model])).await;
    let refused =
        |serving: &Serving| serving.release_revision == revision && !serving.refused.is_empty();
    setup.until(refused).await
}
