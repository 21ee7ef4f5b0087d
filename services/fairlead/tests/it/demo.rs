//! A small demo from beginning to end, on a real Apache Kafka.

use fairlead_testkit::KafkaBroker;

use crate::binary::{fairlead, printed};

#[test]
fn the_demo_shows_all_of_it_on_kafka_and_finds_its_data_again() -> anyhow::Result<()> {
    let broker = KafkaBroker::shared().map_err(|error| anyhow::anyhow!("{error}"))?;
    let folder = tempfile::tempdir()?;
    let run = || -> anyhow::Result<String> {
        let output = fairlead(&["demo", "--exit", "--customers", "1500", "--events", "20000"])
            .args(["--kafka", &broker.bootstrap()])
            .arg("--data-dir")
            .arg(folder.path())
            .env("FAIRLEAD_LISTEN__GATEWAY", "127.0.0.1:0")
            .env("FAIRLEAD_LISTEN__CONTROL", "127.0.0.1:0")
            .env("FAIRLEAD_LISTEN__METRICS", "127.0.0.1:0")
            .env("FAIRLEAD_GATEWAY__DEADLINE_MS", "20000")
            .output()?;
        printed(&output)
    };
    let shown = run()?;
    for part in [
        "products of six kinds",
        "every event is visible in the feature store",
        "popularity",
        "release 1 is published and served",
        "from cost",
        "guardrail cap",
        "after it was published",
        "The other arm of experiment",
        "A release with a changed rate card",
        "as for everyone",
        "withdraws consent",
        "The record of request",
        "features as used",
        "All shown after",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(!shown.contains("degraded"), "{shown}");
    let again = run()?;
    assert!(again.contains("Found its data"), "{again}");
    Ok(())
}
