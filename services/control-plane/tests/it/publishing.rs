//! Publishing, reading and rolling back, also after a restart.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{
    Campaign, CheckDraftRequest, Finding, GetDraftRequest, ListReleasesRequest, PublishRequest,
    PutProductsRequest, PutSettingsRequest, Release, RollBackRequest,
};
use fairlead_release::Live;
use tonic::Code;

use crate::plane::{Home, Plane, TENANT, deposit, findings, on_both, publish, put};

fn campaign(product: &str) -> PutSettingsRequest {
    PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(Release {
            campaigns: vec![Campaign {
                campaign_id: "spring".to_owned(),
                product_ids: vec![product.to_owned()],
                ..Campaign::default()
            }],
            ..Release::default()
        }),
        clear: Vec::new(),
    }
}

async fn check(plane: &Plane) -> Vec<Finding> {
    let request = CheckDraftRequest {
        tenant: TENANT.to_owned(),
    };
    plane
        .drafts()
        .check_draft(request)
        .await
        .expect("checked")
        .into_inner()
        .findings
}

async fn history(plane: &Plane) -> Vec<i64> {
    let request = ListReleasesRequest {
        tenant: TENANT.to_owned(),
        limit: 0,
    };
    let listed = plane
        .releases()
        .list_releases(request)
        .await
        .expect("listed")
        .into_inner();
    listed.releases.iter().map(|one| one.revision).collect()
}

async fn a_draft_is_published_and_an_earlier_release_comes_back(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    let first = plane.publish().await;
    assert_eq!(first.revision, 1);
    plane.put(vec![deposit("D-2")]).await;
    assert_eq!(plane.publish().await.revision, 2);

    let back = RollBackRequest {
        tenant: TENANT.to_owned(),
        to_revision: 1,
        comment: "D-2 was wrong".to_owned(),
        expected_revision: 2,
    };
    let third = plane
        .releases()
        .roll_back(back)
        .await
        .expect("rolled back")
        .into_inner();
    assert_eq!(third.revision, 3);
    assert_ne!(
        third.content_hash, first.content_hash,
        "the hash covers the number"
    );

    let (one, two) = (
        plane.release(1).await.expect("1"),
        plane.release(2).await.expect("2"),
    );
    let in_force = plane.release(0).await.expect("in force");
    assert_eq!(in_force.catalogue, one.catalogue);
    assert_ne!(in_force.catalogue, two.catalogue);
    assert_eq!(
        (in_force.revision, &*in_force.published_by),
        (3, "tools:local")
    );
    for release in [one, two, in_force] {
        let live = Live::check(release).expect("a service would take it");
        assert!(!live.catalogue.is_empty());
    }
    assert_eq!(history(&plane).await, [3, 2, 1]);
}

async fn what_is_not_there_is_said_so(home: Home) {
    let plane = Plane::start(&home);
    let nothing = plane.release(0).await.expect_err("nothing yet");
    assert_eq!(nothing.code(), Code::NotFound);
    assert!(
        nothing.message().contains("nothing was published yet"),
        "{nothing}"
    );
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let nothing = plane.release(9).await.expect_err("no 9");
    assert_eq!(nothing.code(), Code::NotFound);
    assert!(
        nothing.message().contains("`9`") && nothing.message().contains("1 to 1"),
        "{nothing}"
    );
}

async fn a_restart_keeps_everything(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    plane.put(vec![deposit("D-2")]).await;
    let draft = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let drafted = plane
        .drafts()
        .get_draft(draft.clone())
        .await
        .expect("a draft")
        .into_inner();
    let (released, rows) = (plane.release(0).await.expect("1"), plane.audit_rows().await);
    plane.stop().await.expect("drained");

    let plane = Plane::start(&home);
    assert_eq!(plane.release(0).await.expect("1"), released);
    assert_eq!(
        plane
            .drafts()
            .get_draft(draft)
            .await
            .expect("a draft")
            .into_inner(),
        drafted
    );
    assert_eq!(plane.audit_rows().await, rows);
    assert!(plane.verify().await.intact);
    assert_eq!(plane.publish().await.revision, 2);
}

async fn a_bad_draft_is_refused_with_every_finding_and_changes_nothing(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1"), deposit("D-2")]).await;
    plane.publish().await;
    let mut unpriced = deposit("D-2");
    unpriced.strategy_id = "gone".to_owned();
    plane.put(vec![unpriced]).await;
    plane
        .drafts()
        .put_settings(campaign("D-9"))
        .await
        .expect("put");
    let (before, rows) = (plane.release(0).await.expect("1"), plane.audit_rows().await);

    let refused = plane
        .releases()
        .publish(publish())
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let mut found = findings(&refused);
    for (thing, value) in [
        ("product \"D-2\": strategy_id", "gone"),
        ("campaign \"spring\"", "D-9"),
    ] {
        assert!(
            found
                .iter()
                .any(|one| one.contains(thing) && one.contains(value)),
            "{thing}: {found:#?}"
        );
    }
    let messages = check(&plane).await.into_iter().map(|one| one.message);
    let mut checked: Vec<String> = messages.collect();
    checked.sort();
    found.sort();
    assert_eq!(checked, found);

    assert_eq!(plane.release(0).await.expect("1"), before);
    assert_eq!(plane.audit_rows().await, rows);
    // Mended, it passes.
    plane.put(vec![deposit("D-2"), deposit("D-9")]).await;
    let checked = check(&plane).await;
    assert!(
        checked.iter().all(|one| one.severity == "warning"),
        "{checked:#?}"
    );
    assert_eq!(plane.publish().await.revision, 2);
}

async fn a_decision_on_a_revision_that_is_gone_is_aborted(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    plane.publish().await;
    let stale = PublishRequest {
        expected_revision: 1,
        ..publish()
    };
    let refused = plane.releases().publish(stale).await.expect_err("stale");
    assert_eq!(refused.code(), Code::Aborted);
    let fresh = PublishRequest {
        expected_revision: 2,
        ..publish()
    };
    let published = plane
        .releases()
        .publish(fresh)
        .await
        .expect("fresh")
        .into_inner();
    assert_eq!(published.revision, 3);
    assert_eq!(history(&plane).await, [3, 2, 1]);
}

/// A short catalogue does not replace a long one unnoticed.
async fn a_release_that_takes_much_away_must_be_told_so(home: Home) {
    let plane = Plane::start(&home);
    let all: Vec<Product> = (1..=30).map(|id| deposit(&format!("D-{id:02}"))).collect();
    plane.put(all.clone()).await;
    plane.publish().await;
    let short = PutProductsRequest {
        replace_all: true,
        ..put(all[..2].to_vec())
    };
    plane.drafts().put_products(short).await.expect("put");
    let removing = |allow_removals| PublishRequest {
        allow_removals,
        ..publish()
    };
    for allowed in [0, 27, -1] {
        let refused = plane.releases().publish(removing(allowed)).await;
        let refused = refused.expect_err("too much");
        assert_eq!(refused.code(), Code::InvalidArgument);
        for said in [
            "allow_removals",
            "at least 28",
            "30 products",
            "20 %",
            "D-03",
            ", ...",
        ] {
            assert!(refused.message().contains(said), "{said}: {refused:?}");
        }
    }
    assert_eq!(history(&plane).await, [1]);
    plane
        .releases()
        .publish(removing(28))
        .await
        .expect("told so");
    // A fifth needs no word, and neither does going back.
    plane.put(all[..5].to_vec()).await;
    plane.publish().await;
    let four = PutProductsRequest {
        replace_all: true,
        ..put(all[..4].to_vec())
    };
    plane.drafts().put_products(four).await.expect("put");
    assert_eq!(plane.publish().await.revision, 4);
}

async fn tenants_do_not_see_each_other(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let other = GetDraftRequest {
        tenant: "other".to_owned(),
    };
    let draft = plane
        .drafts()
        .get_draft(other)
        .await
        .expect("empty")
        .into_inner()
        .draft;
    assert_eq!(
        draft
            .and_then(|draft| draft.catalogue)
            .expect("a catalogue")
            .products,
        []
    );
    let publish = PublishRequest {
        tenant: "other".to_owned(),
        ..publish()
    };
    let first = plane
        .releases()
        .publish(publish)
        .await
        .expect("published")
        .into_inner();
    assert_eq!(first.revision, 1);
}

on_both!(
    a_release_that_takes_much_away_must_be_told_so,
    a_draft_is_published_and_an_earlier_release_comes_back,
    what_is_not_there_is_said_so,
    a_restart_keeps_everything,
    a_bad_draft_is_refused_with_every_finding_and_changes_nothing,
    a_decision_on_a_revision_that_is_gone_is_aborted,
    tenants_do_not_see_each_other,
);
