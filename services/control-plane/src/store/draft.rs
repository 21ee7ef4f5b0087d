//! The draft: products, strategies, models, and sections.

use std::collections::BTreeMap;

use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{ModelRef, Release, Strategy};
use fairlead_release::take_held;
use prost::Message;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Read, Tx, Write};
use crate::Error;

/// The draft of a tenant: all that its owners have put.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The number of writes so far.
    pub(crate) version: i64,
    /// The revision in force when it was read; 0 before the first.
    pub(crate) revision: i64,
    /// By id.
    pub(crate) products: BTreeMap<String, Product>,
    /// By id and version.
    pub(crate) strategies: BTreeMap<(String, i64), Strategy>,
    /// By name and version.
    pub(crate) models: BTreeMap<(String, String), ModelRef>,
    /// The sections (experiments, rule packs and others), in their fields of a release.
    pub(crate) settings: Release,
}

impl Read {
    /// Reads the draft.
    pub(crate) async fn draft(&mut self) -> Result<Draft, Error> {
        let tenant = self.tenant.clone();
        let (version, revision) = (self.head.draft_version, self.head.revision);
        draft(&mut self.tx, &tenant, version, revision).await
    }
}

impl Write {
    /// Reads the draft as this write finds it.
    pub(crate) async fn draft(&mut self) -> Result<Draft, Error> {
        let tenant = self.tenant.clone();
        let (version, revision) = (self.head.draft_version, self.head.revision);
        draft(&mut self.tx, &tenant, version, revision).await
    }

    /// Reads the products, by id.
    pub(crate) async fn products(&mut self) -> Result<BTreeMap<String, Product>, Error> {
        let tenant = self.tenant.clone();
        products(&mut self.tx, &tenant).await
    }

    /// Adds or replaces a product.
    pub(crate) async fn put_product(&mut self, product: &Product) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO draft_products (tenant, product_id, body) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant, product_id) DO UPDATE SET body = excluded.body",
        )
        .bind(self.tenant.as_str())
        .bind(&product.product_id)
        .bind(product.encode_to_vec());
        self.tx.execute(put).await?;
        self.head.draft_version += 1;
        Ok(())
    }

    /// Returns the newest version of a strategy, or 0 if there is none.
    pub(crate) async fn newest_version(&mut self, strategy_id: &str) -> Result<i64, Error> {
        let newest = sqlx::query(
            "SELECT version FROM draft_strategies WHERE tenant = $1 AND strategy_id = $2 \
             ORDER BY version DESC LIMIT 1",
        )
        .bind(self.tenant.as_str())
        .bind(strategy_id);
        let found = self.tx.fetch_optional(newest).await?;
        Ok(found.map_or(Ok(0), |row| row.try_get("version"))?)
    }

    /// Adds a version of a strategy.
    pub(crate) async fn insert_strategy(&mut self, strategy: &Strategy) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO draft_strategies (tenant, strategy_id, version, body) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(self.tenant.as_str())
        .bind(&strategy.strategy_id)
        .bind(strategy.version)
        .bind(strategy.encode_to_vec());
        self.tx.execute(put).await?;
        self.head.draft_version += 1;
        Ok(())
    }

    /// Reads the models, by name and version.
    pub(crate) async fn models(&mut self) -> Result<BTreeMap<(String, String), ModelRef>, Error> {
        let tenant = self.tenant.clone();
        models(&mut self.tx, &tenant).await
    }

    /// Adds a model version or replaces its attributes.
    pub(crate) async fn put_model(&mut self, model: &ModelRef) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO draft_models (tenant, name, version, body) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, name, version) DO UPDATE SET body = excluded.body",
        )
        .bind(self.tenant.as_str())
        .bind(&model.name)
        .bind(&model.version)
        .bind(model.encode_to_vec());
        self.tx.execute(put).await?;
        self.head.draft_version += 1;
        Ok(())
    }

    /// Replaces a section. `content` is a release that holds this section alone.
    pub(crate) async fn put_section(
        &mut self,
        section: &str,
        content: &Release,
    ) -> Result<(), Error> {
        let put = sqlx::query(
            "INSERT INTO draft_sections (tenant, section, body) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant, section) DO UPDATE SET body = excluded.body",
        )
        .bind(self.tenant.as_str())
        .bind(section)
        .bind(content.encode_to_vec());
        self.tx.execute(put).await?;
        self.head.draft_version += 1;
        Ok(())
    }
}

async fn draft(
    tx: &mut Tx,
    tenant: &TenantId,
    version: i64,
    revision: i64,
) -> Result<Draft, Error> {
    let mut strategies: Vec<Strategy> = bodies(
        tx,
        tenant,
        "SELECT body FROM draft_strategies WHERE tenant = $1",
    )
    .await?;
    let settings = settings(tx, tenant, &mut strategies).await?;
    Ok(Draft {
        version,
        revision,
        products: products(tx, tenant).await?,
        strategies: strategies
            .into_iter()
            .map(|one| ((one.strategy_id.clone(), one.version), one))
            .collect(),
        models: models(tx, tenant).await?,
        settings,
    })
}

/// Reads the sections. Of `strategies` that were stored before cost models and guardrails were
/// sections, these are taken out: they are the sections until those are put.
async fn settings(
    tx: &mut Tx,
    tenant: &TenantId,
    strategies: &mut [Strategy],
) -> Result<Release, Error> {
    let query = sqlx::query("SELECT section, body FROM draft_sections WHERE tenant = $1");
    let mut settings = Release::default();
    let mut held = take_held(strategies);
    for row in tx.fetch_all(query.bind(tenant.as_str())).await? {
        let body: Vec<u8> = row.try_get("body")?;
        // Each section fills its own field, so that merging keeps them all.
        settings
            .merge(&*body)
            .map_err(|error| Error::corrupt(format!("the settings of {tenant}"), &error))?;
        match row.try_get("section")? {
            "cost_models" => held.cost_models.clear(),
            "guardrails" => held.guardrails.clear(),
            _ => {}
        }
    }
    settings.cost_models.append(&mut held.cost_models);
    settings.guardrails.append(&mut held.guardrails);
    Ok(settings)
}

async fn products(tx: &mut Tx, tenant: &TenantId) -> Result<BTreeMap<String, Product>, Error> {
    let products: Vec<Product> = bodies(
        tx,
        tenant,
        "SELECT body FROM draft_products WHERE tenant = $1",
    )
    .await?;
    Ok(products
        .into_iter()
        .map(|one| (one.product_id.clone(), one))
        .collect())
}

async fn models(
    tx: &mut Tx,
    tenant: &TenantId,
) -> Result<BTreeMap<(String, String), ModelRef>, Error> {
    let models: Vec<ModelRef> = bodies(
        tx,
        tenant,
        "SELECT body FROM draft_models WHERE tenant = $1",
    )
    .await?;
    Ok(models
        .into_iter()
        .map(|one| ((one.name.clone(), one.version.clone()), one))
        .collect())
}

async fn bodies<M: Message + Default>(
    tx: &mut Tx,
    tenant: &TenantId,
    query: &'static str,
) -> Result<Vec<M>, Error> {
    let rows = tx
        .fetch_all(sqlx::query(query).bind(tenant.as_str()))
        .await?;
    let decode = |row: &AnyRow| {
        let body: Vec<u8> = row.try_get("body")?;
        M::decode(&*body).map_err(|error| Error::corrupt(format!("a draft of {tenant}"), &error))
    };
    rows.iter().map(decode).collect()
}
