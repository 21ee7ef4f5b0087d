//! The sections of a release: who edits each, and which of them a change reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fairlead_proto::access::v1::Permission;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{ExperimentPlan, ModelRef, Release};

use crate::old_form::current_form;

/// A part of a release that one permission edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The catalogue.
    Products,
    /// Strategies, and the strategy of each kind.
    Strategies,
    /// The cost of lending.
    CostModels,
    /// The guardrails of prices.
    Guardrails,
    /// The law.
    RulePacks,
    /// The models of the probability of default.
    RiskModels,
    /// Layers, experiments and the holdout, without overrides.
    Experiments,
    /// The customers that experiments put into an arm by their id.
    Overrides,
    /// The models that are registered.
    Models,
    /// The models that serve.
    ServingModels,
    /// The values of parameters.
    Parameters,
    /// Segmentations.
    Segmentations,
    /// Campaigns.
    Campaigns,
}

use Section as S;

/// Each section with its name and the permission that edits it.
const TABLE: [(Section, &str, Permission); 13] = [
    (S::Products, "products", Permission::CatalogueEdit),
    (S::Strategies, "strategies", Permission::StrategyEdit),
    (S::CostModels, "cost models", Permission::GuardrailEdit),
    (S::Guardrails, "guardrails", Permission::GuardrailEdit),
    (S::RulePacks, "rule packs", Permission::LawEdit),
    (S::RiskModels, "risk models", Permission::RiskModelEdit),
    (S::Experiments, "experiments", Permission::ExperimentEdit),
    (S::Overrides, "overrides", Permission::OverrideEdit),
    (S::Models, "models", Permission::ModelRegister),
    (S::ServingModels, "serving models", Permission::ModelEdit),
    (S::Parameters, "parameters", Permission::ParameterEdit),
    (S::Segmentations, "segmentations", Permission::SegmentEdit),
    (S::Campaigns, "campaigns", Permission::CampaignEdit),
];

impl Section {
    /// Returns every section.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(section, ..)| *section)
    }

    fn row(self) -> (&'static str, Permission) {
        // The table is in the order of the sections, which a test holds.
        let (_, name, permission) = TABLE[self as usize];
        (name, permission)
    }

    /// Returns its name for people: "cost models".
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the permission that edits it.
    pub fn permission(self) -> Permission {
        self.row().1
    }
}

impl fmt::Display for Section {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Returns the sections that differ between two releases or drafts, in the order of [`Section::all`].
/// Number, hash, author, time and comment belong to none.
pub fn sections_changed(before: &Release, after: &Release) -> Vec<Section> {
    let (before, after) = (current_form(before), current_form(after));
    let (before, after) = (&*before, &*after);
    // Every field is named, so that a new one does not compile until it has a section.
    let Release {
        revision: _,
        tenant: _,
        content_hash: _,
        published_at_ms: _,
        published_by: _,
        comment: _,
        catalogue: _,
        strategies,
        default_strategies,
        rule_packs,
        experiments,
        models,
        parameters,
        segmentations,
        campaigns,
        risk_models,
        cost_models,
        guardrails,
    } = after;
    let of_strategies =
        before.strategies != *strategies || before.default_strategies != *default_strategies;
    let (plan_before, plan) = (before.experiments.as_ref(), experiments.as_ref());
    let changed = [
        (S::Products, products(before) != products(after)),
        (S::Strategies, of_strategies),
        (S::CostModels, before.cost_models != *cost_models),
        (S::Guardrails, before.guardrails != *guardrails),
        (S::RulePacks, before.rule_packs != *rule_packs),
        (S::RiskModels, before.risk_models != *risk_models),
        (
            S::Experiments,
            without_overrides(plan_before) != without_overrides(plan),
        ),
        (S::Overrides, overrides(plan_before) != overrides(plan)),
        (S::Models, registered(&before.models) != registered(models)),
        (S::ServingModels, serving(&before.models) != serving(models)),
        (S::Parameters, before.parameters != *parameters),
        (S::Segmentations, before.segmentations != *segmentations),
        (S::Campaigns, before.campaigns != *campaigns),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(section, _)| section).collect()
}

/// Returns the products of a release.
pub(crate) fn products(release: &Release) -> &[Product] {
    let catalogue = release.catalogue.as_ref();
    catalogue.map_or(&[], |catalogue| &catalogue.products)
}

/// Returns the plan without the customers that it puts into arms.
pub(crate) fn without_overrides(plan: Option<&ExperimentPlan>) -> ExperimentPlan {
    let mut plan = plan.cloned().unwrap_or_default();
    for experiment in &mut plan.experiments {
        experiment.overrides.clear();
    }
    plan
}

/// Returns the arm of each customer that an experiment puts into one, by experiment and customer.
pub(crate) fn overrides(plan: Option<&ExperimentPlan>) -> BTreeMap<(&str, &str), &str> {
    let experiments = plan.into_iter().flat_map(|plan| &plan.experiments);
    let each = experiments.flat_map(|experiment| {
        let id = experiment.experiment_id.as_str();
        let overrides = experiment.overrides.iter();
        overrides.map(move |(customer, arm)| ((id, customer.as_str()), arm.as_str()))
    });
    each.collect()
}

fn registered(models: &[ModelRef]) -> Vec<ModelRef> {
    let bare = |model: &ModelRef| ModelRef {
        default_for_role: false,
        ..model.clone()
    };
    models.iter().map(bare).collect()
}

/// Returns the models that serve their role, by role, name and version.
pub(crate) fn serving(models: &[ModelRef]) -> BTreeSet<(&str, &str, &str)> {
    let serving = models.iter().filter(|model| model.default_for_role);
    let named = serving.map(|one| (&*one.role, &*one.name, &*one.version));
    named.collect()
}

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
