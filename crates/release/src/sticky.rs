//! The changes from one release to the next that would move customers of a running experiment.

use fairlead_experiments::sticky_breaches;
use fairlead_proto::control::v1::Release;

use crate::finding::{Finding, Rule};
use crate::plan::compile;

/// Returns a finding for each change to an experiment that runs in both releases which would move
/// customers between its arms, or change what an arm is. A plan that does not compile has none: its
/// own check refuses it.
pub fn check_sticky(in_force: &Release, next: &Release) -> Vec<Finding> {
    let plans = compile(in_force, &mut Vec::new()).zip(compile(next, &mut Vec::new()));
    let Some((previous, next)) = plans else {
        return Vec::new();
    };
    sticky_breaches(&previous, &next)
        .into_iter()
        .map(|breach| {
            let thing = format!(
                "running experiment {:?}: {}",
                breach.experiment, breach.what
            );
            let allowed = format!(
                "{}, as its customers were assigned; for another value stop it and begin a new \
                 experiment",
                breach.before
            );
            Finding::error(Rule::Experiments, thing, breach.after, allowed)
        })
        .collect()
}
