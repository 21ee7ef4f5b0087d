//! The experiments that differ, and each customer whom one puts into an arm.

use fairlead_proto::control::v1::{ExperimentPlan, Release};

use super::collect::Collector;
use super::json;
use super::value::{Parts, changed_objects};
use crate::section::{Section, overrides, without_overrides};

/// Notes what differs between two plans.
pub(super) fn compare(before: &Release, after: &Release, found: &mut Collector) {
    let (old_plan, new_plan) = (before.experiments.as_ref(), after.experiments.as_ref());
    let mut old = without_overrides(old_plan);
    let mut new = without_overrides(new_plan);
    let experiments = (&*old.experiments, &*new.experiments);
    let id = |one: &fairlead_proto::control::v1::Experiment| one.experiment_id.clone();
    changed_objects(Section::Experiments, experiments, id, found);
    for plan in [&mut old, &mut new] {
        plan.experiments.clear();
    }
    let around = |plan: &ExperimentPlan| json(plan);
    let parts = Parts {
        section: Section::Experiments,
        object: "the plan",
    };
    parts.compare(String::new(), &around(&old), &around(&new), found);
    of_customers(old_plan, new_plan, found);
}

/// Notes each customer who is put into an arm, taken out of it, or put into another.
fn of_customers(
    before: Option<&ExperimentPlan>,
    after: Option<&ExperimentPlan>,
    found: &mut Collector,
) {
    let (old, new) = (overrides(before), overrides(after));
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let (was, is) = (old.get(key), new.get(key));
        if was != is {
            let (experiment, customer) = key;
            let object = format!("{experiment}, customer {customer}");
            let owned = |arm: Option<&&str>| arm.map(|arm| (*arm).to_owned());
            found.note(Section::Overrides, &object, "", owned(was), owned(is));
        }
    }
}
