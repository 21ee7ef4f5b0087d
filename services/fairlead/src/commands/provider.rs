//! `fairlead login --oidc`: signing in at the identity provider, in a browser.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use fairlead_authentication::oidc::{Callback, SignIn};
use fairlead_chassis::link::Link;
use fairlead_client::answered;
use fairlead_client::terminal::note;
use fairlead_proto::access::v1::session_service_client::SessionServiceClient;
use fairlead_proto::access::v1::{GetProviderRequest, Session, SignInByProviderRequest};

/// For so long a person may take to sign in.
const PATIENCE: Duration = Duration::from_mins(5);

/// Returns the session of whoever signs in at the provider.
pub(super) async fn sign_in(
    mut sessions: SessionServiceClient<Link>,
    control: &str,
    browser: bool,
) -> anyhow::Result<Option<Session>> {
    let provider = sessions.get_provider(GetProviderRequest {}).await;
    let provider = answered(provider, control)?;
    anyhow::ensure!(
        !provider.issuer.is_empty(),
        "the control plane at {control} has no identity provider: `control.oidc` is not configured; sign in \
         by --name"
    );
    let (attempt, callback) = (SignIn::fresh(), Callback::bind().await?);
    let redirect_uri = callback.redirect_uri();
    let address = attempt
        .address(
            &provider.authorization_endpoint,
            &provider.client_id,
            &redirect_uri,
        )
        .context("the identity provider's address")?;
    note("sign in at this address, on this machine:");
    println!("{address}");
    if browser {
        open(&address);
    }
    let code = callback.code(attempt.state(), &provider.issuer);
    let code = tokio::time::timeout(PATIENCE, code)
        .await
        .context("nobody signed in within five minutes")??;
    let request = SignInByProviderRequest {
        code,
        code_verifier: attempt.verifier().to_owned(),
        redirect_uri,
        nonce: attempt.nonce().to_owned(),
    };
    let signed_in = sessions.sign_in_by_provider(request).await;
    Ok(answered(signed_in, control)?.session)
}

/// Opens an address in a browser, where there is one.
fn open(address: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    // Without one, the address that was printed is there to be opened by hand.
    let _ = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
