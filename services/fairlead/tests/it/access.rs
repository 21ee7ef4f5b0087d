//! People and keys by the commands: the first administrator, a second person, a key, and the table.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use crate::binary::{UpProcess, fairlead, printed};

const PASSWORD: &str = "correct horse battery";

const CATALOGUE: &str =
    "product_id,name,kind,currency,deposit.yield_ppm,deposit.tenor_months,deposit.min_amount.minor
D-1,One year,deposit,CNY,15000,12,5000
";

/// Runs a command with lines on its standard input. Returns what it printed.
fn typed(mut command: Command, lines: &str) -> anyhow::Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("a standard input")?;
    stdin.write_all(lines.as_bytes())?;
    drop(stdin);
    printed(&child.wait_with_output()?)
}

/// Returns a command of a person who keeps sessions in `home` and cannot read the data folder.
fn of(server: &UpProcess, home: &Path, arguments: &[&str]) -> Command {
    let mut command = server.without_token(arguments);
    command.env("XDG_CONFIG_HOME", home);
    command
}

/// Signs in by an invitation.
fn accept(server: &UpProcess, home: &Path, name: &str, secret: &str) -> anyhow::Result<()> {
    let arguments = ["login", "--name", name, "--invitation", secret];
    let twice = format!("{PASSWORD}\n{PASSWORD}\n");
    typed(of(server, home, &arguments), &twice).map(drop)
}

#[test]
fn the_first_administrator_lets_an_owner_in_who_publishes_under_her_name() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = UpProcess::up(&folder.path().join("data"))?;
    let (root, ada) = (folder.path().join("root"), folder.path().join("ada"));
    let unknown = of(&server, &root, &["release", "list"]).output()?;
    assert!(!unknown.status.success(), "nobody is nobody");
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("fairlead login"), "{said}");

    let printed_link = server.said("--invitation ")?;
    accept(&server, &root, "root", &printed_link)?;
    let kept = std::fs::metadata(root.join("fairlead/sessions.json"))?.permissions();
    assert_eq!(kept.mode() & 0o777, 0o600);
    let second = accept(&server, &root, "eve", &printed_link);
    assert!(second.is_err(), "the link is good once");

    let add = ["access", "people", "add", "ada", "--role", "owner"];
    let secret = printed(&of(&server, &root, &add).output()?)?;
    let secret = secret.lines().last().context("a secret")?.trim().to_owned();
    accept(&server, &ada, "ada", &secret)?;
    let refused = of(&server, &root, &["release", "publish"]).output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("change.publish"),
        "an administrator owns no price: {said}"
    );
    let who = printed(&of(&server, &ada, &["whoami"]).output()?)?;
    assert!(
        who.contains("person:ada") && who.contains("strategy.edit"),
        "{who}"
    );
    let file = folder.path().join("catalogue.csv");
    std::fs::write(&file, CATALOGUE)?;
    let file = file.to_string_lossy();
    printed(&of(&server, &ada, &["import", "catalogue", &file]).output()?)?;
    printed(&of(&server, &ada, &["release", "publish"]).output()?)?;
    let listed = printed(&of(&server, &root, &["release", "list"]).output()?)?;
    assert!(listed.contains("person:ada"), "{listed}");

    printed(&of(&server, &ada, &["logout"]).output()?)?;
    let out = of(&server, &ada, &["whoami"]).output()?;
    assert!(!out.status.success());
    typed(
        of(&server, &ada, &["login", "--name", "ada"]),
        &format!("{PASSWORD}\n"),
    )?;
    let listed = printed(&of(&server, &root, &["access", "people", "list", "--json"]).output()?)?;
    let listed: Value = serde_json::from_str(&listed)?;
    assert_eq!(listed["people"][0]["name"], "ada");
    assert_eq!(listed["people"][1]["roles"][0], "admin");
    let wrong = typed(
        of(&server, &ada, &["login", "--name", "ada"]),
        "wrong password\n",
    );
    assert!(format!("{:#}", wrong.expect_err("wrong")).contains("SIGN_IN_REFUSED"));
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn keys_are_made_rotated_and_revoked() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = UpProcess::up(&folder.path().join("data"))?;
    let create = ["access", "keys", "create", "partner", "--kind", "partner"];
    let scoped = [&create[..], &["--scope", "recommend", "--scope", "quote"]].concat();
    let made = server.run_ok(&scoped)?;
    let secret = made.lines().last().context("a secret")?.trim();
    let (id, _) = secret.rsplit_once('_').context("an id before it")?;
    let listed = server.run_ok(&["access", "keys", "list"])?;
    for shown in [id, "partner", "recommend, quote", "tools:local"] {
        assert!(listed.contains(shown), "{shown}: {listed}");
    }
    assert!(!listed.contains(secret), "a secret is shown once");
    let rotated = server.run_ok(&["access", "keys", "rotate", id])?;
    let second = rotated.lines().last().context("a secret")?.trim();
    assert!(second.starts_with(id) && second != secret);
    server.run_ok(&["access", "keys", "revoke", id])?;
    let listed: Value =
        serde_json::from_str(&server.run_ok(&["access", "keys", "list", "--json"])?)?;
    assert!(listed["keys"][0]["revokedAtMs"].is_string(), "{listed}");
    let wrong = server.run(&[&create[..], &["--scope", "decide"]].concat())?;
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(
        !wrong.status.success() && said.contains("event.send"),
        "{said}"
    );
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn the_table_and_the_roles_need_no_server() -> anyhow::Result<()> {
    let shown = printed(&fairlead(&["access", "table"]).output()?)?;
    let publish = shown
        .lines()
        .find(|line| line.contains("ReleaseService/Publish"));
    let publish = publish.context("a row")?;
    assert_eq!(publish.matches('●').count(), 4, "{publish}");
    let rows: Value = serde_json::from_str(&printed(
        &fairlead(&["access", "table", "--json"]).output()?,
    )?)?;
    let rows = rows.as_array().context("a list")?;
    assert_eq!(rows.len(), fairlead_proto::REQUIREMENTS.len());
    let decide = rows
        .iter()
        .find(|row| row["method"] == "pricing.v1.PricingService/CreateQuote");
    assert_eq!(
        decide.context("a row")?["services"],
        serde_json::json!(["gateway"])
    );
    let roles = printed(&fairlead(&["access", "roles", "list"]).output()?)?;
    assert!(
        roles.contains("auditor") && roles.contains("law.edit"),
        "{roles}"
    );
    Ok(())
}
