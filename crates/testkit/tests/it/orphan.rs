//! A server must not outlive a test process that gets no chance to clean up.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fairlead_testkit::RedisServer;

use crate::wire::{listens, redis};

/// Set in the process that is to be killed.
const VICTIM: &str = "FAIRLEAD_TESTKIT_VICTIM";

/// Not a case of its own: the other test runs it in a process of its own, and kills that.
#[test]
fn victim() {
    if env::var_os(VICTIM).is_none() {
        return;
    }
    let server = RedisServer::start().unwrap();
    println!("victim's server: {}", server.addr());
    // Holds until killed: this pipe is never written to.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_server_dies_with_a_killed_test_process_and_takes_its_folder_along() {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "orphan::victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let addr: SocketAddr = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("victim's server: ")?.1.parse().ok())
        .unwrap();
    let folder = redis(addr, "CONFIG GET dir");
    assert!(Path::new(&folder).is_dir());

    victim.kill().unwrap();
    victim.wait().unwrap();

    let limit = Instant::now() + Duration::from_secs(30);
    while listens(addr) || Path::new(&folder).exists() {
        assert!(Instant::now() < limit, "{addr} or {folder} is still there");
        thread::yield_now();
    }
}
