//! People: how the first one comes in, who signs in, who may change what about whom.

use std::sync::Arc;

use fairlead_authentication::LocalCallers;
use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::status::info;
use fairlead_control_plane::{Deps, Service};
use fairlead_domain::TenantId;
use fairlead_identity::{Kind, Principal, Tenants};
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;
use fairlead_proto::access::v1::session_service_client::SessionServiceClient;
use fairlead_proto::access::v1::{
    AcceptInvitationRequest, CreatePersonRequest, DisablePersonRequest, InvitePersonRequest,
    ListPeopleRequest, SetRolesRequest,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::plane::{Bearer, Home, PASSWORD, Plane, TENANT, deposit, on_both, publish, put};

/// The instant at which a clock of these tests starts.
pub(crate) const NOW_MS: i64 = 1_763_893_050_000;

pub(crate) fn reason(status: &Status) -> String {
    info(status).map(|(reason, _)| reason).unwrap_or_default()
}

fn roles(name: &str, roles: &[&str]) -> SetRolesRequest {
    SetRolesRequest {
        tenant: TENANT.to_owned(),
        name: name.to_owned(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
    }
}

pub(crate) fn disable(name: &str, enable: bool) -> DisablePersonRequest {
    DisablePersonRequest {
        tenant: TENANT.to_owned(),
        name: name.to_owned(),
        enable,
    }
}

async fn the_audit_names_the_person_and_no_other(home: Home) {
    let plane = Plane::start(&home);
    let token = plane.person("ada", &["owner"]).await;
    let ada = plane.as_person(&token);
    ada.drafts()
        .put_products(put(vec![deposit("D-1")]))
        .await
        .expect("put");
    ada.releases().publish(publish()).await.expect("published");
    let rows = plane.audit_rows().await;
    assert_eq!(rows[0].actor, "person:ada");
    assert_eq!(rows[0].action, "release.publish");
    let release = plane.release(1).await.expect("published");
    assert_eq!(release.published_by, "person:ada");
    assert!(plane.verify().await.intact);
    // Neither tokens nor passwords are on it.
    for row in &rows {
        for secret in [&*token, PASSWORD, "argon2"] {
            assert!(!row.detail.contains(secret), "{row:?}");
        }
    }
    let actions: Vec<&str> = rows.iter().rev().map(|row| &*row.action).collect();
    let expected = [
        "access.person-create",
        "access.invitation-accept",
        "session.open",
        "products.put",
        "release.publish",
    ];
    assert_eq!(actions, expected);
}

async fn the_first_administrator_comes_in_once(home: Home) {
    let service = opened(&home, Arc::new(ManualClock::at(NOW_MS))).await;
    let tenant = TenantId::new(TENANT).expect("a tenant");
    let first = service.invite_first_administrator(&tenant).await;
    let first = first.expect("asked").expect("nobody is there yet");
    // A second start: the link before is not good any more.
    let second = service.invite_first_administrator(&tenant).await;
    let second = second.expect("asked").expect("nobody is there yet");
    let nobody = Principal::new(Kind::Anyone, "", Tenants::Any);
    let mut sessions = SessionServiceClient::new(service.in_process(nobody));
    let accept = |invitation: &str, name: &str| AcceptInvitationRequest {
        invitation: invitation.to_owned(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
    };
    for wrong in ["", "x", &first] {
        let refused = sessions.accept_invitation(accept(wrong, "ada")).await;
        assert_eq!(reason(&refused.expect_err("wrong")), "SIGN_IN_REFUSED");
    }
    let session = sessions.accept_invitation(accept(&second, "ada")).await;
    let session = session
        .expect("in")
        .into_inner()
        .session
        .expect("a session");
    assert_eq!(session.person, "ada");
    let again = sessions.accept_invitation(accept(&second, "eve")).await;
    assert_eq!(reason(&again.expect_err("used")), "SIGN_IN_REFUSED");
    let none = service.invite_first_administrator(&tenant).await;
    assert_eq!(none.expect("asked"), None, "there are people now");
    service.close().await;
}

pub(crate) async fn opened(home: &Home, clock: Arc<ManualClock>) -> Service {
    let deps = Deps {
        clock,
        log: None,
        shutdown: CancellationToken::new(),
        local: LocalCallers::default(),
    };
    Service::new(&home.config(), deps).await.expect("opened")
}

async fn nobody_raises_themselves_and_one_administrator_stays(home: Home) {
    let plane = Plane::start(&home);
    let ada = plane.person("ada", &["admin"]).await;
    let ada = plane.as_person(&ada);
    for request in [roles("ada", &["admin", "risk"]), roles("ada", &[])] {
        let refused = ada.access().set_roles(request).await.expect_err("her own");
        assert_eq!(
            (refused.code(), &*reason(&refused)),
            (Code::PermissionDenied, "OWN_ROLES")
        );
    }
    let refused = ada.access().disable_person(disable("ada", false)).await;
    assert_eq!(reason(&refused.expect_err("herself")), "OWN_ROLES");
    // Not even the tools take the last one away.
    for refused in [
        plane
            .access()
            .set_roles(roles("ada", &["viewer"]))
            .await
            .map(drop),
        plane
            .access()
            .disable_person(disable("ada", false))
            .await
            .map(drop),
    ] {
        let refused = refused.expect_err("the last");
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(reason(&refused), "LAST_ADMINISTRATOR");
    }
    let bob = plane.person("bob", &["admin"]).await;
    let bob = plane.as_person(&bob);
    bob.access()
        .set_roles(roles("ada", &["risk"]))
        .await
        .expect("another's");
    let refused = ada
        .access()
        .list_people(people())
        .await
        .expect_err("no more");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let listed = bob
        .access()
        .list_people(people())
        .await
        .expect("listed")
        .into_inner();
    let listed: Vec<(&str, Vec<&str>)> = listed
        .people
        .iter()
        .map(|one| (&*one.name, one.roles.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(listed, [("ada", vec!["risk"]), ("bob", vec!["admin"])]);
}

fn people() -> ListPeopleRequest {
    ListPeopleRequest {
        tenant: TENANT.to_owned(),
    }
}

/// An administrator of one tenant has no hand in another.
async fn a_tenant_is_its_own_administrators(home: Home) {
    let plane = Plane::start(&home);
    let ada = plane.person("ada", &["admin"]).await;
    let ada = plane.as_person(&ada);
    let other = || "other".to_owned();
    let create = CreatePersonRequest {
        tenant: other(),
        name: "eve".to_owned(),
        roles: vec!["admin".to_owned()],
        subject: String::new(),
    };
    let refused = ada
        .access()
        .create_person(create.clone())
        .await
        .expect_err("not hers");
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::PermissionDenied, "OTHER_TENANT")
    );
    plane
        .access()
        .create_person(create)
        .await
        .expect("the tools");
    // A person of both tenants is for administrators of both.
    plane
        .access()
        .set_roles(roles("eve", &["viewer"]))
        .await
        .expect("hers too");
    let invite = InvitePersonRequest {
        tenant: TENANT.to_owned(),
        name: "eve".to_owned(),
    };
    for refused in [
        ada.access()
            .disable_person(disable("eve", false))
            .await
            .map(drop),
        ada.access().invite_person(invite).await.map(drop),
    ] {
        assert_eq!(
            reason(&refused.expect_err("not hers alone")),
            "OTHER_TENANT"
        );
    }
    ada.access()
        .set_roles(roles("eve", &[]))
        .await
        .expect("in her own tenant");
}

async fn what_is_not_allowed_is_named(home: Home) {
    let plane = Plane::start(&home);
    let good = CreatePersonRequest {
        tenant: TENANT.to_owned(),
        name: "ada".to_owned(),
        roles: vec!["viewer".to_owned()],
        subject: String::new(),
    };
    type Change = fn(&mut CreatePersonRequest);
    let table: [(&str, Change); 5] = [
        ("name", |person| person.name = "A b".to_owned()),
        ("roles", |person| person.roles = vec!["root".to_owned()]),
        ("roles", |person| person.roles.clear()),
        ("subject", |person| person.subject = "\n".to_owned()),
        ("tenant", |person| person.tenant = "a/b".to_owned()),
    ];
    for (field, change) in table {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = plane.access().create_person(bad).await.expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(field), "{refused}");
    }
    let made = plane
        .access()
        .create_person(good.clone())
        .await
        .expect("made")
        .into_inner();
    let twice = plane.access().create_person(good).await.expect_err("twice");
    assert_eq!(twice.code(), Code::AlreadyExists);
    let nobody = plane.access().set_roles(roles("nobody", &["viewer"])).await;
    assert_eq!(nobody.expect_err("nobody").code(), Code::NotFound);
    for (password, allowed) in [
        ("short", false),
        ("the name is ada", false),
        (PASSWORD, true),
    ] {
        let accept = AcceptInvitationRequest {
            invitation: made.invitation.clone(),
            name: "ada".to_owned(),
            password: password.to_owned(),
        };
        let taken = plane.sessions().accept_invitation(accept).await;
        assert_eq!(taken.is_ok(), allowed, "{password}: {taken:?}");
    }
    let way = plane.channel_with(Bearer::of("fls_junk"));
    let refused = AccessServiceClient::new(way).list_people(people()).await;
    assert_eq!(refused.expect_err("junk").code(), Code::Unauthenticated);
}

on_both!(
    the_audit_names_the_person_and_no_other,
    the_first_administrator_comes_in_once,
    nobody_raises_themselves_and_one_administrator_stays,
    a_tenant_is_its_own_administrators,
    what_is_not_allowed_is_named,
);
