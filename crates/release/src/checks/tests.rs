//! A release that passes, and every reference that can be wrong in one.

use fairlead_proto::control::v1::{Experiment, Guardrails};

use super::sample::{hashed, model, unhashed};
use super::*;
use crate::Live;
use crate::finding::{Severity, blocks};
use crate::products::tests::loan;

fn findings_after(change: Change) -> Vec<Finding> {
    let mut release = unhashed();
    change(&mut release);
    Live::check(hashed(release)).expect_err("a finding")
}

type Change = fn(&mut Release);

fn cheaper(release: &mut Release) -> &mut Experiment {
    &mut release.experiments.as_mut().expect("a plan").experiments[0]
}

fn products(release: &mut Release) -> &mut Vec<Product> {
    &mut release.catalogue.as_mut().expect("a catalogue").products
}

/// A change, and the thing and the rule of a finding that follows.
const REFUSED: &[(Change, &str, Rule)] = &[
    (|r| r.tenant = "a/b".into(), "tenant", Rule::Syntax),
    (|r| r.revision = 0, "revision", Rule::Range),
    (
        |r| products(r).push(loan("CL-1")),
        "product id",
        Rule::Duplicate,
    ),
    (
        |r| products(r)[0].strategy_id = "gone".into(),
        "product \"CL-1\": strategy_id",
        Rule::Unknown,
    ),
    (
        |r| products(r)[2].strategy_id = "cash-loan".into(),
        "product \"D-1\" under \"cash-loan@1\": kind",
        Rule::Contradiction,
    ),
    (
        |r| {
            r.strategies[0].currency = "USD".into();
            r.guardrails[0].currency = "USD".into();
            r.cost_models[0].currency = "USD".into();
        },
        "product \"CL-1\" under \"cash-loan@1\": currency",
        Rule::Currency,
    ),
    (
        |r| r.strategies[0].currency = "usd".into(),
        "strategy \"cash-loan@1\": currency",
        Rule::Currency,
    ),
    (
        |r| r.strategies[1].version = 1,
        "strategy \"cash-loan\": version",
        Rule::Duplicate,
    ),
    (
        |r| r.strategies[1].version = 0,
        "strategy \"cash-loan@0\": version",
        Rule::Range,
    ),
    (
        |r| r.strategies[0].champion = false,
        "default_strategies[1]",
        Rule::Contradiction,
    ),
    (
        |r| r.strategies[0].strategy_id.clear(),
        "strategy \"@1\": strategy_id",
        Rule::Missing,
    ),
    (
        |r| r.risk_models.clear(),
        "guardrails \"cash-loan\": grading.risk_model",
        Rule::Unknown,
    ),
    (
        |r| r.guardrails.clear(),
        "strategy \"cash-loan@1\": guardrails",
        Rule::Missing,
    ),
    (
        |r| r.guardrails[0].strategies = vec!["cash-loan@1".into()],
        "strategy \"cash-loan@2\": guardrails",
        Rule::Missing,
    ),
    (
        |r| r.guardrails[0].guardrails_id.clear(),
        "guardrails \"\": id",
        Rule::Missing,
    ),
    (
        |r| r.guardrails.push(r.guardrails[0].clone()),
        "guardrails \"cash-loan\": strategies",
        Rule::Duplicate,
    ),
    (
        |r| r.guardrails[0].currency = "USD".into(),
        "strategy \"cash-loan@1\": guardrails.currency",
        Rule::Currency,
    ),
    (
        |r| r.guardrails[0].limit = None,
        "guardrails \"cash-loan\": limit",
        Rule::Missing,
    ),
    (
        |r| r.guardrails[0].price_points_ppm.reverse(),
        "guardrails \"cash-loan\": price_points_ppm",
        Rule::Contradiction,
    ),
    (
        |r| r.cost_models.clear(),
        "strategy \"cash-loan@1\": cost_models",
        Rule::Missing,
    ),
    (
        |r| r.cost_models.push(r.cost_models[0].clone()),
        "cost model \"consumer-finance\": id",
        Rule::Duplicate,
    ),
    (
        |r| r.cost_models[0].hurdle_ppm = 1,
        "cost model \"consumer-finance\": hurdle_ppm",
        Rule::Range,
    ),
    (
        |r| r.cost_models[0].currency = "Yuan".into(),
        "cost model \"consumer-finance\": currency",
        Rule::Currency,
    ),
    (
        |r| {
            r.guardrails.push(Guardrails {
                currency: String::new(),
                ..r.guardrails[0].clone()
            });
        },
        "guardrails \"cash-loan\": currency",
        Rule::Currency,
    ),
    (
        |r| {
            r.default_strategies.insert(9, "cash-loan".into());
        },
        "default_strategies: kind",
        Rule::Unknown,
    ),
    (
        |r| {
            r.default_strategies.insert(1, "gone".into());
        },
        "default_strategies[1]",
        Rule::Unknown,
    ),
    (
        |r| r.rule_packs.push(r.rule_packs[0].clone()),
        "rule pack \"cn-2025\": rule_pack_id",
        Rule::Duplicate,
    ),
    (
        |r| r.rule_packs[0].valid_from_ms = 10,
        "rule pack \"cn-2025\": valid_to_ms",
        Rule::Contradiction,
    ),
    (
        |r| r.rule_packs[0].source.clear(),
        "rule pack \"cn-2025\": source",
        Rule::Missing,
    ),
    (
        |r| r.rule_packs[0].max_all_in_ppm = Some(-1),
        "rule pack \"cn-2025\": max_all_in_ppm",
        Rule::Range,
    ),
    (
        |r| r.rule_packs[0].max_exposure_minor = Some(5),
        "rule pack \"cn-2025\": currency",
        Rule::Currency,
    ),
    (
        |r| r.risk_models[0].intercept = f64::NAN,
        "risk model \"pd\": intercept",
        Rule::Range,
    ),
    (
        |r| r.risk_models[0].characteristics[0].bins.reverse(),
        "risk model \"pd\": bureau_score.bins.upto",
        Rule::Contradiction,
    ),
    (
        |r| r.risk_models[0].characteristics[0].bins[1].points = f64::INFINITY,
        "risk model \"pd\": bureau_score.points",
        Rule::Range,
    ),
    (
        |r| r.models.push(model("1", false)),
        "model version",
        Rule::Duplicate,
    ),
    (
        |r| r.models[1].default_for_role = true,
        "models of role \"ranker\": default_for_role",
        Rule::Contradiction,
    ),
    (
        |r| r.models[0].content_hash = "abc".into(),
        "model \"ranker 1\": content_hash",
        Rule::Syntax,
    ),
    (
        |r| r.models[0].path.clear(),
        "model \"ranker 1\": path",
        Rule::Missing,
    ),
    (
        |r| {
            r.parameters.insert("slate.ordre".into(), "x".into());
        },
        "parameter",
        Rule::Unknown,
    ),
    (
        |r| {
            r.parameters.insert("slate.order".into(), "x".into());
        },
        "parameter \"slate.order\"",
        Rule::Range,
    ),
    (
        |r| r.segmentations[0].segments[0].expression = "clicks >".into(),
        "segmentation \"value\", segment \"active\": expression",
        Rule::Syntax,
    ),
    (
        |r| r.segmentations[0].otherwise = "active".into(),
        "segmentation \"value\": segment_id",
        Rule::Duplicate,
    ),
    (
        |r| r.campaigns[0].product_ids.push("gone".into()),
        "campaign \"spring\": product_ids",
        Rule::Unknown,
    ),
    (
        |r| r.campaigns[0].valid_from_ms = -1,
        "campaign \"spring\": valid_from_ms",
        Rule::Range,
    ),
    (
        |r| cheaper(r).slice_end = 10_001,
        "experiment \"cheaper\": slice_end",
        Rule::Range,
    ),
    (
        |r| cheaper(r).slice_start = -1,
        "experiment \"cheaper\": slice_start",
        Rule::Range,
    ),
    (
        |r| cheaper(r).status = 0,
        "experiment \"cheaper\": status",
        Rule::Missing,
    ),
    (
        |r| cheaper(r).coverage_ppm = 1_000_001,
        "experiment \"cheaper\": coverage_ppm",
        Rule::Range,
    ),
    (
        |r| cheaper(r).arms[0].weight_ppm = 499_999,
        "experiment \"cheaper\": sum of weight_ppm",
        Rule::Contradiction,
    ),
    (
        |r| cheaper(r).arms[1].parameters = [("slate.order".into(), "x".into())].into(),
        "experiment \"cheaper\", arm \"challenger\": parameter \"slate.order\"",
        Rule::Range,
    ),
    (
        |r| {
            cheaper(r).arms[1]
                .strategy_versions
                .insert("cash-loan".into(), 3);
        },
        "experiment \"cheaper\", arm \"challenger\": version of strategy \"cash-loan\"",
        Rule::Unknown,
    ),
    (
        |r| {
            cheaper(r).arms[1]
                .strategy_versions
                .insert("gone".into(), 3);
        },
        "experiment \"cheaper\", arm \"challenger\": strategy_versions",
        Rule::Unknown,
    ),
    (
        |r| {
            r.models.pop();
        },
        "experiment \"cheaper\", arm \"challenger\": parameter \"ranking.model_version\"",
        Rule::Unknown,
    ),
    (
        |r| cheaper(r).targeting = "region ==".into(),
        "experiment plan",
        Rule::Experiments,
    ),
    (
        |r| cheaper(r).layer_id = "gone".into(),
        "experiment plan",
        Rule::Experiments,
    ),
];

#[test]
fn a_whole_release_passes() {
    let live = Live::check(hashed(unhashed())).expect("passes");
    assert!(!blocks(&live.warnings), "{:?}", live.warnings);
    assert_eq!(live.catalogue.len(), 3);
    assert_eq!(live.parameters.slate.category_cap, 4);
    assert_eq!(
        live.strategy_of(&live.catalogue.products()[0]),
        Some("cash-loan")
    );
    assert_eq!(live.champion("cash-loan").map(|one| one.version), Some(1));
    assert_eq!(live.model("ranker", "").map(|one| &*one.version), Some("1"));
    assert_eq!(
        live.model("ranker", "2").map(|one| &*one.version),
        Some("2")
    );
}

#[test]
fn each_fault_is_found() {
    for (change, thing, rule) in REFUSED {
        let findings = findings_after(*change);
        assert!(
            findings.iter().any(|found| found.thing == *thing
                && found.rule == *rule
                && found.severity == Severity::Error),
            "{thing}: {findings:#?}"
        );
    }
}

#[test]
fn all_findings_come_at_once() {
    let findings = findings_after(|release| {
        for (change, ..) in &REFUSED[2..6] {
            change(release);
        }
    });
    for (_, thing, _) in &REFUSED[2..6] {
        assert!(
            findings.iter().any(|found| found.thing == *thing),
            "{thing}: {findings:#?}"
        );
    }
}

#[test]
fn several_faults_of_a_plan_come_at_once() {
    let findings = findings_after(|release| {
        let plan = release.experiments.as_mut().expect("a plan");
        let mut other = plan.experiments[0].clone();
        other.experiment_id = "other".to_owned();
        other.salt = "other-1".to_owned();
        other.targeting = "1 +".to_owned();
        plan.experiments[0].targeting = "region ==".to_owned();
        plan.experiments.push(other);
    });
    let causes: Vec<&str> = findings.iter().map(|found| found.value.as_str()).collect();
    assert!(
        causes
            .iter()
            .any(|cause| cause.contains("\"cheaper\" has targeting")),
        "{causes:#?}"
    );
    assert!(
        causes
            .iter()
            .any(|cause| cause.contains("\"other\" has targeting")),
        "{causes:#?}"
    );
    assert!(
        causes.iter().any(|cause| cause.contains("overlap")),
        "{causes:#?}"
    );
}

#[test]
fn a_hash_of_something_else_is_refused() {
    let mut release = hashed(unhashed());
    release
        .parameters
        .insert("slate.exploration".to_owned(), "1".to_owned());
    let findings = Live::check(release).expect_err("tampered");
    let errors: Vec<Rule> = findings
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.rule)
        .collect();
    assert_eq!(errors, [Rule::Hash]);
}

#[test]
fn what_only_limits_is_a_warning() {
    let mut release = unhashed();
    release.default_strategies.clear();
    release.models[0].default_for_role = false;
    let live = Live::check(hashed(release)).expect("passes");
    // Three kinds have products and no strategy; no ranker is the default.
    assert_eq!(live.warnings.len(), 4, "{:?}", live.warnings);
    assert!(!blocks(&live.warnings));
    let empty = Release {
        revision: 1,
        tenant: "acme".to_owned(),
        ..Release::default()
    };
    assert_eq!(
        Live::check(hashed(empty)).expect("passes").warnings.len(),
        1
    );
}

#[test]
fn arms_override_what_the_release_says() {
    let mut release = unhashed();
    let experiment = cheaper(&mut release);
    experiment.targeting.clear();
    experiment.overrides = [
        ("tester".to_owned(), "challenger".to_owned()),
        ("other".to_owned(), "control".to_owned()),
    ]
    .into();
    let live = Live::check(hashed(release)).expect("passes");
    let of =
        |unit| live.overrides(&live.assign(unit, &fairlead_experiments::Attributes::default()));
    let tester = of("tester");
    assert_eq!(
        tester.strategy_versions,
        [("cash-loan".to_owned(), 2)].into()
    );
    assert_eq!(
        tester.parameters,
        [
            ("slate.order", "conversion"),
            ("ranking.model_version", "2")
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    );
    assert_eq!(of("other"), crate::Overrides::default());
    let arm = live.parameters.with(&tester.parameters).expect("declared");
    assert_eq!(arm.ranking.model_version, "2");
    assert_eq!(arm.slate.category_cap, 4);
}
