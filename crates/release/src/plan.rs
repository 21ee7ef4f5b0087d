//! The experiment plan of a release, as the experiments crate checks and compiles it.

use std::collections::BTreeMap;

use fairlead_experiments as experiments;
use fairlead_experiments::{BucketRange, ParameterKind, Plan, PlanSpec, Status};
use fairlead_proto::control::v1::{
    Arm, Experiment, ExperimentPlan, ExperimentStatus, Release, Strategy,
};

use crate::finding::{Finding, Rule, one_of};
use crate::parameters::{check_arm, declared};

/// One, in parts per million.
const WHOLE_PPM: i64 = 1_000_000;

/// Returns the name of the plan's parameter by which arms choose the version of a strategy. Its
/// default is the champion's version, so that two layers never disagree on it.
pub fn strategy_parameter(strategy_id: &str) -> String {
    format!("strategy.{strategy_id}")
}

/// Returns every finding on the experiment plan of a draft, checked against the strategies, models
/// and parameters of the draft.
pub fn check_experiments(draft: &Release) -> Vec<Finding> {
    let mut findings = Vec::new();
    compile(draft, &mut findings);
    findings
}

/// Compiles the plan and adds the findings on it. Returns `None` if it cannot be compiled.
pub(crate) fn compile(release: &Release, findings: &mut Vec<Finding>) -> Option<Plan> {
    let before = findings.len();
    let empty = ExperimentPlan::default();
    let plan = release.experiments.as_ref().unwrap_or(&empty);
    for experiment in &plan.experiments {
        check_experiment(experiment, release, findings);
    }
    ppm("holdout: holdout_ppm", plan.holdout_ppm, findings);
    if findings.len() > before {
        // The conversion below would lose what was just found.
        return None;
    }
    let spec = PlanSpec {
        layers: plan
            .layers
            .iter()
            .map(|layer| experiments::Layer::new(&layer.layer_id, &layer.salt))
            .collect(),
        experiments: plan.experiments.iter().map(experiment).collect(),
        holdout: (plan.holdout_ppm > 0).then(|| experiments::Holdout {
            salt: plan.holdout_salt.clone(),
            share: share(plan.holdout_ppm),
        }),
        parameters: parameters(release),
        attributes: None,
    };
    match Plan::new(spec.clone()) {
        Ok(plan) => Some(plan),
        Err(error) => {
            findings.extend(each_error(&spec, &error));
            None
        }
    }
}

/// Returns a finding for each error. `Plan::new` stops at the first; each experiment alone gives the
/// others.
fn each_error(spec: &PlanSpec, first: &experiments::Error) -> Vec<Finding> {
    let mut messages = vec![first.to_string()];
    for experiment in &spec.experiments {
        let alone = PlanSpec {
            experiments: vec![experiment.clone()],
            ..spec.clone()
        };
        if let Err(error) = Plan::new(alone) {
            let message = error.to_string();
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
    }
    messages
        .iter()
        .map(|message| {
            // The error's words hold the value and what is allowed.
            let (cause, allowed) = message
                .split_once("; allowed: ")
                .unwrap_or((message, "a plan that compiles"));
            Finding::error(Rule::Experiments, "experiment plan", cause, allowed)
        })
        .collect()
}

fn check_experiment(experiment: &Experiment, release: &Release, findings: &mut Vec<Finding>) {
    let name = format!("experiment {:?}", experiment.experiment_id);
    for (field, bucket) in [
        ("slice_start", experiment.slice_start),
        ("slice_end", experiment.slice_end),
    ] {
        if !(0..=i32::from(experiments::BUCKETS)).contains(&bucket) {
            let allowed = format!("0 to {}", experiments::BUCKETS);
            findings.push(Finding::error(
                Rule::Range,
                format!("{name}: {field}"),
                bucket,
                allowed,
            ));
        }
    }
    if experiment.status() == ExperimentStatus::Unspecified {
        let allowed = "EXPERIMENT_STATUS_DRAFT (1), _RUNNING (2) or _STOPPED (3)";
        let thing = format!("{name}: status");
        findings.push(Finding::error(
            Rule::Missing,
            thing,
            experiment.status,
            allowed,
        ));
    }
    ppm(
        &format!("{name}: coverage_ppm"),
        experiment.coverage_ppm,
        findings,
    );
    for arm in &experiment.arms {
        let name = format!("{name}, arm {:?}", arm.arm_id);
        ppm(&format!("{name}: weight_ppm"), arm.weight_ppm, findings);
        findings.extend(check_arm(&name, &arm.parameters));
        check_model_version(&name, arm, release, findings);
        for (strategy, version) in &arm.strategy_versions {
            check_strategy_version(&name, strategy, *version, &release.strategies, findings);
        }
    }
    let sum: i128 = experiment
        .arms
        .iter()
        .map(|arm| i128::from(arm.weight_ppm))
        .sum();
    if !experiment.arms.is_empty() && sum != i128::from(WHOLE_PPM) {
        let thing = format!("{name}: sum of weight_ppm");
        findings.push(Finding::error(Rule::Contradiction, thing, sum, "1000000"));
    }
}

fn check_model_version(name: &str, arm: &Arm, release: &Release, findings: &mut Vec<Finding>) {
    let Some(version) = arm.parameters.get("ranking.model_version") else {
        return;
    };
    let rankers = || release.models.iter().filter(|model| model.role == "ranker");
    if !version.is_empty() && !rankers().any(|model| model.version == *version) {
        let thing = format!("{name}: parameter \"ranking.model_version\"");
        let allowed = one_of(rankers().map(|model| model.version.as_str()));
        findings.push(Finding::error(Rule::Unknown, thing, version, allowed));
    }
}

fn check_strategy_version(
    name: &str,
    id: &str,
    version: i64,
    strategies: &[Strategy],
    findings: &mut Vec<Finding>,
) {
    let versions: Vec<String> = strategies
        .iter()
        .filter(|strategy| strategy.strategy_id == id)
        .map(|strategy| strategy.version.to_string())
        .collect();
    if versions.is_empty() {
        let ids = strategies
            .iter()
            .map(|strategy| strategy.strategy_id.as_str());
        let thing = format!("{name}: strategy_versions");
        findings.push(Finding::error(Rule::Unknown, thing, id, one_of(ids)));
    } else if !versions.contains(&version.to_string()) {
        let thing = format!("{name}: version of strategy {id:?}");
        let allowed = one_of(versions.iter().map(String::as_str));
        findings.push(Finding::error(Rule::Unknown, thing, version, allowed));
    }
}

fn ppm(thing: &str, value: i64, findings: &mut Vec<Finding>) {
    if !(0..=WHOLE_PPM).contains(&value) {
        findings.push(Finding::error(Rule::Range, thing, value, "0 to 1000000"));
    }
}

fn share(ppm: i64) -> f64 {
    ppm as f64 / WHOLE_PPM as f64
}

/// Returns the declared parameters at the release's values, and one per strategy at its champion.
fn parameters(release: &Release) -> Vec<experiments::Parameter> {
    let of_table = declared().iter().map(|declared| {
        let default = release.parameters.get(declared.name);
        declared.for_plan(default.map_or(declared.default, String::as_str))
    });
    let of_strategies = champions(&release.strategies)
        .into_iter()
        .map(|(id, version)| {
            experiments::Parameter::new(
                strategy_parameter(id),
                ParameterKind::Int,
                version.to_string(),
            )
        });
    of_table.chain(of_strategies).collect()
}

/// Returns the champion's version of each strategy: the highest that is marked, or 0 if none is.
pub(crate) fn champions(strategies: &[Strategy]) -> BTreeMap<&str, i64> {
    let mut champions: BTreeMap<&str, i64> = BTreeMap::new();
    for strategy in strategies {
        let version = if strategy.champion {
            strategy.version
        } else {
            0
        };
        let best = champions.entry(&strategy.strategy_id).or_default();
        *best = version.max(*best);
    }
    champions
}

fn experiment(experiment: &Experiment) -> experiments::Experiment {
    // In range: checked before.
    let bucket = |bucket: i32| u16::try_from(bucket).unwrap_or(experiments::BUCKETS);
    experiments::Experiment {
        id: experiment.experiment_id.clone(),
        layer: experiment.layer_id.clone(),
        salt: experiment.salt.clone(),
        slice: BucketRange::new(bucket(experiment.slice_start), bucket(experiment.slice_end)),
        arms: experiment.arms.iter().map(arm).collect(),
        targeting: (!experiment.targeting.is_empty()).then(|| experiment.targeting.clone()),
        overrides: experiment.overrides.clone(),
        coverage: share(experiment.coverage_ppm),
        status: match experiment.status() {
            ExperimentStatus::Running => Status::Running,
            ExperimentStatus::Stopped => Status::Stopped,
            ExperimentStatus::Draft | ExperimentStatus::Unspecified => Status::Draft,
        },
    }
}

fn arm(arm: &Arm) -> experiments::Arm {
    let mut made = experiments::Arm::new(&arm.arm_id, share(arm.weight_ppm));
    made.params = arm.parameters.clone();
    let versions = arm.strategy_versions.iter();
    made.params
        .extend(versions.map(|(id, version)| (strategy_parameter(id), version.to_string())));
    made
}

/// Checks a CEL expression, and returns a finding that calls it `thing`, or `None` if it compiles.
/// If `names` are given, it may read no others.
///
/// Segments are written like targeting, which the experiments crate checks within a plan.
pub fn check_expression(
    thing: &str,
    expression: &str,
    names: Option<&[String]>,
) -> Option<Finding> {
    let spec = PlanSpec {
        layers: vec![experiments::Layer::new("segments", "segments")],
        experiments: vec![experiments::Experiment {
            targeting: Some(expression.to_owned()),
            ..experiments::Experiment::new("segment", "segments", "segment")
                .arm(experiments::Arm::new("in", 1.0))
        }],
        attributes: names.map(<[String]>::to_vec),
        ..PlanSpec::default()
    };
    let allowed = match Plan::new(spec) {
        Ok(_) => return None,
        Err(experiments::Error::Targeting { cause, allowed, .. }) => {
            format!("{allowed} ({cause})")
        }
        Err(other) => format!("a CEL expression that gives a bool ({other})"),
    };
    Some(Finding::error(Rule::Syntax, thing, expression, allowed))
}
