//! A control database from before cost models and guardrails were sections of a draft.

use fairlead_proto::catalogue::v1::Catalogue;
use fairlead_proto::control::v1::{
    CheckDraftRequest, GetDraftRequest, PutSettingsRequest, PutStrategyRequest, Release,
    RollBackRequest, Strategy,
};
use fairlead_release::{Live, content_hash};
use fairlead_testkit::old_form;
use prost::Message as _;
use sqlx::{AnyConnection, Connection as _};
use tonic::Code;

use crate::plane::{Home, Plane, TENANT, findings, on_both};

fn stored() -> Release {
    Release::decode(old_form::RELEASE).expect("a release")
}

fn settings(settings: Release) -> PutSettingsRequest {
    PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(settings),
        clear: Vec::new(),
    }
}

/// Returns a plane whose draft and first release are as the version before wrote them.
async fn of_the_version_before(home: &Home) -> Plane {
    let plane = Plane::start(home);
    let old = stored();
    let Catalogue { products } = old.catalogue.clone().unwrap_or_default();
    plane.put(products).await;
    let sections = Release {
        rule_packs: old.rule_packs.clone(),
        risk_models: old.risk_models.clone(),
        segmentations: old.segmentations.clone(),
        default_strategies: old.default_strategies.clone(),
        ..Release::default()
    };
    let put = plane.drafts().put_settings(settings(sections)).await;
    put.expect("put");
    let mut connection = AnyConnection::connect(&home.database)
        .await
        .expect("the database");
    for strategy in &old.strategies {
        let insert = sqlx::query(
            "INSERT INTO draft_strategies (tenant, strategy_id, version, body) \
             VALUES ($1, $2, $3, $4)",
        );
        let insert = insert
            .bind(TENANT)
            .bind(&strategy.strategy_id)
            .bind(strategy.version)
            .bind(strategy.encode_to_vec());
        insert.execute(&mut connection).await.expect("inserted");
    }
    let insert = sqlx::query(
        "INSERT INTO releases \
         (tenant, revision, content_hash, published_at_ms, published_by, comment, body) \
         VALUES ($1, 1, $2, 1, 'ada', '', $3)",
    );
    let insert = insert
        .bind(TENANT)
        .bind(&old.content_hash)
        .bind(old_form::RELEASE.to_vec());
    insert.execute(&mut connection).await.expect("inserted");
    sqlx::query("UPDATE tenants SET revision = 1")
        .execute(&mut connection)
        .await
        .expect("updated");
    connection.close().await.expect("closed");
    plane
}

async fn draft(plane: &Plane) -> Release {
    let request = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let answer = plane.drafts().get_draft(request).await.expect("a draft");
    answer.into_inner().draft.expect("a draft")
}

async fn errors(plane: &Plane) -> Vec<String> {
    let request = CheckDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let checked = plane.drafts().check_draft(request).await.expect("checked");
    let findings = checked.into_inner().findings.into_iter();
    let errors = findings.filter(|one| one.severity == "error");
    errors.map(|one| one.message).collect()
}

async fn a_draft_of_the_version_before_is_read_and_published(home: Home) {
    let plane = of_the_version_before(&home).await;
    let held = draft(&plane).await;
    assert!(held.strategies.iter().all(|one| one.cost.is_none()));
    // Five strategies had a cost; each of the nine had guardrails, those of both versions the same.
    assert_eq!((held.cost_models.len(), held.guardrails.len()), (5, 9));
    assert_eq!(errors(&plane).await, Vec::<String>::new());
    assert_eq!(plane.publish().await.revision, 2);
    let published = plane.release(0).await.expect("in force");
    assert_eq!(published.guardrails, held.guardrails);

    // What is put replaces the section, and nothing of what strategies were stored with comes back.
    let mut guardrails = held.guardrails;
    guardrails.retain(|one| one.guardrails_id != "deposit");
    let request = settings(Release {
        guardrails: guardrails.clone(),
        ..Release::default()
    });
    plane.drafts().put_settings(request).await.expect("put");
    assert_eq!(draft(&plane).await.guardrails, guardrails);
    let found = errors(&plane).await;
    let expected = "strategy \"deposit@1\": guardrails";
    assert!(found.iter().any(|one| one.contains(expected)), "{found:#?}");
}

async fn a_release_of_the_version_before_comes_back(home: Home) {
    let plane = of_the_version_before(&home).await;
    let first = plane.release(1).await.expect("1");
    assert_eq!(first, stored(), "immutable");
    assert_eq!(first.content_hash, content_hash(&first));
    plane.publish().await;
    let back = RollBackRequest {
        tenant: TENANT.to_owned(),
        to_revision: 1,
        ..RollBackRequest::default()
    };
    plane.releases().roll_back(back).await.expect("rolled back");
    let third = plane.release(0).await.expect("in force");
    assert_eq!((third.revision, third.guardrails.len()), (3, 9));
    assert!(third.strategies.iter().all(|one| one.cost.is_none()));
    Live::check(third).expect("a service would take it");
}

/// Nobody puts a strategy with what holds it, so that its owner cannot move it.
async fn a_strategy_in_the_old_form_is_refused(home: Home) {
    let plane = of_the_version_before(&home).await;
    let old = stored().strategies.swap_remove(0);
    let request = |strategy| PutStrategyRequest {
        tenant: TENANT.to_owned(),
        strategy: Some(strategy),
    };
    let refused = plane.drafts().put_strategy(request(old)).await;
    let refused = refused.expect_err("old");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    for part in [
        "cost `present` is not allowed: absent: it belongs to the section cost_models",
        "limit `present` is not allowed: absent: it belongs to the section guardrails",
    ] {
        assert!(found.iter().any(|one| one.contains(part)), "{found:#?}");
    }
    // A later version needs none of it: what holds the strategy holds it too.
    let drafted = draft(&plane).await.strategies.swap_remove(0);
    let id = drafted.strategy_id.clone();
    let next = Strategy {
        champion: true,
        ..drafted
    };
    let put = plane.drafts().put_strategy(request(next)).await;
    assert!(put.expect("passes").into_inner().version >= 2, "{id}");
    assert_eq!(errors(&plane).await, Vec::<String>::new());
}

on_both!(
    a_draft_of_the_version_before_is_read_and_published,
    a_release_of_the_version_before_comes_back,
    a_strategy_in_the_old_form_is_refused,
);
