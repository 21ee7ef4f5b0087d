//! Signing in at a real provider, by the code flow with PKCE.

use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::oidc::{
    Callback, CallbackError, OidcError, Proof, Provider, ProviderOptions, SignIn,
};
use fairlead_chassis::clock::{Clock as _, ManualClock, SystemClock};
use fairlead_testkit::{Browser, OidcProvider, Page};

fn options(server: &OidcProvider) -> ProviderOptions {
    ProviderOptions {
        issuer: server.issuer().to_owned(),
        client_id: "fairlead".to_owned(),
        client_secret: None,
        leeway: Duration::from_secs(30),
    }
}

fn provider(options: ProviderOptions) -> Provider {
    Provider::new(options, Arc::new(SystemClock)).expect("a provider")
}

/// Signs in as `name` in a browser, and returns what came back to this machine.
async fn proof(provider: &Provider, name: &'static str) -> (Proof, Page) {
    let attempt = SignIn::fresh();
    let callback = Callback::bind().await.expect("a port");
    let redirect_uri = callback.redirect_uri();
    let endpoint = provider.authorization_endpoint().await.expect("described");
    let address = attempt.address(&endpoint, provider.client_id(), &redirect_uri);
    let address = address.expect("an address");
    let browser = tokio::task::spawn_blocking(move || Browser::default().sign_in(&address, name));
    let code = callback.code(attempt.state(), provider.issuer()).await;
    let page = browser.await.expect("ended").expect("answered");
    let proof = Proof {
        code: code.expect("a code"),
        verifier: attempt.verifier().to_owned(),
        redirect_uri,
        nonce: attempt.nonce().to_owned(),
    };
    (proof, page)
}

#[tokio::test]
async fn whoever_signs_in_at_the_provider_is_known_by_its_subject() {
    let server = OidcProvider::start().expect("a provider");
    let with_secret = ProviderOptions {
        client_id: "fairlead-secret".to_owned(),
        client_secret: Some(OidcProvider::SECRET.to_owned()),
        ..options(&server)
    };
    for options in [options(&server), with_secret] {
        let provider = provider(options);
        let (proof, page) = proof(&provider, "ada").await;
        assert_eq!(
            (page.status, page.text.contains("You are signed in")),
            (200, true)
        );
        let claims = provider.redeem(&proof).await.expect("signed in");
        assert_eq!(
            (&*claims.subject, &*claims.issuer),
            ("ada", server.issuer())
        );
        assert_eq!(claims.text("preferred_username"), Some("ada"));
        assert_eq!(claims.texts("groups"), ["ada-group"]);
        // A code is good once.
        let again = provider.redeem(&proof).await;
        assert_eq!(again, Err(OidcError::Code("invalid_grant".to_owned())));
    }
}

#[tokio::test]
async fn a_proof_with_one_part_of_another_sign_in_is_refused() {
    let server = OidcProvider::start().expect("a provider");
    let provider = provider(options(&server));
    let refused = async |change: fn(&mut Proof)| {
        let (mut proof, _) = proof(&provider, "ada").await;
        change(&mut proof);
        provider.redeem(&proof).await.expect_err("refused")
    };
    let code = |said: &str| OidcError::Code(said.to_owned());
    let verifier = refused(|p| p.verifier = SignIn::fresh().verifier().to_owned()).await;
    assert_eq!(verifier, code("invalid_grant"));
    assert_eq!(refused(|p| p.verifier.clear()).await, code("invalid_grant"));
    assert_eq!(refused(|p| p.code.push('x')).await, code("invalid_grant"));
    let port = refused(|p| p.redirect_uri = "http://127.0.0.1:9/callback".to_owned()).await;
    assert_eq!(port, code("invalid_grant"));
    assert_eq!(
        refused(|p| p.nonce = SignIn::fresh().nonce().to_owned()).await,
        OidcError::Nonce
    );
    let elsewhere = refused(|p| p.redirect_uri = "https://evil.example/callback".to_owned()).await;
    assert_eq!(elsewhere, OidcError::Redirect);
}

#[tokio::test]
async fn a_client_with_another_secret_or_name_is_refused() {
    let server = OidcProvider::start().expect("a provider");
    let known = provider(options(&server));
    let (proof, _) = proof(&known, "ada").await;
    for (client_id, client_secret) in [("fairlead-secret", Some("x")), ("other", None)] {
        let stranger = provider(ProviderOptions {
            client_id: client_id.to_owned(),
            client_secret: client_secret.map(str::to_owned),
            ..options(&server)
        });
        let refused = stranger.redeem(&proof).await;
        assert_eq!(refused, Err(OidcError::Code("invalid_client".to_owned())));
    }
}

#[tokio::test]
async fn an_id_token_counts_at_its_time_only() {
    let server = OidcProvider::start().expect("a provider");
    let clock = Arc::new(ManualClock::at(SystemClock.now_ms() + 3_600_000));
    let late = Provider::new(options(&server), clock).expect("a provider");
    let (proof, _) = proof(&late, "ada").await;
    let refused = late.redeem(&proof).await.expect_err("expired").to_string();
    assert_eq!(refused, "the ID token: the token has expired (`exp`)");
}

#[tokio::test]
async fn a_provider_that_is_away_or_is_another_is_said_so() {
    let mut server = OidcProvider::start().expect("a provider");
    // The same server under another name is another issuer.
    let other = provider(ProviderOptions {
        issuer: server.issuer().replace("127.0.0.1", "localhost"),
        ..options(&server)
    });
    let refused = other.authorization_endpoint().await.expect_err("another");
    assert!(
        refused.to_string().contains("names another issuer"),
        "{refused}"
    );
    let known = provider(options(&server));
    server.kill9().expect("killed");
    let away = known.authorization_endpoint().await.expect_err("away");
    assert!(away.is_transient(), "{away}");
    let plain = ProviderOptions {
        issuer: "http://id.bank.example".to_owned(),
        ..options(&server)
    };
    let refused = Provider::new(plain, Arc::new(SystemClock)).err();
    let said = refused.expect("plain http to another machine").to_string();
    assert!(said.contains("an https URL"), "{said}");
}

#[tokio::test]
async fn a_callback_hears_the_sign_in_that_it_waits_for_and_no_other() {
    let callback = Callback::bind().await.expect("a port");
    let address = callback.redirect_uri();
    let visits = tokio::task::spawn_blocking(move || {
        let open = |query: &str| {
            let page = Browser::default().sign_in(&format!("{address}{query}"), "x");
            page.expect("answered").status
        };
        let foreign = [
            "",
            "?code=c",
            "?code=c&state=other",
            "?code=c&state=s&state=t",
        ]
        .map(open);
        (foreign, open("?error=access_denied&state=s"))
    });
    let refused = callback.code("s", "https://id.example").await;
    let refused = refused.expect_err("nobody signed in");
    assert!(
        matches!(&refused, CallbackError::Refused(cause) if cause == "access_denied"),
        "{refused}"
    );
    assert_eq!(visits.await.expect("ended"), ([400; 4], 200));
}
