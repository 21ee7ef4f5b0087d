//! Signing in at a real identity provider: who is known by it, and with which roles.

use std::collections::BTreeMap;

use fairlead_authentication::oidc::{Callback, SignIn};
use fairlead_control_plane::OidcConfig;
use fairlead_proto::access::v1::{
    CreatePersonRequest, GetProviderRequest, ListPeopleRequest, SignInByProviderRequest,
    WhoAmIRequest,
};
use fairlead_testkit::{Browser, OidcProvider};
use tonic::{Code, Status};

use crate::people::{disable, reason};
use crate::plane::{Home, Plane, TENANT, on_both};

fn config(provider: &OidcProvider) -> OidcConfig {
    OidcConfig {
        issuer: provider.issuer().to_owned(),
        client_id: "fairlead".to_owned(),
        ..OidcConfig::default()
    }
}

fn plane(home: &Home, oidc: OidcConfig) -> Plane {
    let mut config = home.config();
    config.oidc = Some(oidc);
    Plane::start_with(config)
}

/// Signs in at the provider as `name`, and returns what is then sent to the control plane.
async fn proof(plane: &Plane, name: &'static str) -> SignInByProviderRequest {
    let provider = plane.sessions().get_provider(GetProviderRequest {}).await;
    let provider = provider.expect("a provider").into_inner();
    let (attempt, callback) = (SignIn::fresh(), Callback::bind().await.expect("a port"));
    let redirect_uri = callback.redirect_uri();
    let endpoint = &provider.authorization_endpoint;
    let address = attempt.address(endpoint, &provider.client_id, &redirect_uri);
    let address = address.expect("an address");
    let browser = tokio::task::spawn_blocking(move || Browser::default().sign_in(&address, name));
    let code = callback.code(attempt.state(), &provider.issuer).await;
    browser.await.expect("ended").expect("answered");
    SignInByProviderRequest {
        code: code.expect("a code"),
        code_verifier: attempt.verifier().to_owned(),
        redirect_uri,
        nonce: attempt.nonce().to_owned(),
    }
}

/// Returns the caller that signing in as `name` makes, as the audit names it, and what it may do.
async fn signed_in(plane: &Plane, name: &'static str) -> Result<(String, usize), Status> {
    let request = proof(plane, name).await;
    let answer = plane.sessions().sign_in_by_provider(request).await?;
    let session = answer.into_inner().session.expect("a session");
    let mut sessions = plane.as_person(&session.token).sessions();
    let who = sessions.who_am_i(WhoAmIRequest {}).await?.into_inner();
    Ok((who.actor, who.grants[0].permissions.len()))
}

async fn people(plane: &Plane) -> Vec<(String, Vec<String>)> {
    let request = ListPeopleRequest {
        tenant: TENANT.to_owned(),
    };
    let listed = plane.access().list_people(request).await.expect("people");
    let people = listed.into_inner().people.into_iter();
    people
        .map(|mut one| {
            one.roles.sort();
            (one.name, one.roles)
        })
        .collect()
}

async fn a_person_is_known_by_the_subject_that_an_administrator_named(home: Home) {
    let provider = OidcProvider::start().expect("a provider");
    let plane = plane(&home, config(&provider));
    let refused = signed_in(&plane, "subject-7").await.expect_err("unknown");
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::PermissionDenied, "UNKNOWN_PERSON")
    );
    let ada = CreatePersonRequest {
        tenant: TENANT.to_owned(),
        name: "ada".to_owned(),
        roles: vec!["viewer".to_owned()],
        subject: "subject-7".to_owned(),
    };
    plane.access().create_person(ada).await.expect("added");
    let (actor, may) = signed_in(&plane, "subject-7").await.expect("signed in");
    assert_eq!(actor, "person:ada");
    assert!(may > 0);
    let disabled = plane.access().disable_person(disable("ada", false)).await;
    disabled.expect("disabled");
    let refused = signed_in(&plane, "subject-7").await.expect_err("disabled");
    assert_eq!(refused.code(), Code::Unauthenticated);
}

async fn a_proof_is_good_once_and_as_a_whole(home: Home) {
    let provider = OidcProvider::start().expect("a provider");
    let plane = plane(&home, config(&provider));
    type Change = fn(&mut SignInByProviderRequest);
    let changes: [Change; 4] = [
        |proof| proof.code.push('x'),
        |proof| proof.code_verifier.push('x'),
        |proof| proof.nonce.push('x'),
        |proof| proof.redirect_uri = "https://evil.example/callback".to_owned(),
    ];
    for change in changes {
        let mut request = proof(&plane, "ada").await;
        change(&mut request);
        let refused = plane.sessions().sign_in_by_provider(request).await;
        let refused = refused.expect_err("bent");
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    }
    let request = proof(&plane, "ada").await;
    for (reason_given, code) in [
        ("UNKNOWN_PERSON", Code::PermissionDenied),
        ("SIGN_IN_REFUSED", Code::Unauthenticated),
    ] {
        let refused = plane.sessions().sign_in_by_provider(request.clone()).await;
        let refused = refused.expect_err("known to nobody, and then used");
        assert_eq!((&*reason(&refused), refused.code()), (reason_given, code));
    }
}

async fn groups_of_the_provider_stand_for_roles(home: Home) {
    let provider = OidcProvider::start().expect("a provider");
    let roles = BTreeMap::from([
        (
            "ada-group".to_owned(),
            vec!["owner".to_owned(), "viewer".to_owned()],
        ),
        ("root-group".to_owned(), vec!["admin".to_owned()]),
    ]);
    let by_groups = OidcConfig {
        tenant: TENANT.to_owned(),
        roles_claim: "groups".to_owned(),
        roles,
        ..config(&provider)
    };
    let plane = plane(&home, by_groups);
    plane.person("root", &["admin"]).await;
    let (actor, _) = signed_in(&plane, "ada").await.expect("signed in");
    assert_eq!(actor, "person:ada");
    let owner = (
        "ada".to_owned(),
        vec!["owner".to_owned(), "viewer".to_owned()],
    );
    assert!(
        people(&plane).await.contains(&owner),
        "{:?}",
        people(&plane).await
    );
    let refused = signed_in(&plane, "bob").await.expect_err("in no group");
    assert_eq!(reason(&refused), "NO_ROLES");
    // Someone else's name is not taken over.
    let refused = signed_in(&plane, "root")
        .await
        .expect_err("a name that is taken");
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");
    assert_eq!(people(&plane).await.len(), 2);
}

async fn a_provider_that_is_away_is_said_so_and_none_is_none(home: Home) {
    let mut provider = OidcProvider::start().expect("a provider");
    let with = plane(&home, config(&provider));
    let request = proof(&with, "ada").await;
    provider.kill9().expect("killed");
    let refused = with.sessions().sign_in_by_provider(request.clone()).await;
    assert_eq!(refused.expect_err("away").code(), Code::Unavailable);
    drop(with);
    let without = Plane::start(&home.another());
    let none = without.sessions().get_provider(GetProviderRequest {}).await;
    assert_eq!(none.expect("an answer").into_inner().issuer, "");
    let refused = without.sessions().sign_in_by_provider(request).await;
    let refused = refused.expect_err("no provider");
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::FailedPrecondition, "NO_PROVIDER")
    );
}

on_both!(
    a_person_is_known_by_the_subject_that_an_administrator_named,
    a_proof_is_good_once_and_as_a_whole,
    groups_of_the_provider_stand_for_roles,
    a_provider_that_is_away_is_said_so_and_none_is_none,
);
