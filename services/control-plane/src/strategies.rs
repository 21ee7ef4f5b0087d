//! Putting and linting strategies.

use fairlead_domain::{StrategyLabel, TenantId};
use fairlead_proto::control::v1::{
    Finding, LintStrategyRequest, LintStrategyResponse, PutStrategyRequest, PutStrategyResponse,
    Strategy,
};
use serde_json::json;

use crate::call::Call;
use crate::compose::compose;
use crate::fingerprint::fingerprint;
use crate::lint::lint;
use crate::publish::refuse_if_blocked;
use crate::service::Service;
use crate::{Error, arguments};

/// A strategy as the next version of its id, with its findings.
struct Linted {
    strategy: Strategy,
    findings: Vec<Finding>,
}

impl Service {
    pub(crate) async fn add_strategy(
        &self,
        call: &Call,
        request: PutStrategyRequest,
    ) -> Result<PutStrategyResponse, Error> {
        let tenant = &call.tenant;
        let strategy = request.strategy.unwrap_or_default();
        arguments::id("strategy.strategy_id", &strategy.strategy_id)?;
        // Linted before the write begins: it may take a while, and publishing lints again.
        let Linted {
            mut strategy,
            findings,
        } = self.lint_in_draft(tenant, strategy).await?;
        let findings = refuse_if_blocked("the strategy", true, findings)?;
        let mut write = self.parts.store.write(tenant).await?;
        strategy.version = write.newest_version(&strategy.strategy_id).await? + 1;
        write.insert_strategy(&strategy).await?;
        let subject = StrategyLabel::new(&strategy.strategy_id, strategy.version).to_string();
        let detail = json!({
            "champion": strategy.champion,
            "warnings": findings.len(),
            "sha256": fingerprint(&strategy),
        });
        write
            .commit(self.entry(call, "strategy.put", subject, detail))
            .await?;
        Ok(PutStrategyResponse {
            version: strategy.version,
            findings,
        })
    }

    /// Lints a strategy against the draft and stores nothing.
    pub(crate) async fn lint_only(
        &self,
        call: &Call,
        request: LintStrategyRequest,
    ) -> Result<LintStrategyResponse, Error> {
        let tenant = &call.tenant;
        let strategy = request.strategy.unwrap_or_default();
        let findings = self.lint_in_draft(tenant, strategy).await?.findings;
        Ok(LintStrategyResponse { findings })
    }

    /// Lints a strategy as the next version of its id.
    async fn lint_in_draft(
        &self,
        tenant: &TenantId,
        mut strategy: Strategy,
    ) -> Result<Linted, Error> {
        let draft = self.parts.store.read(tenant).await?.draft().await?;
        let versions = draft
            .strategies
            .keys()
            .filter(|(id, _)| *id == strategy.strategy_id);
        strategy.version = versions.map(|(_, version)| *version).max().unwrap_or(0) + 1;
        let (content, now_ms) = (compose(&draft, tenant), self.parts.clock.now_ms());
        let linting = tokio::task::spawn_blocking(move || {
            let findings = lint(&strategy, &content, now_ms);
            Linted { strategy, findings }
        });
        Ok(linting.await?)
    }
}
