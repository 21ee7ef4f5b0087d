//! Signing in at a real identity provider by the command line, with a browser that nobody sits at.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use anyhow::Context as _;
use fairlead_testkit::{Browser, OidcProvider};

use crate::binary::{UpProcess, printed};

/// Runs `fairlead login --oidc` with a person who signs in as `name`; returns what it said.
fn login(server: &UpProcess, home: &std::path::Path, name: &str) -> anyhow::Result<(bool, String)> {
    let mut command = server.without_token(&["login", "--oidc", "--no-browser"]);
    let mut child = command
        .env("XDG_CONFIG_HOME", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line?;
        if line.starts_with("http") {
            let page = Browser::default().sign_in(&line, name)?;
            anyhow::ensure!(page.text.contains("You are signed in"), "{page:?}");
            break;
        }
    }
    for line in lines {
        said.push_str(&line?);
    }
    let mut errors = child.stderr.take().context("piped")?;
    errors.read_to_string(&mut said)?;
    Ok((child.wait()?.success(), said))
}

#[test]
fn a_person_signs_in_at_the_identity_provider_and_is_known_here() -> anyhow::Result<()> {
    let provider = OidcProvider::start()?;
    let folder = tempfile::tempdir()?;
    let variables = [
        ("FAIRLEAD_CONTROL__OIDC__ISSUER", provider.issuer()),
        ("FAIRLEAD_CONTROL__OIDC__CLIENT_ID", "fairlead"),
    ];
    let server = UpProcess::up_with(&folder.path().join("data"), &variables)?;
    let home = folder.path().join("home");
    let (signed_in, said) = login(&server, &home, "subject-of-ada")?;
    assert!(!signed_in && said.contains("UNKNOWN_PERSON"), "{said}");
    let add = [
        "access",
        "people",
        "add",
        "ada",
        "--role",
        "owner",
        "--subject",
    ];
    server.run_ok(&[&add[..], &["subject-of-ada"]].concat())?;
    let (signed_in, said) = login(&server, &home, "subject-of-ada")?;
    assert!(signed_in && said.contains("signed in as ada"), "{said}");
    let mut who = server.without_token(&["whoami"]);
    let who = printed(&who.env("XDG_CONFIG_HOME", &home).output()?)?;
    assert!(who.contains("person:ada"), "{who}");
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}
