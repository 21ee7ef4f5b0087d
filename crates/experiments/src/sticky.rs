//! Stickiness: the parts of a plan that must not change while an experiment runs.

use std::fmt;

use crate::plan::Plan;
use crate::spec::{Experiment, Status};

/// A change from one plan to the next that would move units of a running experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickyBreach {
    /// The running experiment.
    pub experiment: String,
    /// The property that changed: `salt`, `slice`, ...
    pub what: &'static str,
    /// Its value in the previous plan.
    pub before: String,
    /// Its value in the next plan.
    pub after: String,
}

impl fmt::Display for StickyBreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "running experiment {:?}: {} changes from {} to {}, which moves its units; allowed: \
             the same {}, or a new experiment",
            self.experiment, self.what, self.before, self.after, self.what
        )
    }
}

/// Returns the changes that would move units of the experiments that run in both plans, or change
/// what an arm is to them, so that a release can be refused: a changed layer, layer salt, salt,
/// slice, list of arms or weights, targeting, a parameter or strategy version of an arm, a lowered
/// coverage, a new holdout salt or a larger holdout. (A raised coverage or a smaller holdout only
/// adds units. An override moves the one unit that it names.)
pub fn sticky_breaches(previous: &Plan, next: &Plan) -> Vec<StickyBreach> {
    let running = |plan: &'_ Plan, id: &str| -> Option<usize> {
        plan.spec()
            .experiments
            .iter()
            .position(|experiment| experiment.id == id && experiment.status == Status::Running)
    };
    let mut breaches = Vec::new();
    for before in &previous.spec().experiments {
        if before.status != Status::Running {
            continue;
        }
        if let Some(position) = running(next, &before.id) {
            compare(
                previous,
                before,
                next,
                &next.spec().experiments[position],
                &mut breaches,
            );
        }
    }
    breaches
}

/// Adds the breaches of one experiment.
fn compare(
    previous: &Plan,
    before: &Experiment,
    next: &Plan,
    after: &Experiment,
    breaches: &mut Vec<StickyBreach>,
) {
    let mut breach = |what, moved: bool, old: String, new: String| {
        if moved {
            let experiment = before.id.clone();
            breaches.push(StickyBreach {
                experiment,
                what,
                before: old,
                after: new,
            });
        }
    };
    let mut same = |what, old: String, new: String| breach(what, old != new, old, new);
    same("layer", quoted(&before.layer), quoted(&after.layer));
    same(
        "layer salt",
        layer_salt(previous, before),
        layer_salt(next, after),
    );
    same("salt", quoted(&before.salt), quoted(&after.salt));
    same("slice", before.slice.to_string(), after.slice.to_string());
    same("arms", split(before), split(after));
    same("targeting", targeting(before), targeting(after));
    same("what arms set", settings(before), settings(after));
    same("holdout salt", holdout_salt(previous), holdout_salt(next));
    let lowered = after.coverage < before.coverage;
    breach(
        "coverage",
        lowered,
        before.coverage.to_string(),
        after.coverage.to_string(),
    );
    let (old, new) = (holdout_share(previous), holdout_share(next));
    breach("holdout share", new > old, old.to_string(), new.to_string());
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Writes the arms in their order with their weights: `control 0.5, treatment 0.5`.
fn split(experiment: &Experiment) -> String {
    let arms: Vec<String> = experiment
        .arms
        .iter()
        .map(|arm| format!("{} {}", arm.id, arm.weight))
        .collect();
    arms.join(", ")
}

fn targeting(experiment: &Experiment) -> String {
    experiment
        .targeting
        .as_deref()
        .map_or_else(|| "none".to_owned(), quoted)
}

/// Writes what each arm sets, by arm: `control nothing; treatment strategy.loan = 2`.
fn settings(experiment: &Experiment) -> String {
    let mut arms: Vec<String> = experiment
        .arms
        .iter()
        .map(|arm| {
            let set: Vec<String> = arm
                .params
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            if set.is_empty() {
                format!("{} nothing", arm.id)
            } else {
                format!("{} {}", arm.id, set.join(", "))
            }
        })
        .collect();
    arms.sort_unstable();
    arms.join("; ")
}

/// Writes the salt of an experiment's layer.
fn layer_salt(plan: &Plan, experiment: &Experiment) -> String {
    let layer = plan
        .spec()
        .layers
        .iter()
        .find(|layer| layer.id == experiment.layer);
    layer.map_or_else(|| "none".to_owned(), |layer| quoted(&layer.salt))
}

/// Writes the salt of the holdout, or `none` if it holds out no unit: then its salt moves no unit.
fn holdout_salt(plan: &Plan) -> String {
    let holdout = plan
        .spec()
        .holdout
        .as_ref()
        .filter(|holdout| holdout.share > 0.0);
    holdout.map_or_else(|| "none".to_owned(), |holdout| quoted(&holdout.salt))
}

/// Returns the share of the holdout, 0 if there is none.
fn holdout_share(plan: &Plan) -> f64 {
    plan.spec()
        .holdout
        .as_ref()
        .map_or(0.0, |holdout| holdout.share)
}
