//! The changes from one release to another, in words that its owners know: by section, object and
//! part, with the old and the new value.

mod collect;
mod plan;
mod products;
mod strategies;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use fairlead_proto::control::v1 as proto;
use fairlead_proto::control::v1::Release;
use serde::Serialize;

use crate::old_form::current_form;
use crate::section::{Section, serving};
use collect::Collector;
use value::{changed_map, changed_objects};

pub use collect::MOST_LISTED;

/// The change of an object or of a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
    /// A product that stays in the catalogue and is no longer sold.
    Withdrawn,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The section.
    pub section: Section,
    /// The object: `cash-loan`.
    pub object: String,
    /// The part of the object: `row 5 (B, <= 12)`; empty where it is the whole.
    pub part: String,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// Its value before, cut to 200 characters; empty where there was none.
    pub before: String,
    /// Its value after, cut to 200 characters; empty where there is none.
    pub after: String,
}

/// The changes from one release to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The changes in the order of sections: every override, and at most [`MOST_LISTED`] of any other
    /// section.
    pub changes: Vec<Change>,
    /// The number of changes of a section that are not listed.
    pub left_out: Vec<(Section, usize)>,
}

/// Returns what changes from one release, or draft, to another.
pub fn difference(before: &Release, after: &Release) -> Difference {
    let (before, after) = (&*current_form(before), &*current_form(after));
    let mut found = Collector::default();
    products::compare(before, after, &mut found);
    strategies::compare(before, after, &mut found);
    sections(before, after, &mut found);
    plan::compare(before, after, &mut found);
    models(before, after, &mut found);
    found.finish()
}

/// Compares the sections whose objects have ids and are compared field by field.
fn sections(before: &Release, after: &Release, found: &mut Collector) {
    macro_rules! objects {
        ($section:ident, $field:ident, $id:ident) => {
            changed_objects(
                Section::$section,
                (&before.$field[..], &after.$field[..]),
                |one| one.$id.clone(),
                found,
            );
        };
    }
    objects!(CostModels, cost_models, cost_model_id);
    objects!(Guardrails, guardrails, guardrails_id);
    objects!(RulePacks, rule_packs, rule_pack_id);
    objects!(RiskModels, risk_models, name);
    objects!(Segmentations, segmentations, segmentation_id);
    objects!(Campaigns, campaigns, campaign_id);
    let parameters = (&before.parameters, &after.parameters);
    changed_map(Section::Parameters, parameters, found);
}

/// Compares the models that are registered, and those that serve, by role.
fn models(before: &Release, after: &Release, found: &mut Collector) {
    let bare = |release: &Release| -> Vec<proto::ModelRef> {
        let mut models = release.models.clone();
        for model in &mut models {
            model.default_for_role = false;
        }
        models
    };
    let (old, new) = (bare(before), bare(after));
    let id = |one: &proto::ModelRef| format!("{} {}", one.name, one.version);
    changed_objects(Section::Models, (&old[..], &new[..]), id, found);
    let by_role = |release: &Release| -> BTreeMap<String, String> {
        let serving = serving(&release.models);
        let named = serving.into_iter();
        let named =
            named.map(|(role, name, version)| (role.to_owned(), format!("{name} {version}")));
        named.collect()
    };
    let serving = (&by_role(before), &by_role(after));
    changed_map(Section::ServingModels, serving, found);
}

impl ChangeKind {
    /// Returns its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl From<ChangeKind> for proto::ChangeKind {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Added => Self::Added,
            ChangeKind::Changed => Self::Changed,
            ChangeKind::Removed => Self::Removed,
            ChangeKind::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<Difference> for proto::Difference {
    fn from(difference: Difference) -> Self {
        let change = |one: Change| proto::Change {
            section: one.section.name().to_owned(),
            object: one.object,
            part: one.part,
            kind: proto::ChangeKind::from(one.kind).into(),
            before: one.before,
            after: one.after,
        };
        let left_out = |(section, changes): (Section, usize)| proto::ChangesLeftOut {
            section: section.name().to_owned(),
            changes: i64::try_from(changes).unwrap_or(i64::MAX),
        };
        Self {
            changes: difference.changes.into_iter().map(change).collect(),
            left_out: difference.left_out.into_iter().map(left_out).collect(),
        }
    }
}

/// Returns the proto JSON of a message.
fn json(message: &impl Serialize) -> serde_json::Value {
    // The contracts' messages have names for keys and plain values.
    serde_json::to_value(message).unwrap_or_default()
}

#[cfg(test)]
mod tests;
