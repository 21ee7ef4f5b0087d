use std::net::SocketAddr;

use fairlead_testkit::KafkaBroker;

use crate::wire::listens;

#[test]
fn the_shared_broker_is_one() {
    let (one, other) = (
        KafkaBroker::shared().unwrap(),
        KafkaBroker::shared().unwrap(),
    );
    assert_eq!(one.bootstrap(), other.bootstrap());
    assert!(listens(one.bootstrap().parse().unwrap()));
}

/// That it serves after a restart is checked by `restart` itself, in Kafka's protocol; that it keeps
/// records is checked with a real client by the event log's conformance suite.
#[test]
fn a_killed_broker_is_gone_and_comes_back_at_the_same_address() {
    let mut broker = KafkaBroker::start().unwrap();
    let addr: SocketAddr = broker.bootstrap().parse().unwrap();
    broker.kill9().unwrap();
    assert!(!listens(addr));
    broker.restart().unwrap();
    assert_eq!(broker.bootstrap(), addr.to_string());
    assert!(listens(addr));
    drop(broker);
    assert!(!listens(addr));
}
