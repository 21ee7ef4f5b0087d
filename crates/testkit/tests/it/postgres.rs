use std::process::Command;

use fairlead_testkit::PostgresServer;

use crate::wire::listens;

/// One statement by the server's own client; what it printed.
fn psql(url: &str, statement: &str) -> String {
    let done = Command::new("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", url, "-c"])
        .arg(statement)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn databases_of_one_server_share_nothing() {
    let server = PostgresServer::shared().unwrap();
    let (one, other) = (server.database().unwrap(), server.database().unwrap());
    psql(&one, "CREATE TABLE things (name TEXT)");
    psql(&other, "CREATE TABLE things (name TEXT)");
    psql(&one, "INSERT INTO things VALUES ('of one')");
    assert_eq!(psql(&other, "SELECT count(*) FROM things"), "0");
    assert_eq!(psql(&one, "SELECT name FROM things"), "of one");
}

#[test]
fn a_killed_server_is_gone_and_comes_back_with_what_it_held() {
    let mut server = PostgresServer::start().unwrap();
    let url = server.database().unwrap();
    psql(&url, "CREATE TABLE things AS SELECT 7 AS kept");
    server.kill9().unwrap();
    assert!(!listens(server.addr()));
    server.kill9().unwrap();
    server.restart().unwrap();
    assert_eq!(psql(&url, "SELECT kept FROM things"), "7");
}

#[test]
fn a_dropped_server_is_gone() {
    let server = PostgresServer::start().unwrap();
    let addr = server.addr();
    drop(server);
    assert!(!listens(addr));
}
