//! Drafts: all or nothing, and each section on its own.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{
    Arm, Campaign, Experiment, ExperimentPlan, ExperimentStatus, GetDraftRequest, Layer,
    PutExperimentsRequest, PutProductsRequest, PutSettingsRequest, Release, Segment, Segmentation,
};
use tonic::Code;

use crate::plane::{Home, Plane, TENANT, deposit, findings, on_both, put};

async fn draft(plane: &Plane) -> Release {
    let request = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    plane
        .drafts()
        .get_draft(request)
        .await
        .expect("a draft")
        .into_inner()
        .draft
        .expect("a draft")
}

async fn products(plane: &Plane) -> Vec<(String, bool)> {
    let products = draft(plane).await.catalogue.expect("a catalogue").products;
    products
        .into_iter()
        .map(|product| (product.product_id, product.active))
        .collect()
}

fn active(ids: &[&str]) -> Vec<(String, bool)> {
    ids.iter().map(|id| ((*id).to_owned(), true)).collect()
}

async fn repeated_ids_are_named_and_nothing_is_put(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    let rows = plane.audit_rows().await.len();
    let repeated = ["D-2", "D-3", "D-2", "D-3", "D-4"].map(deposit).into();
    let refused = plane
        .drafts()
        .put_products(put(repeated))
        .await
        .expect_err("repeated");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains("`D-2`") && found[1].contains("`D-3`"),
        "{found:#?}"
    );
    assert_eq!(products(&plane).await, active(&["D-1"]));
    assert_eq!(plane.audit_rows().await.len(), rows);
}

async fn one_bad_product_refuses_the_whole_list(home: Home) {
    let plane = Plane::start(&home);
    let bad = Product {
        currency: "yuan".to_owned(),
        ..deposit("D-2")
    };
    let request = put(vec![deposit("D-1"), bad]);
    let refused = plane
        .drafts()
        .put_products(request)
        .await
        .expect_err("a currency");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    assert!(
        found.iter().all(|one| one.contains("\"D-2\"")),
        "{found:#?}"
    );
    assert_eq!(products(&plane).await, []);
}

async fn replacing_all_withdraws_the_rest(home: Home) {
    let plane = Plane::start(&home);
    plane.put(["D-1", "D-2"].map(deposit).into()).await;
    let renamed = Product {
        name: "Renamed".to_owned(),
        ..deposit("D-2")
    };
    let request = PutProductsRequest {
        replace_all: true,
        ..put(vec![renamed, deposit("D-3")])
    };
    let done = plane
        .drafts()
        .put_products(request)
        .await
        .expect("put")
        .into_inner();
    // D-2 was renamed, D-1 withdrawn.
    assert_eq!((done.added, done.changed), (1, 2));
    let expected = [("D-1", false), ("D-2", true), ("D-3", true)];
    assert_eq!(
        products(&plane).await,
        expected.map(|(id, active)| (id.to_owned(), active))
    );
}

fn settings(settings: Release, clear: &[&str]) -> PutSettingsRequest {
    PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(settings),
        clear: clear.iter().map(|&name| name.to_owned()).collect(),
    }
}

async fn sections_are_replaced_one_by_one_and_cleared_by_name(home: Home) {
    let plane = Plane::start(&home);
    let campaign = Campaign {
        campaign_id: "spring".to_owned(),
        ..Campaign::default()
    };
    let first = Release {
        campaigns: vec![campaign.clone()],
        parameters: [("slate.order".to_owned(), "conversion".to_owned())].into(),
        ..Release::default()
    };
    plane
        .drafts()
        .put_settings(settings(first.clone(), &[]))
        .await
        .expect("put");
    let second = Release {
        parameters: [("slate.category_cap".to_owned(), "2".to_owned())].into(),
        ..Release::default()
    };
    plane
        .drafts()
        .put_settings(settings(second.clone(), &[]))
        .await
        .expect("put");
    let held = draft(&plane).await;
    assert_eq!(
        (held.campaigns, held.parameters),
        (vec![campaign], second.parameters.clone())
    );
    plane
        .drafts()
        .put_settings(settings(Release::default(), &["campaigns"]))
        .await
        .expect("put");
    let held = draft(&plane).await;
    assert_eq!(
        (held.campaigns, held.parameters),
        (vec![], second.parameters)
    );
}

async fn settings_are_checked_when_they_are_put(home: Home) {
    let plane = Plane::start(&home);
    let bad = Release {
        parameters: [("slate.ordr", "conversion"), ("slate.exploration", "2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        // Prices must not read the device that a customer uses.
        segmentations: vec![Segmentation {
            segmentation_id: "phones".to_owned(),
            segments: vec![Segment {
                segment_id: "dear".to_owned(),
                expression: "device == \"ios\"".to_owned(),
            }],
            allow_price: true,
            otherwise: "standard".to_owned(),
        }],
        ..Release::default()
    };
    let refused = plane
        .drafts()
        .put_settings(settings(bad, &[]))
        .await
        .expect_err("three");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found.iter().any(|one| one.contains("for purpose price")),
        "{found:#?}"
    );
    assert_eq!(draft(&plane).await.parameters, [].into());
}

fn plan(targeting: &str) -> PutExperimentsRequest {
    let arm = |id: &str, order: &str| Arm {
        arm_id: id.to_owned(),
        weight_ppm: 500_000,
        parameters: [("slate.order".to_owned(), order.to_owned())].into(),
        ..Arm::default()
    };
    let experiment = Experiment {
        experiment_id: "order".to_owned(),
        layer_id: "slate".to_owned(),
        salt: "order-1".to_owned(),
        slice_end: 10_000,
        arms: vec![
            arm("value", "expected_value"),
            arm("conversion", "conversion"),
        ],
        coverage_ppm: 1_000_000,
        targeting: targeting.to_owned(),
        status: ExperimentStatus::Running.into(),
        ..Experiment::default()
    };
    PutExperimentsRequest {
        tenant: TENANT.to_owned(),
        plan: Some(ExperimentPlan {
            layers: vec![Layer {
                layer_id: "slate".to_owned(),
                salt: "slate-1".to_owned(),
            }],
            experiments: vec![experiment],
            ..ExperimentPlan::default()
        }),
    }
}

async fn a_plan_is_compiled_before_it_is_kept(home: Home) {
    let plane = Plane::start(&home);
    let refused = plane
        .drafts()
        .put_experiments(plan("region =="))
        .await
        .expect_err("no cel");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    assert!(
        found.iter().any(|one| one.contains("region ==")),
        "{found:#?}"
    );
    assert_eq!(draft(&plane).await.experiments, None);
    let good = plan("region == \"north\"");
    plane
        .drafts()
        .put_experiments(good.clone())
        .await
        .expect("a plan");
    assert_eq!(draft(&plane).await.experiments, good.plan);
    plane.put(vec![deposit("D-1")]).await;
    assert_eq!(plane.publish().await.revision, 1);
}

on_both!(
    repeated_ids_are_named_and_nothing_is_put,
    one_bad_product_refuses_the_whole_list,
    replacing_all_withdraws_the_rest,
    sections_are_replaced_one_by_one_and_cleared_by_name,
    settings_are_checked_when_they_are_put,
    a_plan_is_compiled_before_it_is_kept,
);
