//! Segments follow the release, and a release that cannot be used changes none.

use fairlead_proto::event::v1::attribute_value::Value;

use crate::support::{NOW_MS, Setup, segmentation, update};

#[tokio::test]
async fn segments_follow_the_release() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let attributes = [
        ("income_monthly_minor", Value::Number(3_000_000.0)),
        ("bureau_score", Value::Number(720.0)),
    ];
    setup
        .write("c-1", 0, &[update("e1", NOW_MS, &attributes)])
        .await?;
    assert!(
        setup.profile("c-1").await?.segments.is_empty(),
        "no release yet"
    );

    let value = segmentation(
        "value",
        false,
        &[("high", "income_monthly_minor > 2000000")],
    );
    let risk = segmentation("risk", true, &[("prime", "bureau_score >= 700")]);
    setup.publish(1, vec![value, risk]).await;
    let segments = setup.profile("c-1").await?.segments;
    assert_eq!(segments["value"], "high");
    assert_eq!(segments["risk"], "prime");
    let unknown = setup.profile("stranger").await?.segments;
    assert_eq!((&*unknown["value"], &*unknown["risk"]), ("rest", "rest"));

    let value = segmentation(
        "value",
        false,
        &[("high", "income_monthly_minor > 4000000")],
    );
    setup.publish(2, vec![value]).await;
    let segments = setup.profile("c-1").await?.segments;
    assert_eq!(segments.len(), 1);
    assert_eq!(segments["value"], "rest");
    Ok(())
}

#[tokio::test]
async fn a_price_segmentation_on_behaviour_is_refused_and_the_old_one_stays() -> anyhow::Result<()>
{
    let setup = Setup::start().await?;
    let attributes = [("bureau_score", Value::Number(720.0))];
    setup
        .write("c-1", 0, &[update("e1", NOW_MS, &attributes)])
        .await?;
    setup
        .publish(
            1,
            vec![segmentation(
                "risk",
                true,
                &[("prime", "bureau_score >= 700")],
            )],
        )
        .await;
    setup
        .publish(
            2,
            vec![segmentation("risk", true, &[("keen", "clicks_7d > 3")])],
        )
        .await;

    let status = setup.service.segmentations().borrow().clone();
    let (revision, reason) = status.failed.expect("refused");
    assert_eq!((status.built, revision), (1, 2));
    assert!(
        reason.contains("segmentation `risk`, segment `keen`"),
        "{reason}"
    );
    assert!(reason.contains("\"clicks_7d\""), "{reason}");
    assert_eq!(setup.profile("c-1").await?.segments["risk"], "prime");
    Ok(())
}
