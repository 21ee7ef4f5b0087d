//! A release that passes, in which everything that can be named is there.

use fairlead_proto::catalogue::v1::{Catalogue, ProductKind};
use fairlead_proto::control::v1::{
    Arm, Bin, Campaign, Characteristic, CostModel, Experiment, ExperimentPlan, ExperimentStatus,
    Guardrails, Layer, ModelRef, Release, RiskModel, RulePack, Segment, Segmentation, Strategy,
};

use fairlead_price_engine::defaults;

use crate::content_hash;
use crate::products::tests::{deposit, fund, loan};

/// Returns the default strategy for cash loans, on the sample's risk model.
fn strategy(version: i64, champion: bool) -> Strategy {
    let strategies = defaults::strategies().expect("the defaults read");
    let mut strategies = strategies.into_iter();
    let mut strategy = strategies
        .find(|one| one.strategy_id == "cash-loan")
        .expect("a strategy for cash loans");
    strategy.version = version;
    strategy.champion = champion;
    strategy
}

/// Returns the default cost model and guardrails of cash loans, the latter on the sample's risk model.
fn held() -> (CostModel, Guardrails) {
    let mut settings = defaults::settings().expect("the defaults read");
    let cost = settings.cost_models.swap_remove(0);
    let mut guardrails = settings.guardrails.swap_remove(0);
    guardrails.grading.as_mut().expect("grades").risk_model = "pd".to_owned();
    (cost, guardrails)
}

pub(crate) fn model(version: &str, default_for_role: bool) -> ModelRef {
    ModelRef {
        role: "ranker".to_owned(),
        name: "ranker".to_owned(),
        version: version.to_owned(),
        path: format!("models/ranker-{version}"),
        content_hash: "ab".repeat(32),
        default_for_role,
        schema_hash: "0f".to_owned(),
    }
}

fn risk_model() -> RiskModel {
    let bin = |upto, points| Bin { upto, points };
    RiskModel {
        name: "pd".to_owned(),
        version: "1".to_owned(),
        intercept: -3.0,
        characteristics: vec![Characteristic {
            feature: "bureau_score".to_owned(),
            bins: vec![
                bin(Some(600.0), 0.8),
                bin(Some(700.0), 0.1),
                bin(None, -0.6),
            ],
            reason_code: "bureau-score".to_owned(),
            reason_text: "the score of the credit bureau".to_owned(),
            ..Characteristic::default()
        }],
    }
}

fn arm(id: &str) -> Arm {
    Arm {
        arm_id: id.to_owned(),
        weight_ppm: 500_000,
        ..Arm::default()
    }
}

fn plan() -> ExperimentPlan {
    let mut challenger = arm("challenger");
    challenger
        .parameters
        .insert("slate.order".to_owned(), "conversion".to_owned());
    challenger
        .parameters
        .insert("ranking.model_version".to_owned(), "2".to_owned());
    challenger
        .strategy_versions
        .insert("cash-loan".to_owned(), 2);
    ExperimentPlan {
        layers: vec![Layer {
            layer_id: "all".to_owned(),
            salt: "all-1".to_owned(),
        }],
        experiments: vec![Experiment {
            experiment_id: "cheaper".to_owned(),
            layer_id: "all".to_owned(),
            salt: "cheaper-1".to_owned(),
            slice_start: 0,
            slice_end: 10_000,
            arms: vec![arm("control"), challenger],
            coverage_ppm: 1_000_000,
            targeting: "region == \"north\"".to_owned(),
            status: ExperimentStatus::Running.into(),
            ..Experiment::default()
        }],
        holdout_salt: "holdout-1".to_owned(),
        holdout_ppm: 0,
    }
}

pub(crate) fn unhashed() -> Release {
    let (cost_model, guardrails) = held();
    Release {
        revision: 1,
        tenant: "acme".to_owned(),
        catalogue: Some(Catalogue {
            products: vec![loan("CL-1"), fund("F-1", 2), deposit("D-1")],
        }),
        strategies: vec![strategy(1, true), strategy(2, false)],
        cost_models: vec![cost_model],
        guardrails: vec![guardrails],
        default_strategies: [(ProductKind::CashLoan.into(), "cash-loan".to_owned())].into(),
        rule_packs: vec![RulePack {
            rule_pack_id: "cn-2025".to_owned(),
            jurisdiction: "CN".to_owned(),
            valid_to_ms: 10,
            max_all_in_ppm: Some(240_000),
            source: "a gazette".to_owned(),
            ..RulePack::default()
        }],
        experiments: Some(plan()),
        models: vec![model("1", true), model("2", false)],
        parameters: [("slate.category_cap".to_owned(), "4".to_owned())].into(),
        segmentations: vec![Segmentation {
            segmentation_id: "value".to_owned(),
            segments: vec![Segment {
                segment_id: "active".to_owned(),
                expression: "clicks_7d > 10.0".to_owned(),
            }],
            otherwise: "standard".to_owned(),
            allow_price: false,
        }],
        campaigns: vec![Campaign {
            campaign_id: "spring".to_owned(),
            product_ids: vec!["F-1".to_owned()],
            ..Campaign::default()
        }],
        risk_models: vec![risk_model()],
        ..Release::default()
    }
}

pub(super) fn hashed(mut release: Release) -> Release {
    release.content_hash = content_hash(&release);
    release
}
