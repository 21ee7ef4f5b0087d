//! Waits for a condition: events are visible, a release is served.

use std::time::Duration;

use anyhow::{Context as _, bail};
use fairlead_release_follow::DerivedStatus;

use super::Server;

impl Server {
    /// Waits until every event that is in the log now is visible in the feature store.
    pub async fn caught_up(&self) -> anyhow::Result<()> {
        for (topic, stream) in &self.services.streams {
            let ends = self.log.end_offsets(topic).await?;
            let reached = stream.clone().caught_up(&ends).await;
            reached.context("the stream has ended")?;
        }
        Ok(())
    }

    /// Waits until every service serves this release with its models. Returns an error if that takes
    /// longer than `limit`.
    pub async fn release_live(&self, revision: i64, limit: Duration) -> anyhow::Result<()> {
        let live = async {
            let mut releases = self.releases.changed();
            releases.wait_for(|now| *now >= revision).await?;
            let mut recall = self.services.recall.serving();
            recall
                .wait_for(|now| now.release_revision >= revision)
                .await?;
            let mut ranking = self.services.ranking.serving();
            let served = ranking
                .wait_for(|now| now.release_revision >= revision && now.loading.is_empty())
                .await?;
            if let Some((version, reason)) = served.refused.first() {
                bail!("ranker {version} was refused: {reason}");
            }
            let mut pricing = self.services.pricing.prices();
            let failed = |now: &DerivedStatus| now.failed.clone().filter(|(of, _)| *of >= revision);
            let priced = pricing
                .wait_for(|now| now.built >= revision || failed(now).is_some())
                .await?;
            if let Some((_, reason)) = failed(&priced) {
                bail!("the prices of release {revision} were refused: {reason}");
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(limit, live).await {
            Ok(done) => done,
            Err(_) => bail!("release {revision} is not served after {limit:?}"),
        }
    }
}
