//! A broker that is killed, restarted, absent or silent.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fairlead_event_log::{Error, EventLog, KafkaEventLog, KafkaOptions, Position, Record};
use fairlead_testkit::KafkaBroker;
use tokio::sync::watch;

use crate::subject::{Member, TIMEOUT, next_offsets, numbered, numbers, spec, total, unique};

async fn own_broker() -> KafkaBroker {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await;
    broker.expect("no panic").expect("a Kafka broker")
}

async fn kill9(mut broker: KafkaBroker) -> KafkaBroker {
    let killed = tokio::task::spawn_blocking(move || broker.kill9().map(|()| broker));
    killed.await.expect("no panic").expect("kills")
}

async fn restart(mut broker: KafkaBroker) -> KafkaBroker {
    let restarted = tokio::task::spawn_blocking(move || broker.restart().map(|()| broker));
    restarted.await.expect("no panic").expect("restarts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_and_restarted_keeps_what_it_acknowledged() {
    let broker = own_broker().await;
    let mut options = KafkaOptions::new(broker.bootstrap());
    options.delivery_timeout = TIMEOUT;
    let log = Arc::new(KafkaEventLog::connect(options).await.expect("connects"));
    let topic = unique("events");
    log.create_topic(&topic, spec(2)).await.expect("creates");
    let dyn_log = Arc::clone(&log) as Arc<dyn EventLog>;
    let mut member = Member::join(&dyn_log, &unique("group"), &topic).await;
    member.own(2).await;

    // Appends made while the broker is killed and restarted wait, and none fails.
    let (count, mut counted) = watch::channel(0);
    let stop = Arc::new(AtomicBool::new(false));
    let appending = {
        let (log, topic, stop) = (Arc::clone(&log), topic.clone(), Arc::clone(&stop));
        async move {
            let mut acknowledged: Vec<(Record, Position)> = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                let records = numbered(acknowledged.len(), 20);
                let positions = log.append(&topic, records.clone()).await.expect("appends");
                acknowledged.extend(records.into_iter().zip(positions));
                count.send_replace(acknowledged.len());
            }
            acknowledged
        }
    };
    let killing = async {
        counted
            .wait_for(|count| *count >= 500)
            .await
            .expect("appends");
        let killed = kill9(broker).await;
        let before = *counted.borrow();
        let broker = restart(killed).await;
        let more = counted.wait_for(|count| *count >= before + 500).await;
        more.expect("appends go on");
        stop.store(true, Ordering::SeqCst);
        broker
    };
    let (acknowledged, _broker) = tokio::join!(appending, killing);
    for (record, position) in &acknowledged {
        let read = log.read(&topic, *position, 1).await.expect("reads");
        assert_eq!(read[0].record.payload, record.payload);
    }
    let total = total(&*log, &topic).await;
    assert_eq!(total, acknowledged.len(), "nothing was written twice");

    // The consumer from before the restart goes on by itself.
    member.receive(acknowledged.len()).await;
    assert_eq!(numbers(&member.received), (0..acknowledged.len()).collect());
    member.commit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_to_a_broker_that_stays_away_fail_in_time() {
    let broker = own_broker().await;
    let bootstrap = broker.bootstrap();
    let mut options = KafkaOptions::new(&bootstrap);
    options.delivery_timeout = Duration::from_secs(2);
    options.request_timeout = Duration::from_secs(2);
    let log = KafkaEventLog::connect(options).await.expect("connects");
    let topic = unique("events");
    log.create_topic(&topic, spec(1)).await.expect("creates");
    log.append(&topic, numbered(0, 1)).await.expect("appends");
    let log = Arc::new(log);
    let dyn_log = Arc::clone(&log) as Arc<dyn EventLog>;
    let mut member = Member::join(&dyn_log, &unique("group"), &topic).await;
    member.receive(1).await;
    let _dead = kill9(broker).await;

    let appended = tokio::time::timeout(TIMEOUT, log.append(&topic, numbered(1, 10))).await;
    let error = appended
        .expect("in bounded time")
        .expect_err("nobody there");
    assert!(
        matches!(
            error,
            Error::Unreachable {
                waited_ms: 2_000,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains(&bootstrap), "{error}");
    let health = tokio::time::timeout(TIMEOUT, log.healthy()).await;
    let error = health.expect("in bounded time").expect_err("nobody there");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");

    // A consumer waits for the broker to come back; what needs its answer fails in time.
    member.poll(Duration::from_millis(100)).await;
    let upto = next_offsets(&member.received);
    let committed = tokio::time::timeout(TIMEOUT, member.consumer.commit(&upto)).await;
    committed
        .expect("in bounded time")
        .expect_err("nobody there");
    let lag = tokio::time::timeout(TIMEOUT, member.consumer.lag()).await;
    lag.expect("in bounded time").expect_err("nobody there");
    let closed = tokio::time::timeout(TIMEOUT, member.consumer.close()).await;
    closed.expect("in bounded time").expect("goes");
}

async fn connect(bootstrap: &str) -> Error {
    let mut options = KafkaOptions::new(bootstrap);
    options.request_timeout = Duration::from_secs(1);
    let connected = tokio::time::timeout(TIMEOUT, KafkaEventLog::connect(options)).await;
    connected
        .expect("in bounded time")
        .err()
        .expect("nobody there")
}

#[tokio::test]
async fn without_a_broker_the_error_says_what_to_check() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let bootstrap = listener.local_addr().expect("an address").to_string();
    // First a listener that is no broker and never answers, then no listener.
    let silent = connect(&bootstrap).await;
    drop(listener);
    let nobody = connect(&bootstrap).await;
    let unresolved = connect("broker.invalid:9092").await;
    for (error, address) in [
        (silent, bootstrap.as_str()),
        (nobody, bootstrap.as_str()),
        (unresolved, "broker.invalid:9092"),
    ] {
        let message = error.to_string();
        assert!(matches!(error, Error::Unreachable { .. }), "{message}");
        assert!(
            message.contains(address) && message.contains("check"),
            "{message}"
        );
    }
}
