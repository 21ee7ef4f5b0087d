//! Signing in and out: by passwords, with sessions that end.

use std::collections::BTreeSet;
use std::sync::Arc;

use fairlead_chassis::clock::ManualClock;
use fairlead_domain::TenantId;
use fairlead_identity::{Kind, Principal, Tenants};
use fairlead_proto::access::v1::session_service_client::SessionServiceClient;
use fairlead_proto::access::v1::{
    AcceptInvitationRequest, SignInRequest, SignOutRequest, WhoAmIRequest,
};
use tokio::task::JoinSet;
use tonic::Code;

use crate::people::{NOW_MS, disable, opened, reason};
use crate::plane::{Home, PASSWORD, Plane, TENANT, on_both};

fn sign_in(name: &str, password: &str) -> SignInRequest {
    SignInRequest {
        name: name.to_owned(),
        password: password.to_owned(),
    }
}

async fn no_refusal_tells_if_there_is_such_a_person(home: Home) {
    let plane = Plane::start(&home);
    plane.person("ada", &["viewer"]).await;
    plane.person("bob", &["viewer"]).await;
    plane
        .access()
        .disable_person(disable("bob", false))
        .await
        .expect("done");
    let mut said = BTreeSet::new();
    for (name, password) in [
        ("ada", "wrong password"),
        ("ada", ""),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("", ""),
        ("Ada", PASSWORD),
        ("'; DROP TABLE people; --", PASSWORD),
    ] {
        let refused = plane.sessions().sign_in(sign_in(name, password)).await;
        let refused = refused.expect_err(name);
        said.insert((refused.code() as i32, refused.message().to_owned()));
    }
    assert_eq!(said.len(), 1, "{said:?}");
    let inside = plane.sessions().sign_in(sign_in("ada", PASSWORD)).await;
    inside.expect("the right password");
}

/// Guesses side by side count as those one after the other, for a known name and for an unknown one.
async fn guesses_are_paused_side_by_side_too(home: Home) {
    let plane = Plane::start(&home);
    plane.person("ada", &["viewer"]).await;
    for name in ["ada", "nobody"] {
        let mut guesses = JoinSet::new();
        for guess in 0..32 {
            let mut sessions = plane.sessions();
            let request = sign_in(name, &format!("guess number {guess}"));
            guesses.spawn(async move { sessions.sign_in(request).await.expect_err("wrong") });
        }
        let refusals = guesses.join_all().await;
        let looked_at = refusals
            .iter()
            .filter(|one| reason(one) == "SIGN_IN_REFUSED")
            .count();
        let paused = refusals
            .iter()
            .filter(|one| reason(one) == "SIGN_IN_PAUSED")
            .count();
        assert_eq!(looked_at + paused, 32, "{refusals:?}");
        // A pause of a second may end while the others wait for their turn.
        assert!(
            (5..12).contains(&looked_at),
            "{name}: {looked_at} were looked at"
        );
    }
}

async fn a_pause_ends_and_the_right_password_forgets_it(home: Home) {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let service = opened(&home, clock.clone()).await;
    let tenant = TenantId::new(TENANT).expect("a tenant");
    let invitation = service.invite_first_administrator(&tenant).await;
    let nobody = Principal::new(Kind::Anyone, "", Tenants::Any);
    let mut sessions = SessionServiceClient::new(service.in_process(nobody));
    let accept = AcceptInvitationRequest {
        invitation: invitation.expect("asked").expect("the first"),
        name: "ada".to_owned(),
        password: PASSWORD.to_owned(),
    };
    sessions.accept_invitation(accept).await.expect("in");
    for _ in 0..5 {
        let refused = sessions.sign_in(sign_in("ada", "wrong password")).await;
        assert_eq!(reason(&refused.expect_err("wrong")), "SIGN_IN_REFUSED");
    }
    let paused = sessions
        .sign_in(sign_in("ada", PASSWORD))
        .await
        .expect_err("paused");
    assert_eq!(paused.code(), Code::ResourceExhausted);
    assert!(paused.message().ends_with("wait 1 s"), "{paused}");
    clock.advance(1_000);
    sessions
        .sign_in(sign_in("ada", PASSWORD))
        .await
        .expect("after the pause");
    let wrong = sessions.sign_in(sign_in("ada", "wrong password")).await;
    assert_eq!(
        reason(&wrong.expect_err("counted from one again")),
        "SIGN_IN_REFUSED"
    );
    service.close().await;
}

async fn a_session_ends_when_signed_out(home: Home) {
    let plane = Plane::start(&home);
    let token = plane.person("ada", &["viewer", "support"]).await;
    let ada = plane.as_person(&token);
    let who = ada
        .sessions()
        .who_am_i(WhoAmIRequest {})
        .await
        .expect("known");
    let who = who.into_inner();
    assert_eq!(
        (&*who.actor, &*who.grants[0].tenant),
        ("person:ada", TENANT)
    );
    ada.sessions()
        .sign_out(SignOutRequest {})
        .await
        .expect("out");
    let ended = ada
        .sessions()
        .who_am_i(WhoAmIRequest {})
        .await
        .expect_err("out");
    assert_eq!(ended.code(), Code::Unauthenticated);
    let again = plane.sessions().sign_in(sign_in("ada", PASSWORD)).await;
    let again = again
        .expect("in")
        .into_inner()
        .session
        .expect("a session")
        .token;
    let ada = plane.as_person(&again);
    ada.sessions()
        .who_am_i(WhoAmIRequest {})
        .await
        .expect("known");
}

async fn a_session_ends_for_good_when_the_person_is_disabled(home: Home) {
    let plane = Plane::start(&home);
    let token = plane.person("ada", &["viewer"]).await;
    let ada = plane.as_person(&token);
    ada.sessions()
        .who_am_i(WhoAmIRequest {})
        .await
        .expect("known");
    for (enable, why) in [(false, "disabled"), (true, "ended for good")] {
        plane
            .access()
            .disable_person(disable("ada", enable))
            .await
            .expect("done");
        let ended = ada
            .sessions()
            .who_am_i(WhoAmIRequest {})
            .await
            .expect_err(why);
        assert_eq!(ended.code(), Code::Unauthenticated, "{why}");
    }
    plane
        .sessions()
        .sign_in(sign_in("ada", PASSWORD))
        .await
        .expect("may again");
}

async fn time_ends_sessions_and_invitations(home: Home) {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let service = opened(&home, clock.clone()).await;
    let tenant = TenantId::new(TENANT).expect("a tenant");
    let invitation = service.invite_first_administrator(&tenant).await;
    let invitation = invitation.expect("asked").expect("the first");
    let nobody = Principal::new(Kind::Anyone, "", Tenants::Any);
    let mut sessions = SessionServiceClient::new(service.in_process(nobody));
    let accept = AcceptInvitationRequest {
        invitation,
        name: "ada".to_owned(),
        password: PASSWORD.to_owned(),
    };
    clock.advance(24 * 3_600_000);
    let late = sessions
        .accept_invitation(accept)
        .await
        .expect_err("a day later");
    assert_eq!(reason(&late), "SIGN_IN_REFUSED");
    let another = service.invite_first_administrator(&tenant).await;
    let accept = AcceptInvitationRequest {
        invitation: another.expect("asked").expect("the first"),
        name: "ada".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let session = sessions
        .accept_invitation(accept)
        .await
        .expect("in")
        .into_inner();
    let until_ms = session.session.expect("a session").expires_at_ms;
    assert_eq!(until_ms, NOW_MS + (24 + 12) * 3_600_000);
    service.close().await;
}

on_both!(
    no_refusal_tells_if_there_is_such_a_person,
    guesses_are_paused_side_by_side_too,
    a_pause_ends_and_the_right_password_forgets_it,
    a_session_ends_when_signed_out,
    a_session_ends_for_good_when_the_person_is_disabled,
    time_ends_sessions_and_invitations,
);
