//! The hash spreads units evenly, and layers are independent of each other. The units and salts
//! are fixed, so these tests give the same on every run.

use fairlead_experiments::{
    Arm, Attributes, BUCKETS, BucketRange, Experiment, Holdout, Layer, Plan, PlanSpec, hash,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::{one_experiment, plan, units};

/// Returns Pearson's statistic of counts against expected counts.
fn chi_square(observed: &[f64], expected: &[f64]) -> f64 {
    observed
        .iter()
        .zip(expected)
        .map(|(seen, due)| (seen - due).powi(2) / due)
        .sum()
}

/// Returns the value that chi-square with `freedom` degrees exceeds about once in a million times, by
/// Wilson and Hilferty's approximation (z = 4.753), which for few degrees is rarer still.
fn one_in_a_million(freedom: f64) -> f64 {
    let ninth = 2.0 / (9.0 * freedom);
    freedom * (1.0 - ninth + 4.753 * ninth.sqrt()).powi(3)
}

#[test]
fn the_bound_is_where_one_in_a_million_lies() {
    // With 2k degrees of freedom, P(X > x) is the chance of fewer than k Poisson events at x/2.
    for k in [40_i32, 50, 500] {
        let half = one_in_a_million(f64::from(2 * k)) / 2.0;
        let mut term = (-half).exp();
        let mut beyond = term;
        for event in 1..k {
            term *= half / f64::from(event);
            beyond += term;
        }
        assert!((0.8e-6..1.25e-6).contains(&beyond), "{k}: {beyond}");
    }
}

fn uniformity(salt: &str, ids: impl Iterator<Item = String>, cells: usize) -> f64 {
    let mut counts = vec![0.0; cells];
    let mut total = 0.0;
    for id in ids {
        let n = hash(salt, &id, 2).expect("version 2 exists");
        counts[((n * f64::from(BUCKETS)).round() as usize) * cells / usize::from(BUCKETS)] += 1.0;
        total += 1.0;
    }
    chi_square(&counts, &vec![total / cells as f64; cells])
}

#[test]
fn buckets_are_uniform() {
    for salt in ["layer-ranking", "x", "experiment-2026-03", "盐"] {
        for cells in [10, 100, 1_000] {
            let statistic = uniformity(salt, units(200_000), cells);
            let bound = one_in_a_million(cells as f64 - 1.0);
            assert!(
                statistic < bound,
                "{salt}: {cells} cells: {statistic} over {bound}"
            );
        }
    }
}

/// Counts units by the arm that each of two experiments gave them, and tests independence.
fn dependence(plan: &Plan, arms: usize, count: usize) -> f64 {
    let mut table = vec![0.0; arms * arms];
    for unit in units(count) {
        let assignment = plan.assign(&unit, &Attributes::default());
        let index = |experiment| -> usize {
            assignment
                .arm(experiment)
                .and_then(|arm| arm.parse().ok())
                .expect("an arm")
        };
        table[index("x") * arms + index("y")] += 1.0;
    }
    let total: f64 = table.iter().sum();
    let row = |r: usize| -> f64 { table[r * arms..(r + 1) * arms].iter().sum() };
    let column = |c: usize| -> f64 { (0..arms).map(|r| table[r * arms + c]).sum() };
    let expected: Vec<f64> = (0..arms * arms)
        .map(|cell| row(cell / arms) * column(cell % arms) / total)
        .collect();
    chi_square(&table, &expected)
}

fn two_layers(salts: &[String; 4]) -> Plan {
    let experiment = |id: &str, layer: &str, salt: &String| {
        (0..10).fold(Experiment::new(id, layer, salt), |experiment, arm| {
            experiment.arm(Arm::new(arm.to_string(), 0.1))
        })
    };
    plan(PlanSpec {
        layers: vec![Layer::new("l", &salts[0]), Layer::new("m", &salts[1])],
        experiments: vec![
            experiment("x", "l", &salts[2]),
            experiment("y", "m", &salts[3]),
        ],
        ..PlanSpec::default()
    })
}

#[test]
fn layers_with_neighbouring_salts_are_independent() {
    let salts = ["layer-1", "layer-2", "experiment-1", "experiment-2"].map(str::to_owned);
    let statistic = dependence(&two_layers(&salts), 10, 100_000);
    let bound = one_in_a_million(81.0);
    assert!(statistic < bound, "{statistic} over {bound}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default()
    })]

    #[test]
    fn layers_are_independent_whatever_the_salts(
        salts in prop::collection::btree_set("[a-z0-9_-]{1,16}", 4)
    ) {
        let salts: Vec<String> = salts.into_iter().collect();
        let salts: [String; 4] = salts.try_into().expect("four salts");
        let statistic = dependence(&two_layers(&salts), 10, 20_000);
        prop_assert!(statistic < one_in_a_million(81.0), "{:?}: {}", salts, statistic);
    }
}

#[test]
fn the_arm_is_independent_of_the_slice() {
    // Two salts: units of one half of a layer split over arms as the others do.
    let mut spec = one_experiment();
    for (start, end) in [(0, 5_000), (5_000, 10_000), (0, 100), (9_000, 10_000)] {
        spec.experiments[0].slice = BucketRange::new(start, end);
        let plan = plan(spec.clone());
        let mut arms = [0.0; 2];
        for unit in units(100_000) {
            match plan.assign(&unit, &Attributes::default()).arm("x") {
                Some("control") => arms[0] += 1.0,
                Some(_) => arms[1] += 1.0,
                None => {}
            }
        }
        let total = arms[0] + arms[1];
        let due = 100_000.0 * f64::from(end - start) / f64::from(BUCKETS);
        assert!(
            (total - due).abs() < 5.0 * due.sqrt(),
            "{total} units in {start}..{end}"
        );
        let statistic = chi_square(&arms, &[total / 2.0; 2]);
        assert!(
            statistic < one_in_a_million(1.0),
            "{start}..{end}: {arms:?}"
        );
    }
}

#[test]
fn the_holdout_takes_its_share() {
    let holdout = Some(Holdout {
        salt: "out".to_owned(),
        share: 0.05,
    });
    let plan = plan(PlanSpec {
        holdout,
        ..one_experiment()
    });
    let out = units(100_000)
        .filter(|unit| plan.assign(unit, &Attributes::default()).held_out)
        .count() as f64;
    let statistic = chi_square(&[out, 100_000.0 - out], &[5_000.0, 95_000.0]);
    assert!(statistic < one_in_a_million(1.0), "{out} held out");
}

#[test]
fn planned_shares_are_what_units_get() {
    let mut spec = one_experiment();
    spec.experiments[0].coverage = 0.5;
    spec.experiments[0].arms[0].weight = 0.75;
    spec.experiments[0].arms[1].weight = 0.25;
    let plan = plan(spec);
    assert_eq!(
        plan.arm_buckets("x"),
        Some(vec![("control", 3_750), ("treatment", 1_250)])
    );
    let mut counts = [0.0; 3];
    for unit in units(100_000) {
        let arm = plan.assign(&unit, &Attributes::default()).arm("x");
        counts[arm.map_or(2, |arm| usize::from(arm == "treatment"))] += 1.0;
    }
    let statistic = chi_square(&counts, &[37_500.0, 12_500.0, 50_000.0]);
    assert!(statistic < one_in_a_million(2.0), "{counts:?}");
}
