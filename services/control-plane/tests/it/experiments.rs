//! Experiments that set prices, and what a running one holds fast: refused when put and when
//! published.

use std::collections::BTreeMap;

use fairlead_price_engine::defaults;
use fairlead_proto::control::v1::{
    Arm, Experiment, ExperimentPlan, ExperimentStatus, Layer, PutExperimentsRequest,
    PutSettingsRequest, PutStrategyRequest, Release, RollBackRequest, Strategy,
};
use tonic::{Code, Status};

use crate::plane::{Home, Plane, TENANT, deposit, findings, on_both, publish};

fn arm(id: &str, weight_ppm: i64, version: Option<i64>) -> Arm {
    let versions = version.map(|version| ("cash-loan".to_owned(), version));
    Arm {
        arm_id: id.to_owned(),
        weight_ppm,
        strategy_versions: versions.into_iter().collect::<BTreeMap<_, _>>(),
        ..Arm::default()
    }
}

/// A running test of a second version of the cash loan's strategy.
fn price_test(targeting: &str) -> ExperimentPlan {
    let experiment = Experiment {
        experiment_id: "rates".to_owned(),
        layer_id: "prices".to_owned(),
        salt: "rates-1".to_owned(),
        slice_end: 10_000,
        arms: vec![
            arm("control", 500_000, None),
            arm("second", 500_000, Some(2)),
        ],
        coverage_ppm: 500_000,
        targeting: targeting.to_owned(),
        status: ExperimentStatus::Running.into(),
        ..Experiment::default()
    };
    ExperimentPlan {
        layers: vec![Layer {
            layer_id: "prices".to_owned(),
            salt: "prices-1".to_owned(),
        }],
        experiments: vec![experiment],
        ..ExperimentPlan::default()
    }
}

async fn put_plan(plane: &Plane, plan: ExperimentPlan) -> Result<(), Status> {
    let request = PutExperimentsRequest {
        tenant: TENANT.to_owned(),
        plan: Some(plan),
    };
    plane.drafts().put_experiments(request).await.map(drop)
}

/// A plane whose draft has a product and three versions of the cash loan's strategy.
async fn with_versions(home: &Home) -> Plane {
    let plane = Plane::start(home);
    let settings = PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(Release {
            default_strategies: BTreeMap::new(),
            ..defaults::settings().expect("the defaults read")
        }),
        clear: Vec::new(),
    };
    plane.drafts().put_settings(settings).await.expect("put");
    let strategies = defaults::strategies().expect("the defaults read");
    let mut cash = strategies.into_iter();
    let cash = cash.find(|one| one.strategy_id == "cash-loan");
    for champion in [true, false, false] {
        let request = PutStrategyRequest {
            tenant: TENANT.to_owned(),
            strategy: cash.clone().map(|cash| Strategy { champion, ..cash }),
        };
        plane.drafts().put_strategy(request).await.expect("passes");
    }
    plane.put(vec![deposit("D-1")]).await;
    plane
}

async fn a_price_follows_no_feature_that_prices_may_not_read(home: Home) {
    let plane = with_versions(&home).await;
    for name in ["gender == \"f\"", "clicks_7d > 3.0", "known"] {
        let refused = put_plan(&plane, price_test(name)).await.expect_err(name);
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        let found = findings(&refused);
        let named = name.split(' ').next().expect("a name");
        assert!(
            found.iter().any(|one| one.contains(named)),
            "{name}: {found:#?}"
        );
    }
    put_plan(&plane, price_test("region == \"north\""))
        .await
        .expect("a feature of prices");
    assert_eq!(plane.publish().await.revision, 1);
}

type Change = fn(&mut ExperimentPlan);

/// Changes that are refused while the experiment runs, each with its name in the finding.
const CHANGES: [(Change, &str); 7] = [
    (
        |plan| plan.experiments[0].salt = "rates-2".to_owned(),
        "salt",
    ),
    (
        |plan| plan.layers[0].salt = "other".to_owned(),
        "layer salt",
    ),
    (
        |plan| plan.experiments[0].coverage_ppm = 400_000,
        "coverage",
    ),
    (|plan| plan.experiments[0].slice_end = 9_000, "slice"),
    (
        |plan| {
            plan.experiments[0].arms[0].weight_ppm = 400_000;
            plan.experiments[0].arms[1].weight_ppm = 600_000;
        },
        "arms",
    ),
    (
        |plan| plan.experiments[0].arms[1] = arm("second", 500_000, Some(3)),
        "what arms set",
    ),
    (
        |plan| plan.experiments[0].targeting = "region == \"north\"".to_owned(),
        "targeting",
    ),
];

async fn a_running_experiment_keeps_its_customers_and_its_arms(home: Home) {
    let plane = with_versions(&home).await;
    put_plan(&plane, price_test("")).await.expect("put");
    plane.publish().await;
    for (change, what) in CHANGES {
        let mut plan = price_test("");
        change(&mut plan);
        put_plan(&plane, plan)
            .await
            .expect("a draft may be anything");
        let refused = plane.releases().publish(publish()).await.expect_err(what);
        assert_eq!(refused.code(), Code::FailedPrecondition, "{what}");
        let thing = format!("running experiment \"rates\": {what} is");
        let found = findings(&refused);
        assert!(
            found.iter().any(|one| one.starts_with(&thing)),
            "{what}: {found:#?}"
        );
    }
    // A wider ramp only adds customers; and what is stopped may be anything after.
    let mut wider = price_test("");
    wider.experiments[0].coverage_ppm = 1_000_000;
    put_plan(&plane, wider.clone()).await.expect("put");
    assert_eq!(plane.publish().await.revision, 2);
    wider.experiments[0].set_status(ExperimentStatus::Stopped);
    put_plan(&plane, wider).await.expect("put");
    assert_eq!(plane.publish().await.revision, 3);
    let mut anew = price_test("");
    anew.experiments[0].salt = "rates-2".to_owned();
    put_plan(&plane, anew).await.expect("put");
    assert_eq!(plane.publish().await.revision, 4);
    // To go back is one action, also for running experiments.
    let back = RollBackRequest {
        tenant: TENANT.to_owned(),
        to_revision: 1,
        comment: "the new salt was a mistake".to_owned(),
        expected_revision: 4,
    };
    plane.releases().roll_back(back).await.expect("back");
}

on_both!(
    a_price_follows_no_feature_that_prices_may_not_read,
    a_running_experiment_keeps_its_customers_and_its_arms,
);
