//! Releases: swapped when they compile, kept out when they do not.

use fairlead_proto::pricing::v1::priced::Outcome;
use fairlead_release::Live;
use fairlead_release_follow::ReleaseHandle;
use tonic::Code;

use crate::support::{Setup, context, item, release, sealed, until};

impl Setup {
    async fn rate(&self) -> Result<i64, tonic::Status> {
        let priced = self
            .price(context(), vec![item("LOAN", Some(1_200_000), 12)])
            .await?;
        match &priced[0].outcome {
            Some(Outcome::Price(price)) => Ok(price.rate_ppm),
            other => panic!("{other:?}"),
        }
    }

    /// Puts a release in force and waits until it is used or refused. Returns why it was refused,
    /// by its check or by the service, or `None` where it is used.
    async fn publish(&self, release: fairlead_proto::control::v1::Release) -> Option<String> {
        let revision = release.revision;
        match Live::check(sealed(release)) {
            Ok(live) => assert!(self.releases.put(live)),
            Err(findings) => {
                let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
                return Some(all.join("; "));
            }
        }
        let tried = |status: &fairlead_release_follow::DerivedStatus| {
            let failed = status.failed.as_ref().map(|(revision, _)| *revision);
            status.built == revision || failed == Some(revision)
        };
        let status = until(self.service.prices(), tried).await;
        status.failed.map(|(_, why)| why)
    }
}

#[tokio::test]
async fn a_changed_rate_card_takes_effect_and_a_broken_one_does_not() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    assert_eq!(setup.rate().await?, 108_000);
    let mut next = release(2);
    next.strategies[0].rate_card.as_mut().expect("a card").rows[4].cells[3] = "11.4%".to_owned();
    assert_eq!(setup.publish(next).await, None);
    assert_eq!(setup.rate().await?, 114_000);

    let mut broken = release(3);
    broken.strategies[0]
        .rate_card
        .as_mut()
        .expect("a card")
        .rows[4]
        .cells[3] = "cheap".to_owned();
    let why = setup.publish(broken).await.expect("refused");
    assert!(why.contains("row 5") && why.contains("cheap"), "{why}");
    assert_eq!(setup.rate().await?, 114_000);

    let mut nosy = release(4);
    nosy.risk_models[0].characteristics[0].feature = "clicks_7d".to_owned();
    let why = setup.publish(nosy).await.expect("refused");
    assert!(why.contains("feature `clicks_7d` is not allowed"), "{why}");
    assert_eq!(setup.rate().await?, 114_000);
    Ok(())
}

#[tokio::test]
async fn without_a_release_there_is_no_price() -> anyhow::Result<()> {
    let setup = Setup::with(ReleaseHandle::empty()).await?;
    let status = setup.rate().await.expect_err("nothing to price with");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "release is unavailable: none is live yet");
    Ok(())
}
