//! The command line over https, and servers that refuse to be reached without it.

use std::path::Path;

use anyhow::Context as _;
use fairlead_testkit::{Authority, Subject};

use crate::binary::{UpProcess, fairlead, printed};

/// Runs a command that must fail. Returns what it complained of.
fn refused(server: &UpProcess, arguments: &[&str]) -> anyhow::Result<String> {
    let output = server.run(arguments)?;
    anyhow::ensure!(!output.status.success(), "{arguments:?} is not refused");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that can be written")
}

/// The words of the command line to who has named an authority, a stranger's, a certificate and a key
/// wrongly.
fn refusals(server: &UpProcess, [ca, other, cert, key]: [&str; 4]) -> anyhow::Result<()> {
    let said = refused(server, &["track", "c1", "app_opened"])?;
    assert!(
        said.contains("not trusted here; name it by --ca FILE or FAIRLEAD_CA_FILE"),
        "{said}"
    );
    let said = refused(server, &["track", "c1", "app_opened", "--ca", other])?;
    assert!(
        said.contains("an authority that is not trusted here"),
        "{said}"
    );
    let said = refused(server, &["release", "list", "--ca", ca])?;
    assert!(
        said.contains("show one by --cert FILE and --key-file FILE"),
        "{said}"
    );
    let said = refused(server, &["release", "list", "--ca", ca, "--cert", cert])?;
    assert!(said.contains("--cert and --key-file go together"), "{said}");
    let said = refused(server, &["release", "list", "--ca", key])?;
    assert!(
        said.contains("`--ca`") && said.contains("holds no certificate"),
        "{said}"
    );
    let plain = format!("http://127.0.0.1:{}", server.control());
    let said = refused(server, &["release", "list", "--control", &plain])?;
    assert!(
        said.contains("it speaks TLS only; use https:// in its address"),
        "{said}"
    );
    Ok(())
}

#[test]
fn the_command_line_checks_the_server_and_proves_itself() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let bank = Authority::new()?;
    let ca = bank.write(&folder.path().join("ca.pem"))?;
    let own = bank.issue(&Subject::service("control"), folder.path(), "server")?;
    let tool = bank.issue(&Subject::service("tools"), folder.path(), "tool")?;
    let other = Authority::new()?.write(&folder.path().join("other.pem"))?;
    let (ca, other) = (text(&ca)?, text(&other)?);
    let (cert, key) = (text(&tool.certificate)?, text(&tool.key)?);
    let settings = [
        ("FAIRLEAD_TLS__CERTIFICATE_FILE", text(&own.certificate)?),
        ("FAIRLEAD_TLS__KEY_FILE", text(&own.key)?),
        ("FAIRLEAD_TLS__CA_FILE", ca),
        ("FAIRLEAD_TLS__CLIENT_CERTIFICATES__CONTROL", "required"),
    ];
    let client = [
        ("FAIRLEAD_CA_FILE", ca),
        ("FAIRLEAD_CERT_FILE", cert),
        ("FAIRLEAD_KEY_FILE", key),
    ];
    let data = folder.path().join("data");
    let server = UpProcess::up_at(&data, &settings, "https", &client)?;

    let list = [
        "release",
        "list",
        "--ca",
        ca,
        "--cert",
        cert,
        "--key-file",
        key,
    ];
    server.run_ok(&list)?;
    let tracked = server.run_ok(&["track", "c1", "app_opened", "--ca", ca])?;
    assert!(tracked.starts_with("event "), "{tracked}");

    refusals(&server, [ca, other, cert, key])?;
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn a_server_that_others_reach_without_tls_does_not_start() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = text(folder.path())?;
    let up = ["up", "--data-dir", data];
    let checks = ["serve", "profile", "--check-config"];
    let cases: [(&[&str], &str, &str); 4] = [
        (&up, "FAIRLEAD_LISTEN__GATEWAY", "listen.gateway"),
        (&up, "FAIRLEAD_LISTEN__CONTROL", "listen.control"),
        (
            &["up", "--check-config"],
            "FAIRLEAD_LISTEN__CONTROL",
            "listen.control",
        ),
        (&checks, "FAIRLEAD_LISTEN__PROFILE", "listen.profile"),
    ];
    for (arguments, variable, key) in cases {
        let output = fairlead(arguments).env(variable, "0.0.0.0:0").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        for words in [
            key,
            "0.0.0.0:0",
            "tls.certificate_file",
            "encrypted-network",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
    // Metrics hold no personal data; and a network may encrypt by itself.
    let let_through = fairlead(&checks)
        .env("FAIRLEAD_LISTEN__METRICS", "0.0.0.0:0")
        .output()?;
    printed(&let_through)?;
    let let_through = fairlead(&checks)
        .env("FAIRLEAD_LISTEN__PROFILE", "0.0.0.0:0")
        .env("FAIRLEAD_TLS__PLAINTEXT", "encrypted-network")
        .output()?;
    printed(&let_through)?;
    Ok(())
}
