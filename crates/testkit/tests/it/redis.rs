use fairlead_testkit::{Durability, RedisServer};

use crate::wire::{listens, redis};

#[test]
fn two_servers_share_nothing() {
    let (one, other) = (RedisServer::start().unwrap(), RedisServer::start().unwrap());
    assert_ne!(one.addr(), other.addr());
    assert_eq!(redis(one.addr(), "SET key of-one"), "+OK");
    assert_eq!(redis(other.addr(), "GET key"), "$-1");
    assert_eq!(redis(one.addr(), "GET key"), "of-one");
    assert_eq!(one.url(), format!("redis://{}", one.addr()));
}

#[test]
fn a_killed_server_is_gone_and_comes_back_with_what_its_log_holds() {
    let mut server = RedisServer::start_with(Durability::AppendOnly).unwrap();
    assert_eq!(redis(server.addr(), "SET key kept"), "+OK");
    server.kill9().unwrap();
    assert!(!listens(server.addr()));
    server.kill9().unwrap();
    server.restart().unwrap();
    assert_eq!(redis(server.addr(), "GET key"), "kept");
}

#[test]
fn a_volatile_server_comes_back_empty() {
    let mut server = RedisServer::start().unwrap();
    assert_eq!(redis(server.addr(), "SET key lost"), "+OK");
    server.restart().unwrap();
    assert_eq!(redis(server.addr(), "GET key"), "$-1");
}

#[test]
fn a_dropped_server_is_gone() {
    let server = RedisServer::start().unwrap();
    let addr = server.addr();
    drop(server);
    assert!(!listens(addr));
}
