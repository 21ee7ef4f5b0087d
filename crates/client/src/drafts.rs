//! Drafts of strategies and settings.

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_price_engine::defaults;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{PutSettingsRequest, PutStrategyRequest, Strategy};

use crate::link::explained;

/// The drafts of one tenant.
#[derive(Debug, Clone)]
pub struct Drafts {
    client: DraftServiceClient<Link>,
    tenant: String,
}

/// A version of a strategy that was put.
#[derive(Debug)]
pub struct Put {
    /// The id.
    pub id: String,
    /// The number of the version.
    pub version: i64,
    /// Product kinds, as numbered on the wire.
    pub kinds: Vec<i32>,
}

impl Drafts {
    /// Creates a client of the control plane behind `control`.
    pub fn new(control: &Link, tenant: &str) -> Self {
        Self {
            client: DraftServiceClient::new(control.clone()),
            tenant: tenant.to_owned(),
        }
    }

    /// Puts the default cost models, guardrails, rule packs, risk models and segmentations, and a first
    /// version of every default strategy. Returns these versions.
    pub async fn defaults(&mut self) -> anyhow::Result<Vec<Put>> {
        let request = PutSettingsRequest {
            tenant: self.tenant.clone(),
            settings: Some(defaults::settings()?),
            ..PutSettingsRequest::default()
        };
        let put = self.client.put_settings(request).await;
        put.map_err(|status| explained(&status))?;
        let mut all = Vec::new();
        for strategy in defaults::strategies()? {
            all.push(self.strategy(strategy).await?);
        }
        Ok(all)
    }

    /// Adds a version of a strategy and returns it.
    pub async fn strategy(&mut self, strategy: Strategy) -> anyhow::Result<Put> {
        let (id, kinds) = (strategy.strategy_id.clone(), strategy.kinds.clone());
        let request = PutStrategyRequest {
            tenant: self.tenant.clone(),
            strategy: Some(strategy),
        };
        let put = self.client.put_strategy(request).await;
        let put = put.map_err(|status| explained(&status));
        let version = put
            .with_context(|| format!("strategy {id}"))?
            .into_inner()
            .version;
        Ok(Put { id, version, kinds })
    }
}
