//! `fairlead login`, `logout` and `whoami`.

use anyhow::Context as _;
use clap::Args;
use fairlead_chassis::link::Link;
use fairlead_client::answered;
use fairlead_client::terminal::{ask, ask_secret, note, table};
use fairlead_identity::{Permission, permission_name};
use fairlead_proto::access::v1::session_service_client::SessionServiceClient;
use fairlead_proto::access::v1::{
    AcceptInvitationRequest, Session, SignInRequest, SignOutRequest, WhoAmIRequest,
};

use super::provider;
use crate::args::{TlsArgs, TokenArgs};
use crate::session_file::{KeptSession, SessionFile};

/// Options of `login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Address of the control plane.
    #[arg(
        long,
        env = "FAIRLEAD_CONTROL",
        default_value = "http://127.0.0.1:7006",
        value_name = "URL"
    )]
    control: String,
    /// Your name; if absent, it is asked for.
    #[arg(long)]
    name: Option<String>,
    /// The secret of an invitation: you choose a password.
    #[arg(long, value_name = "SECRET")]
    invitation: Option<String>,
    /// Sign in at the identity provider, in a browser.
    #[arg(long, conflicts_with_all = ["name", "invitation"])]
    oidc: bool,
    /// Print the identity provider's address without opening it.
    #[arg(long, requires = "oidc")]
    no_browser: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

/// Options of `logout` and `whoami`.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// Address of the control plane.
    #[arg(
        long,
        env = "FAIRLEAD_CONTROL",
        default_value = "http://127.0.0.1:7006",
        value_name = "URL"
    )]
    control: String,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    token: TokenArgs,
}

/// Opens a session and keeps it.
pub(crate) async fn login(args: LoginArgs) -> anyhow::Result<()> {
    let sessions = SessionServiceClient::new(args.tls.link(&args.control)?);
    let session = if args.oidc {
        provider::sign_in(sessions, &args.control, !args.no_browser).await?
    } else {
        by_secret(sessions, &args).await?
    };
    keep(&args.control, session)
}

/// Opens a session by a password or an invitation.
async fn by_secret(
    mut sessions: SessionServiceClient<Link>,
    args: &LoginArgs,
) -> anyhow::Result<Option<Session>> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => ask("name")?,
    };
    if let Some(invitation) = args.invitation.clone() {
        let password = ask_secret("new password")?;
        let again = ask_secret("the same password again")?;
        anyhow::ensure!(password == again, "the two passwords differ");
        let request = AcceptInvitationRequest {
            invitation,
            name,
            password,
        };
        let accepted = sessions.accept_invitation(request).await;
        Ok(answered(accepted, &args.control)?.session)
    } else {
        let password = ask_secret("password")?;
        let signed_in = sessions.sign_in(SignInRequest { name, password }).await;
        Ok(answered(signed_in, &args.control)?.session)
    }
}

/// Keeps a session that was opened.
fn keep(control: &str, session: Option<Session>) -> anyhow::Result<()> {
    let Session {
        token,
        expires_at_ms,
        person,
    } = session.context("the control plane opened no session")?;
    let until = jiff::Timestamp::from_millisecond(expires_at_ms)?;
    note(&format!("signed in as {person} until {until}"));
    let kept = KeptSession {
        token,
        person,
        expires_at_ms,
    };
    SessionFile::locate().keep(control, Some(kept))
}

/// Ends the session, and forgets it.
pub(crate) async fn logout(args: SessionArgs) -> anyhow::Result<()> {
    let file = SessionFile::locate();
    let Some(session) = file.session(&args.control)? else {
        note("nobody is signed in");
        return file.keep(&args.control, None);
    };
    let link = args.tls.link(&args.control)?.with_bearer(&session.token)?;
    let ended = SessionServiceClient::new(link)
        .sign_out(SignOutRequest {})
        .await;
    // Forgotten here also where the control plane is away: it ends there by itself.
    file.keep(&args.control, None)?;
    answered(ended, &args.control)?;
    note(&format!("{} is signed out", session.person));
    Ok(())
}

/// Shows who calls.
pub(crate) async fn whoami(args: SessionArgs) -> anyhow::Result<()> {
    let mut sessions = SessionServiceClient::new(args.token.link(&args.control, &args.tls)?);
    let who = answered(sessions.who_am_i(WhoAmIRequest {}).await, &args.control)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&who)?);
        return Ok(());
    }
    println!("{}", who.actor);
    let mut rows = table(["tenant", "may"]);
    for grant in who.grants {
        let may: Vec<String> = grant
            .permissions()
            .filter(|one| *one != Permission::Unspecified)
            .map(permission_name)
            .collect();
        let tenant = if grant.tenant.is_empty() {
            "each".to_owned()
        } else {
            grant.tenant
        };
        rows.add_row([tenant, may.join(", ")]);
    }
    println!("{rows}");
    Ok(())
}
