//! Popularity follows live counters, and falls back to what training saw.

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::recall::v1::RecallRequest;

use crate::folder::Folder;
use crate::support::{House, deposit, ids, release, request, with_model};

/// Popular and new alone, and nothing is new.
fn popular() -> RecallRequest {
    RecallRequest {
        personalised: false,
        ..request()
    }
}

#[tokio::test]
async fn live_counters_reorder_within_a_refresh() -> anyhow::Result<()> {
    let house = House::open().await?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    let products = vec![deposit("A"), deposit("B"), deposit("C")];
    house.publish(with_model(release(1, products), model)).await;
    house
        .until(|serving| !serving.model_version.is_empty())
        .await;
    // No counts yet: the order of the training data.
    assert_eq!(ids(&house.ask(popular()).await?), ["A", "B", "C"]);
    // (30 conversions + 10 x 0.1) / 40 beats (0 + 10 x 0.6) / 40.
    house.write("C", EventKind::Conversion, 30).await?;
    let answer = house
        .ask_until(popular(), |answer| ids(answer)[0] == "C")
        .await?;
    assert_eq!(ids(&answer), ["C", "A", "B"]);
    let score = answer.candidates[0].sources[0].score;
    assert!((score - 31.0 / 40.0).abs() < 1e-6, "{score}");
    // Ten clicks count as one conversion: B (40 x 0.1 + 3) / 44 passes A (6) / 44.
    house.write("B", EventKind::Click, 40).await?;
    let answer = house
        .ask_until(popular(), |answer| ids(answer)[1] == "B")
        .await?;
    assert_eq!(ids(&answer), ["C", "B", "A"]);
    Ok(())
}

#[tokio::test]
async fn without_the_store_the_order_of_the_release_is_served() -> anyhow::Result<()> {
    let mut house = House::open().await?;
    house.redis.kill9()?;
    let root = tempfile::tempdir()?;
    let model = Folder::default().write(root.path())?;
    let products = vec![deposit("C"), deposit("B"), deposit("A"), deposit("0")];
    house.publish(release(1, products.clone())).await;
    // No model and no counters: by id.
    assert_eq!(ids(&house.ask(popular()).await?), ["0", "A", "B", "C"]);
    house.publish(with_model(release(2, products), model)).await;
    house
        .until(|serving| !serving.model_version.is_empty())
        .await;
    let answer = house.ask(popular()).await?;
    assert_eq!(ids(&answer), ["A", "B", "C", "0"]);
    assert_eq!(house.service.serving().borrow().counters_read_ms, 0);
    Ok(())
}
