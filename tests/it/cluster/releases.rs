//! The control plane's view of each instance: a release that a service refuses is listed with the
//! reason, while the one before is served.

use std::path::Path;

use fairlead_chassis::link::Link;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{
    Instance, ListInstancesRequest, ModelRef, PublishRequest, PutModelRequest, RollBackRequest,
};
use fairlead_tests::cluster::PATIENCE;

use super::{ClusterFixture, with};

const TENANT: &str = "demo";

async fn instances(control: &Link) -> Vec<Instance> {
    let request = ListInstancesRequest {
        tenant: TENANT.into(),
    };
    let mut client = ReleaseServiceClient::new(control.clone());
    client
        .list_instances(request)
        .await
        .expect("instances")
        .into_inner()
        .instances
}

/// Waits until `holds` is true of the live instances.
async fn until(control: &Link, what: &str, mut holds: impl FnMut(&[Instance]) -> bool) {
    let waiting = async {
        loop {
            let mut living = instances(control).await;
            living.retain(|one| !one.gone);
            if holds(&living) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}: {:#?}", instances(control).await);
}

/// Returns a draft of a copy of a model whose program cannot be read.
fn spoilt(model: &ModelRef, folder: &Path) -> ModelRef {
    std::fs::create_dir_all(folder).unwrap();
    for file in std::fs::read_dir(&model.path).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    std::fs::write(folder.join("model.pt"), b"not a program").unwrap();
    let manifest = folder.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let text = text.replacen(&format!("\"{}\"", model.version), "\"spoilt\"", 1);
    std::fs::write(&manifest, text).unwrap();
    ModelRef {
        version: "spoilt".into(),
        path: folder.display().to_string(),
        content_hash: fairlead_release_follow::model_folder_hash(folder).unwrap(),
        ..model.clone()
    }
}

/// Returns the revision that every live instance uses, or `None` if they differ.
fn agreed(living: &[Instance]) -> Option<i64> {
    let first = living.first()?.revision;
    living
        .iter()
        .all(|one| one.revision == first)
        .then_some(first)
}

async fn publish_spoilt(fixture: &ClusterFixture, control: &Link) -> i64 {
    let live = fixture.reference.server.releases.first().await;
    let ranker = live.model("ranker", "").expect("a ranker");
    let model = spoilt(ranker, &fixture.cluster.folder().join("spoilt"));
    let request = PutModelRequest {
        tenant: TENANT.into(),
        model: Some(model),
    };
    DraftServiceClient::new(control.clone())
        .put_model(request)
        .await
        .expect("put");
    let request = PublishRequest {
        tenant: TENANT.into(),
        comment: "a model that does not read".into(),
        ..PublishRequest::default()
    };
    let published = ReleaseServiceClient::new(control.clone())
        .publish(request)
        .await;
    published.expect("published").into_inner().revision
}

#[test]
fn a_refused_model_is_named_with_its_reason_and_the_one_before_is_served() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let control = fixture.cluster.control().unwrap();
        let mut before = 0;
        until(&control, "all agree", |living| {
            before = agreed(living).unwrap_or_default();
            before > 0 && living.len() >= 6
        })
        .await;

        let refused = publish_spoilt(fixture, &control).await;
        assert_eq!(refused, before + 1);
        until(&control, "both rankers refuse it", |living| {
            let rankers = living.iter().filter(|one| one.service == "ranking");
            let named = rankers
                .filter(|one| one.refused_revision == refused && one.reason.contains("spoilt"));
            named.count() == 2
        })
        .await;
        // Nothing is degraded: the ranker of the previous release answers.
        fixture.until_undegraded().await;

        let request = RollBackRequest {
            tenant: TENANT.into(),
            comment: "the model that reads".into(),
            to_revision: before,
            ..RollBackRequest::default()
        };
        let back = ReleaseServiceClient::new(control.clone())
            .roll_back(request)
            .await;
        let back = back.expect("rolled back").into_inner().revision;
        until(&control, "all use it again", |living| {
            living
                .iter()
                .all(|one| one.revision == back && one.refused_revision == 0)
        })
        .await;
        fixture.until_undegraded().await;
    });
}
