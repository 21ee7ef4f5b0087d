//! Tests of assignment through the public interface.

mod invariants;
mod refusals;
mod statistics;
mod sticky;
mod targeting;
mod vectors;

use fairlead_experiments::{Arm, Experiment, Layer, Plan, PlanSpec};

/// Makes a plan of one layer `l` and one running experiment `x` with a control and a treatment of equal weight.
fn one_experiment() -> PlanSpec {
    PlanSpec {
        layers: vec![Layer::new("l", "salt-l")],
        experiments: vec![
            Experiment::new("x", "l", "salt-x")
                .arm(Arm::new("control", 0.5))
                .arm(Arm::new("treatment", 0.5)),
        ],
        ..PlanSpec::default()
    }
}

fn plan(spec: PlanSpec) -> Plan {
    Plan::new(spec).expect("the plan is valid")
}

fn units(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("customer-{n}"))
}
