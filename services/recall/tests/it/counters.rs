//! Popularity follows live counters, and falls back to what training saw.

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::recall::v1::RecallRequest;

use crate::folder::Folder;
use crate::support::{Setup, deposit, ids, release, request, with_model};

/// Popular and new alone, and no product is new.
fn popular() -> RecallRequest {
    RecallRequest {
        personalised: false,
        ..request()
    }
}

#[tokio::test]
async fn live_counters_reorder_within_a_refresh() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    let products = vec![deposit("A"), deposit("B"), deposit("C")];
    setup.publish(with_model(release(1, products), model)).await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    // No counts yet: the order of the training data.
    assert_eq!(ids(&setup.ask(popular()).await?), ["A", "B", "C"]);
    // (30 conversions + 10 x 0.1) / 40 beats (0 + 10 x 0.6) / 40.
    setup.store.happened("C", EventKind::Conversion, 30).await?;
    let answer = setup
        .ask_until(popular(), |answer| ids(answer)[0] == "C")
        .await?;
    assert_eq!(ids(&answer), ["C", "A", "B"]);
    let score = answer.candidates[0].sources[0].score;
    assert!((score - 31.0 / 40.0).abs() < 1e-6, "{score}");
    // Ten clicks count as one conversion: B (40 x 0.1 + 3) / 44 passes A (6) / 44.
    setup.store.happened("B", EventKind::Click, 40).await?;
    let answer = setup
        .ask_until(popular(), |answer| ids(answer)[1] == "B")
        .await?;
    assert_eq!(ids(&answer), ["C", "B", "A"]);
    Ok(())
}

#[tokio::test]
async fn without_the_store_the_order_of_the_release_is_served() -> anyhow::Result<()> {
    let mut setup = Setup::start().await?;
    setup.store.redis.kill9()?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    let products = vec![deposit("C"), deposit("B"), deposit("A"), deposit("0")];
    setup.publish(release(1, products.clone())).await;
    // No model and no counters: by id.
    assert_eq!(ids(&setup.ask(popular()).await?), ["0", "A", "B", "C"]);
    setup.publish(with_model(release(2, products), model)).await;
    setup
        .until(|serving| !serving.model_version.is_empty())
        .await;
    let answer = setup.ask(popular()).await?;
    assert_eq!(ids(&answer), ["A", "B", "C", "0"]);
    assert_eq!(setup.service.serving().borrow().counters_read_ms, 0);
    Ok(())
}
