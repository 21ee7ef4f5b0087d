//! The reports of the instances that follow the releases.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::{LocalCallers, tools};
use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_control_plane::{Deps, Service};
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{Instance, ListInstancesRequest, PutModelRequest, ReportRequest};
use fairlead_release::Live;
use fairlead_release_follow::{Derived, FollowOptions, Follower, Reporter, model_folder_hash};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::models::model;
use crate::plane::{Home, PATIENCE, Plane, TENANT, deposit, on_both, service_token};

const NOW_MS: i64 = 1_763_893_050_000;

fn report(instance: &str) -> ReportRequest {
    ReportRequest {
        tenant: TENANT.to_owned(),
        service: "ranking".to_owned(),
        instance: instance.to_owned(),
        version: "0.1.0".to_owned(),
        revision: 3,
        ..ReportRequest::default()
    }
}

fn list() -> ListInstancesRequest {
    ListInstancesRequest {
        tenant: TENANT.to_owned(),
    }
}

async fn listed(plane: &Plane) -> Vec<Instance> {
    let listed = plane.releases().list_instances(list()).await;
    listed.expect("listed").into_inner().instances
}

/// Asks until an instance is as wanted, and returns it.
async fn until(plane: &Plane, wanted: impl Fn(&Instance) -> bool) -> Instance {
    let asking = async {
        loop {
            if let Some(found) = listed(plane).await.into_iter().find(&wanted) {
                return found;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("in time")
}

async fn the_newest_report_stands_then_the_instance_is_gone_then_forgotten(home: Home) {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let deps = Deps {
        clock: clock.clone(),
        log: None,
        shutdown: CancellationToken::new(),
        local: LocalCallers::default(),
    };
    let service = Service::new(&home.config(), deps).await.expect("opened");
    let releases = ReleaseServiceClient::new(service.in_process(tools()));
    let seen = async |at_ms: i64| {
        clock.set(at_ms);
        let listed = releases.clone().list_instances(list()).await;
        let instances = listed.expect("listed").into_inner().instances;
        let summary = |one: Instance| (one.instance, one.revision, one.gone);
        instances.into_iter().map(summary).collect::<Vec<_>>()
    };
    let mut telling = ReleaseServiceClient::new(service.in_process(tools()));
    telling.report(report("b")).await.expect("told");
    telling.report(report("a")).await.expect("told");
    let newer = ReportRequest {
        revision: 4,
        refused_revision: 5,
        reason: "a\0reason".to_owned(),
        ..report("a")
    };
    telling.report(newer).await.expect("told");
    let both = |gone| vec![("a".to_owned(), 4, gone), ("b".to_owned(), 3, gone)];
    assert_eq!(seen(NOW_MS + 60_000).await, both(false));
    assert_eq!(seen(NOW_MS + 60_001).await, both(true));
    assert_eq!(seen(NOW_MS + 24 * 3_600_000 + 1).await, []);
    service.close().await;
}

async fn a_report_that_says_nothing_is_refused(home: Home) {
    let plane = Plane::start(&home);
    let cases = [
        (
            "tenant",
            ReportRequest {
                tenant: String::new(),
                ..report("a")
            },
        ),
        (
            "service",
            ReportRequest {
                service: String::new(),
                ..report("a")
            },
        ),
        ("instance", report("")),
        (
            "version",
            ReportRequest {
                version: "x".repeat(65),
                ..report("a")
            },
        ),
        (
            "revision",
            ReportRequest {
                revision: -1,
                ..report("a")
            },
        ),
        (
            "refused_revision",
            ReportRequest {
                refused_revision: -1,
                ..report("a")
            },
        ),
    ];
    for (field, bad) in cases {
        let refused = plane.releases().report(bad).await.expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().starts_with(field), "{field}: {refused}");
    }
    assert_eq!(listed(&plane).await, []);
}

/// Follows releases as a service does that loads their models.
fn load(live: &Live) -> Result<(), String> {
    for model in &live.release.models {
        let found = model_folder_hash(&model.path).map_err(|error| error.to_string())?;
        if found != model.content_hash {
            return Err(format!("model {} is not what was published", model.name));
        }
    }
    Ok(())
}

async fn a_model_that_is_refused_is_shown_with_its_reason(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;

    let link = Link::connect(&[format!("http://{}", plane.address())]).expect("an address");
    let link = link
        .with_bearer(&service_token("ranking"))
        .expect("a token");
    let tenant = TenantId::new(TENANT).expect("a tenant");
    let options = FollowOptions {
        first_back_off: Duration::from_millis(5),
        reporter: Some(Reporter {
            service: "ranking".to_owned(),
            instance: "host:7004".to_owned(),
            version: "0.1.0".to_owned(),
        }),
        ..FollowOptions::new(tenant, None)
    };
    let follower = Follower::new(link, options);
    let stop = CancellationToken::new();
    let (_models, loading) =
        Derived::follow("ranker", follower.handle(), |live| load(live), stop.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(loading);
    tasks.spawn(follower.run(stop.clone()));
    let began = until(&plane, |one| one.revision == 1).await;
    assert_eq!(
        (&*began.service, &*began.instance),
        ("ranking", "host:7004")
    );
    assert_eq!((&*began.version, began.refused_revision), ("0.1.0", 0));

    // Registered intact, damaged before it is published.
    let bad = model(home.path(), "2", "two");
    let request = PutModelRequest {
        tenant: TENANT.to_owned(),
        model: Some(bad.clone()),
    };
    plane.drafts().put_model(request).await.expect("registered");
    fs::write(home.path().join("ranker-2/model.pt"), "onf").expect("written");
    plane.publish().await;
    let refused = until(&plane, |one| one.refused_revision == 2).await;
    assert_eq!((refused.revision, refused.gone), (1, false));
    assert_eq!(
        refused.reason,
        "ranker: model ranker is not what was published"
    );

    // Mended, and published again.
    fs::write(home.path().join("ranker-2/model.pt"), "two").expect("written");
    plane.publish().await;
    let mended = until(&plane, |one| one.revision == 3).await;
    assert_eq!((mended.refused_revision, &*mended.reason), (0, ""));
    stop.cancel();
    tasks.join_all().await;
}

on_both!(
    the_newest_report_stands_then_the_instance_is_gone_then_forgotten,
    a_report_that_says_nothing_is_refused,
    a_model_that_is_refused_is_shown_with_its_reason,
);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_one_plane_is_listed_by_the_other() {
    let home = Home::postgres();
    let (one, other) = (Plane::start(&home), Plane::start(&home));
    one.releases().report(report("a")).await.expect("told");
    assert_eq!(listed(&other).await.len(), 1);
}
