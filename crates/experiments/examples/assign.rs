//! Assigns units under two layers, a holdout, targeting and a tester, and prints the reasons.
//!
//! `cargo run --release -p fairlead-experiments --example assign`

use std::collections::BTreeMap;

use fairlead_experiments::{
    Arm, Attributes, BucketRange, Error, Experiment, Holdout, Layer, Parameter, ParameterKind,
    Plan, PlanSpec,
};

fn plan() -> Result<Plan, Error> {
    let longer_slate = Experiment {
        overrides: BTreeMap::from([("tester-1".to_owned(), "twenty".to_owned())]),
        ..Experiment::new("longer-slate", "ranking", "longer-slate-2026-03")
    }
    .arm(Arm::new("control", 0.5))
    .arm(Arm::new("twenty", 0.5).param("slate.size", "20"));
    let new_card = Experiment {
        slice: BucketRange::new(0, 5_000),
        targeting: Some(r#"grade in ["A", "B", "C"] && age >= 21"#.to_owned()),
        coverage: 0.5,
        ..Experiment::new("rate-card-8", "pricing", "rate-card-8-2026-03")
    }
    .arm(Arm::new("champion", 0.8))
    .arm(Arm::new("challenger", 0.2).param("pricing.strategy", "rate-card-8"));
    Plan::new(PlanSpec {
        layers: vec![
            Layer::new("ranking", "layer-ranking"),
            Layer::new("pricing", "layer-pricing"),
        ],
        experiments: vec![longer_slate, new_card],
        holdout: Some(Holdout {
            salt: "holdout-2026".to_owned(),
            share: 0.05,
        }),
        parameters: vec![
            Parameter::new("slate.size", ParameterKind::Int, "10"),
            Parameter::new("pricing.strategy", ParameterKind::Text, "rate-card-7"),
        ],
        attributes: Some(vec!["age".to_owned(), "grade".to_owned()]),
    })
}

fn main() -> Result<(), Error> {
    let plan = plan()?;
    let attributes = Attributes::default().with("age", 34).with("grade", "B");
    for unit in (1..=12)
        .map(|n| format!("customer-{n}"))
        .chain(["tester-1".to_owned()])
    {
        let assignment = plan.assign(&unit, &attributes);
        let arms: Vec<String> = assignment
            .arms
            .iter()
            .map(|arm| format!("{}={} ({:?})", arm.experiment, arm.arm, arm.via))
            .collect();
        println!(
            "{unit:12} held out: {:5}  slate {:?}, strategy {:?}  {}",
            assignment.held_out,
            assignment.params.int("slate.size").unwrap_or_default(),
            assignment
                .params
                .text("pricing.strategy")
                .unwrap_or_default(),
            arms.join(", ")
        );
    }
    // A customer whose age is not known is kept out of the experiment that reads it.
    let unknown_age = Attributes::default().with("grade", "B");
    let excluded = (1..).map(|n| format!("customer-{n}")).find_map(|unit| {
        let assignment = plan.assign(&unit, &unknown_age);
        assignment
            .not_targeted
            .first()
            .map(|out| format!("{unit}: {}: {}", out.experiment, out.reason))
    });
    println!("{}", excluded.unwrap_or_default());
    Ok(())
}
