//! The scores are those of the model, in the order asked, calibrated, on live counters.

use fairlead_inference::Calibration;
use fairlead_proto::event::v1::EventKind;
use fairlead_proto::ranking::v1::{RankRequest, RankResponse};

use crate::folder::{CONVERT, Folder, logistic};
use crate::support::{NOW_MS, Setup, clicked, release_with, request};

async fn open(folder: &Folder, root: &std::path::Path) -> anyhow::Result<Setup> {
    let setup = Setup::start().await?;
    setup.publish(release_with(1, &[folder.write(root)?])).await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    Ok(setup)
}

fn close(scores: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let scores: Vec<f64> = scores.into_iter().collect();
    let near = scores.len() == expected.len()
        && scores
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near, "{scores:?}, expected {expected:?}");
}

fn clicks(answer: &RankResponse) -> Vec<f64> {
    answer.scored.iter().map(|scored| scored.p_click).collect()
}

#[tokio::test]
async fn each_product_is_scored_in_the_order_asked() -> anyhow::Result<()> {
    let (folder, root) = (Folder::default(), tempfile::tempdir()?);
    let setup = open(&folder, root.path()).await?;
    let asked = RankRequest {
        features: Some(clicked(3)),
        product_ids: ["C", "A", "B", "A"].map(String::from).into(),
        ..request()
    };
    let answer = setup.ask(asked.clone()).await?;
    let ids: Vec<&str> = answer
        .scored
        .iter()
        .map(|scored| &*scored.product_id)
        .collect();
    assert_eq!(ids, asked.product_ids);
    let known: Vec<bool> = answer
        .scored
        .iter()
        .map(|scored| scored.in_vocabulary)
        .collect();
    assert_eq!(known, [false, true, true, true]);
    close(
        clicks(&answer),
        &[2, 0, 1, 0].map(|place| folder.p_click(3, place, 0)),
    );
    close(
        answer.scored.iter().map(|scored| scored.p_convert),
        &[logistic(CONVERT); 4],
    );
    assert_eq!(
        (&*answer.model_version, answer.release_revision),
        ("ranker 1", 1)
    );
    // As of the last full minute: every instance says the same.
    let minute_ms = NOW_MS - NOW_MS % 60_000;
    assert_eq!(answer.product_features_as_of_ms, minute_ms);
    assert_eq!(answer.inputs, None);
    Ok(())
}

#[tokio::test]
async fn calibration_of_the_manifest_is_applied() -> anyhow::Result<()> {
    let platt = Calibration::Platt {
        slope: 2.0,
        intercept: 0.5,
    };
    let folder = Folder {
        calibration: [("click".to_owned(), platt)].into(),
        ..Folder::default()
    };
    let root = tempfile::tempdir()?;
    let setup = open(&folder, root.path()).await?;
    let answer = setup.ask(request()).await?;
    // Log-odds of A, B and C are 0, 1 and -1.
    close(
        clicks(&answer),
        &[0.0, 1.0, -1.0].map(|log_odds| logistic(2.0 * log_odds + 0.5)),
    );
    close([answer.scored[0].p_convert], &[logistic(CONVERT)]);
    Ok(())
}

#[tokio::test]
async fn live_counters_change_scores_within_a_refresh() -> anyhow::Result<()> {
    let (folder, root) = (Folder::default(), tempfile::tempdir()?);
    let mut setup = open(&folder, root.path()).await?;
    close(
        clicks(&setup.ask(request()).await?),
        &[0, 1, 2].map(|place| folder.p_click(0, place, 0)),
    );
    setup.store.happened("B", EventKind::Click, 4).await?;
    let seen = |answer: &RankResponse| answer.scored[1].p_click > folder.p_click(0, 1, 2);
    let answer = setup.ask_until(request(), seen).await?;
    let expected = [(0, 0), (1, 4), (2, 0)].map(|(place, clicks)| folder.p_click(0, place, clicks));
    close(clicks(&answer), &expected);
    // Without the store the last counters are used.
    setup.store.redis.kill9()?;
    close(clicks(&setup.ask(request()).await?), &expected);
    Ok(())
}

#[tokio::test]
async fn without_the_store_products_are_scored_as_never_observed() -> anyhow::Result<()> {
    let mut setup = Setup::start().await?;
    setup.store.redis.kill9()?;
    let (folder, root) = (Folder::default(), tempfile::tempdir()?);
    setup
        .publish(release_with(1, &[folder.write(root.path())?]))
        .await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    let answer = setup.ask(request()).await?;
    close(
        clicks(&answer),
        &[0, 1, 2].map(|place| folder.p_click(0, place, 0)),
    );
    assert_eq!(setup.service.serving().borrow().counters_read_ms, 0);
    Ok(())
}
