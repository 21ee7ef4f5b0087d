//! Records from other Kafka clients, and topics created by others.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fairlead_event_log::{Error, EventLog, KafkaEventLog, KafkaOptions, Record};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::subject::{Member, Subject, shared_broker, unique};

async fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", shared_broker().await.bootstrap());
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_keys_null_payloads_and_arbitrary_bytes_are_delivered() {
    let subject = Subject::kafka().await;
    let topic = subject.topic(1).await;
    let producer: FutureProducer = client().await.create().expect("a producer");
    let bytes = vec![0xfe_u8; 1_000_000];
    let foreign = [
        FutureRecord::<[u8], [u8]>::to(&topic).payload(&b"no key"[..]),
        FutureRecord::to(&topic).key(&b"tombstone"[..]),
        FutureRecord::to(&topic)
            .key(&b"bytes"[..])
            .payload(&bytes[..900_000]),
    ];
    for record in foreign {
        let sent = producer.send(record, Duration::from_secs(30)).await;
        sent.expect("is sent");
    }
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(3).await;
    let received = member.received.iter();
    let content: Vec<(&[u8], usize)> = received
        .map(|delivered| (&delivered.record.key[..], delivered.record.payload.len()))
        .collect();
    assert_eq!(
        content,
        [(&b""[..], 6), (b"tombstone", 0), (b"bytes", 900_000)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_not_text_does_not_stop_the_partition() {
    let subject = Subject::kafka().await;
    let topic = subject.topic(1).await;
    let bootstrap = shared_broker().await.bootstrap();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe=value");
    let kcat = Command::new("kcat")
        .args([
            "-P",
            "-b",
            &bootstrap,
            "-t",
            &topic,
            "-H",
            "plain=text",
            "-H",
        ])
        .arg(name)
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut kcat) = kcat else {
        println!("skipped: no kcat to send a header that is not UTF-8");
        return;
    };
    let mut stdin = kcat.stdin.take().expect("piped");
    stdin.write_all(b"content\n").expect("writes");
    drop(stdin);
    assert!(kcat.wait().expect("ends").success());

    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(1).await;
    let record = &member.received[0].record;
    assert_eq!(&record.payload[..], b"content");
    assert_eq!(
        record.header("plain").map(|value| &value[..]),
        Some(&b"text"[..])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topics_own_limit_is_named() {
    let topic = unique("small");
    let admin: AdminClient<DefaultClientContext> = client().await.create().expect("a client");
    let small =
        NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "20000");
    let created = admin.create_topics([&small], &AdminOptions::new()).await;
    created.expect("asks")[0].as_ref().expect("creates");
    let mut options = KafkaOptions::new(shared_broker().await.bootstrap());
    options.compression = fairlead_event_log::Compression::None;
    let log = KafkaEventLog::connect(options).await.expect("connects");
    log.create_topic(&topic, crate::subject::spec(1))
        .await
        .expect("is there");

    let record = Record::new("key", vec![b'x'; 30_000]);
    let error = log
        .append(&topic, vec![record])
        .await
        .expect_err("too large");
    assert!(
        matches!(
            error,
            Error::RecordTooLarge {
                size: 30_003,
                limit: 20_000,
                ..
            }
        ),
        "{error}"
    );
    log.append(&topic, vec![Record::new("key", "small")])
        .await
        .expect("goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creating_an_existing_topic_at_the_same_time_succeeds() {
    let subject = Subject::kafka().await;
    let topic = subject.topic(2).await;
    let other = Subject::kafka().await;
    // Two processes that start at the same time both create the topic.
    let again = Arc::clone(&other.log);
    let (one, two) = tokio::join!(
        subject.log.create_topic(&topic, crate::subject::spec(2)),
        again.create_topic(&topic, crate::subject::spec(2)),
    );
    one.expect("is there");
    two.expect("is there");
}
