//! Who may change which section of a draft, and publish which change.

use std::collections::BTreeMap;

use fairlead_identity::{Permission, Principal};
use fairlead_proto::control::v1::Release;
use fairlead_release::{Section, moves_prices, sections_changed};

use crate::Error;

/// Checks that the caller may make a change of a draft: it has the permission of each section that
/// the change reaches, and puts no customer into an arm for whom it speaks.
pub(crate) fn check_change(
    caller: &Principal,
    before: &Release,
    after: &Release,
) -> Result<(), Error> {
    let sections = sections_changed(before, after);
    for section in &sections {
        if !caller.permissions().contains(section.permission()) {
            return Err(Error::Section { section: *section });
        }
    }
    let Some(customer) = caller.customer() else {
        return Ok(());
    };
    let arms = |release: &Release| arms_of(release, customer.as_str());
    if sections.contains(&Section::Overrides) && arms(before) != arms(after) {
        return Err(Error::OwnOverride(customer.to_string()));
    }
    Ok(())
}

/// Returns the arms that a release puts a customer into, by experiment.
fn arms_of(release: &Release, customer: &str) -> BTreeMap<String, String> {
    let plan = release.experiments.iter();
    let experiments = plan.flat_map(|plan| &plan.experiments);
    let arms = experiments.filter_map(|experiment| {
        let arm = experiment.overrides.get(customer)?;
        Some((experiment.experiment_id.clone(), arm.clone()))
    });
    arms.collect()
}

/// Checks that the caller may publish a change: any, or one that moves no price.
pub(crate) fn check_publication(
    caller: &Principal,
    before: &Release,
    after: &Release,
) -> Result<(), Error> {
    if caller.permissions().contains(Permission::ChangePublish) {
        return Ok(());
    }
    match moves_prices(before, after) {
        None => Ok(()),
        Some(reason) => Err(Error::Priced { reason }),
    }
}
