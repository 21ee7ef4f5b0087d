//! A control plane on a PostgreSQL that is reached by TLS alone.

use std::path::Path;

use fairlead_control_plane::{Config, migrate};
use fairlead_testkit::{Authority, PostgresServer, Subject};

use crate::plane::{Home, Plane, deposit};

/// Returns the URL with the demand that the server proves itself to be its host.
fn verified(url: &str, host: &str, ca: &Path) -> String {
    let url = url.replace("127.0.0.1", host);
    format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display())
}

/// Returns why the database cannot be opened.
async fn refusal(database: String) -> String {
    let config = Config {
        database,
        ..Config::default()
    };
    let error = migrate(&config).await.expect_err("no connection");
    let mut said = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_must_prove_that_it_is_its_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let bank = Authority::new().expect("an authority");
    let ca = bank.write(&folder.path().join("ca.pem")).expect("written");
    let subject = Subject {
        service: None,
        hosts: vec!["localhost".to_owned()],
        expired: false,
    };
    let files = bank
        .issue(&subject, folder.path(), "database")
        .expect("a certificate");
    let server = tokio::task::block_in_place(|| PostgresServer::start_secured(&files));
    let server = server.expect("a PostgreSQL");
    let url = server.database().expect("a database");

    let plane = Plane::start(&Home::at(verified(&url, "localhost", &ca)));
    plane.put(vec![deposit("D-1")]).await;
    assert_eq!(plane.publish().await.revision, 1);

    let said = refusal(format!("{url}?sslmode=disable")).await;
    assert!(said.contains("no encryption"), "plaintext: {said}");
    let said = refusal(verified(&url, "127.0.0.1", &ca)).await;
    assert!(said.contains("not valid for name"), "another host: {said}");
    let stranger = Authority::new().expect("an authority");
    let stranger = stranger
        .write(&folder.path().join("stranger.pem"))
        .expect("written");
    let said = refusal(verified(&url, "localhost", &stranger)).await;
    assert!(said.contains("UnknownIssuer"), "another authority: {said}");
}
