//! The live release: parsed, checked and compiled.

use std::collections::BTreeMap;

use fairlead_domain::TenantId;
use fairlead_experiments::{Assignment, Attributes, Plan};
use fairlead_price_engine::Engine;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{ModelRef, Release, Strategy};

use crate::catalogue::Catalogue;
use crate::checks;
use crate::finding::{Finding, blocks};
use crate::parameters::{Parameters, declared};
use crate::plan::{self, strategy_parameter};

/// A release that passed every check. It never changes.
#[derive(Debug)]
pub struct Live {
    /// The release as published.
    pub release: Release,
    /// Its products.
    pub catalogue: Catalogue,
    /// Its prices, compiled.
    pub prices: Engine,
    /// Its experiments, compiled.
    pub plan: Plan,
    /// Its parameters: the defaults with the release's values over them.
    pub parameters: Parameters,
    /// The findings that do not block.
    pub warnings: Vec<Finding>,
    tenant: TenantId,
    /// The champion's version of each strategy that has one.
    champions: BTreeMap<String, i64>,
}

/// The changes by the arms of one customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Parameters that differ from the release's, by declared name.
    pub parameters: BTreeMap<String, String>,
    /// Strategy versions that differ from the champion's, by strategy.
    pub strategy_versions: BTreeMap<String, i64>,
}

impl Live {
    /// Checks and compiles a release. Takes seconds for a large catalogue: call it on a blocking
    /// thread.
    ///
    /// # Errors
    /// Every finding, warnings among them, if at least one blocks.
    pub fn check(release: Release) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let tenant = checks::header(&release, &mut findings);
        let products = release.catalogue.clone().unwrap_or_default().products;
        let catalogue = Catalogue::with_listings(products, &mut findings);
        checks::references(&release, &catalogue, &mut findings);
        let prices = checks::compile_prices(&release, &mut findings);
        let plan = plan::compile(&release, &mut findings);
        let parameters = Parameters::resolve(&release.parameters)
            .map_err(|errors| findings.extend(errors))
            .ok();
        match (tenant, prices, plan, parameters) {
            (Some(tenant), Some(prices), Some(plan), Some(parameters)) if !blocks(&findings) => {
                Ok(Self {
                    tenant,
                    prices,
                    champions: plan::champions(&release.strategies)
                        .into_iter()
                        .filter(|(_, version)| *version > 0)
                        .map(|(id, version)| (id.to_owned(), version))
                        .collect(),
                    release,
                    catalogue,
                    plan,
                    parameters,
                    warnings: findings,
                })
            }
            _ => Err(findings),
        }
    }

    /// Returns the tenant whose release it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns the release's number.
    pub fn revision(&self) -> i64 {
        self.release.revision
    }

    /// Assigns a customer to arms.
    pub fn assign(&self, customer_id: &str, attributes: &Attributes) -> Assignment<'_> {
        self.plan.assign(customer_id, attributes)
    }

    /// Returns the changes by the arms of an assignment, as requests to other services carry them.
    pub fn overrides(&self, assignment: &Assignment<'_>) -> Overrides {
        let mut overrides = Overrides::default();
        for declared in declared() {
            let of_release = self.release.parameters.get(declared.name);
            let of_release = of_release.map_or(declared.default, String::as_str);
            if let Some(value) = assignment.params.get(declared.name) {
                let text = value.to_string();
                if text != of_release {
                    overrides.parameters.insert(declared.name.to_owned(), text);
                }
            }
        }
        for (id, champion) in &self.champions {
            let version = assignment.params.int(&strategy_parameter(id));
            if let Some(version) = version.filter(|version| version != champion) {
                overrides.strategy_versions.insert(id.clone(), version);
            }
        }
        overrides
    }

    /// Returns one version of a strategy, or `None` if the release does not hold it.
    pub fn strategy(&self, id: &str, version: i64) -> Option<&Strategy> {
        let versions = &self.release.strategies;
        versions
            .iter()
            .find(|strategy| strategy.strategy_id == id && strategy.version == version)
    }

    /// Returns the version of a strategy that is used where no arm names one, or `None` if it has no
    /// champion.
    pub fn champion(&self, id: &str) -> Option<&Strategy> {
        self.strategy(id, *self.champions.get(id)?)
    }

    /// Returns the strategy that prices a product: its own, else the release's for the kind; `None`
    /// if there is neither.
    pub fn strategy_of<'l>(&'l self, product: &'l Product) -> Option<&'l str> {
        checks::strategy_of(&self.release, product)
    }

    /// Returns the model of a role: of this version, or the role's default if the version is empty.
    /// `None` if the release names no such model.
    pub fn model(&self, role: &str, version: &str) -> Option<&ModelRef> {
        self.release
            .models
            .iter()
            .filter(|model| model.role == role)
            .find(|model| {
                if version.is_empty() {
                    model.default_for_role
                } else {
                    model.version == version
                }
            })
    }
}
