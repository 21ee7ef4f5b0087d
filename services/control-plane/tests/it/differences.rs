//! The changes of a publication: shown before it by the check of the draft, kept after it by the audit
//! log.

use fairlead_price_engine::defaults;
use fairlead_proto::control::v1::{
    Arm, Change, CheckDraftRequest, Difference, Experiment, ExperimentPlan, ExperimentStatus,
    Layer, PublishRequest, PutExperimentsRequest, PutProductsRequest, PutSettingsRequest, Release,
    RollBackRequest,
};
use serde_json::Value;

use crate::plane::{Home, Plane, TENANT, deposit, on_both, publish, put};

/// Returns a difference in lines: section, object, part, before and after.
fn lines(difference: &Difference) -> Vec<String> {
    let line = |one: &Change| {
        let Change {
            section,
            object,
            part,
            before,
            after,
            ..
        } = one;
        format!("{section} | {object} | {part} | {before} | {after}")
    };
    difference.changes.iter().map(line).collect()
}

/// Returns what publishing the draft would change.
async fn shown(plane: &Plane) -> Difference {
    let request = CheckDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let checked = plane.drafts().check_draft(request).await.expect("checked");
    checked.into_inner().difference.expect("a difference")
}

/// Returns what the newest row of the audit log says that it changed.
async fn kept(plane: &Plane) -> Difference {
    let rows = plane.audit_rows().await;
    let detail: Value = serde_json::from_str(&rows[0].detail).expect("details");
    serde_json::from_value(detail["difference"].clone()).expect("a difference")
}

async fn put_settings(plane: &Plane, settings: Release) {
    let request = PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(settings),
        clear: Vec::new(),
    };
    plane.drafts().put_settings(request).await.expect("put");
}

async fn put_overrides(plane: &Plane, overrides: &[(&str, &str)]) {
    let arm = |id: &str| Arm {
        arm_id: id.to_owned(),
        weight_ppm: 500_000,
        ..Arm::default()
    };
    let overrides = overrides.iter();
    let experiment = Experiment {
        experiment_id: "order".to_owned(),
        layer_id: "slate".to_owned(),
        salt: "order-1".to_owned(),
        slice_end: 10_000,
        arms: vec![arm("a"), arm("b")],
        coverage_ppm: 1_000,
        overrides: overrides
            .map(|(customer, arm)| ((*customer).to_owned(), (*arm).to_owned()))
            .collect(),
        status: ExperimentStatus::Running.into(),
        ..Experiment::default()
    };
    let plan = ExperimentPlan {
        layers: vec![Layer {
            layer_id: "slate".to_owned(),
            salt: "slate-1".to_owned(),
        }],
        experiments: vec![experiment],
        ..ExperimentPlan::default()
    };
    let request = PutExperimentsRequest {
        tenant: TENANT.to_owned(),
        plan: Some(plan),
    };
    plane.drafts().put_experiments(request).await.expect("put");
}

async fn what_is_shown_is_what_is_kept(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    put_settings(
        &plane,
        Release {
            default_strategies: [].into(),
            ..defaults::settings().expect("the defaults read")
        },
    )
    .await;
    put_overrides(&plane, &[("c-1", "a"), ("c-2", "a")]).await;
    plane.publish().await;
    assert!(lines(&shown(&plane).await).is_empty());

    let mut cost_models = defaults::settings().expect("reads").cost_models;
    cost_models[0].lgd_ppm = 450_000;
    let settings = Release {
        cost_models,
        ..Release::default()
    };
    put_settings(&plane, settings).await;
    put_overrides(&plane, &[("c-1", "b"), ("c-3", "b")]).await;
    let before = shown(&plane).await;
    let expected = [
        "cost models | consumer-finance | lgdPpm | 600000 | 450000",
        "overrides | order, customer c-1 |  | a | b",
        "overrides | order, customer c-2 |  | a | ",
        "overrides | order, customer c-3 |  |  | b",
    ];
    assert_eq!(lines(&before), expected);
    plane.publish().await;
    assert_eq!(kept(&plane).await, before);

    let back = RollBackRequest {
        tenant: TENANT.to_owned(),
        to_revision: 1,
        ..RollBackRequest::default()
    };
    plane.releases().roll_back(back).await.expect("rolled back");
    let said = lines(&kept(&plane).await);
    let expected = "cost models | consumer-finance | lgdPpm | 450000 | 600000";
    assert_eq!((said.len(), &*said[0]), (4, expected));
    assert!(plane.verify().await.intact);
}

/// Ten thousand new products are some lines and a number; what holds prices is there beside them.
async fn a_large_change_stays_short(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D")]).await;
    plane.publish().await;
    let products = (0..10_000).map(|at| deposit(&format!("D-{at}")));
    let request = PutProductsRequest {
        replace_all: true,
        ..put(products.collect())
    };
    plane.drafts().put_products(request).await.expect("put");
    let held = defaults::settings().expect("reads");
    let settings = Release {
        guardrails: held.guardrails,
        risk_models: held.risk_models,
        ..Release::default()
    };
    put_settings(&plane, settings).await;
    let request = PublishRequest {
        allow_removals: 1,
        ..publish()
    };
    plane.releases().publish(request).await.expect("published");
    let said = kept(&plane).await;
    let of = |section: &str| {
        let changes = said.changes.iter();
        changes.filter(|one| one.section == section).count()
    };
    assert_eq!((of("products"), of("guardrails")), (200, 9));
    assert_eq!(said.left_out.len(), 1);
    assert_eq!(said.left_out[0].changes, 9_801);
    let row = &plane.audit_rows().await[0].detail;
    assert!(row.len() < 100_000, "{}", row.len());
}

on_both!(what_is_shown_is_what_is_kept, a_large_change_stays_short);
