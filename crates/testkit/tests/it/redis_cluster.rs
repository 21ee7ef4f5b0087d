use std::{
    thread,
    time::{Duration, Instant},
};

use fairlead_testkit::RedisCluster;

use crate::wire::redis;

#[test]
fn a_replica_takes_over_for_a_killed_master_which_comes_back() {
    let mut cluster = RedisCluster::start().unwrap();
    let addrs = cluster.addrs();
    assert_eq!(addrs.len(), 6);
    assert!(cluster.url().starts_with("redis+cluster://127.0.0.1:"));
    // The slot of this key belongs to the last third.
    assert_eq!(redis(addrs[0], "CLUSTER KEYSLOT foo"), ":12182");
    assert_eq!(
        redis(addrs[0], "GET foo"),
        format!("-MOVED 12182 {}", addrs[2])
    );
    assert_eq!(redis(addrs[2], "SET foo bar\r\nWAIT 1 10000"), ":1");

    cluster.kill9(2).unwrap();
    let limit = Instant::now() + Duration::from_mins(1);
    while redis(addrs[5], "GET foo") != "bar" {
        assert!(Instant::now() < limit, "no replica took over");
        thread::yield_now();
    }
    cluster.restart(2).unwrap();
    while !redis(addrs[2], "GET foo").ends_with(&addrs[5].to_string()) {
        assert!(Instant::now() < limit, "it does not follow");
        thread::yield_now();
    }
}
