//! The metrics as Prometheus renders them.

use std::sync::Arc;

use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, EventLog, Record};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::subject::{Member, numbered, spec};

#[test]
fn appends_errors_and_polls_are_counted_by_topic() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let log = EmbeddedEventLog::open(EmbeddedOptions::new(folder.path())).await;
            let log: Arc<dyn EventLog> = Arc::new(log.expect("opens"));
            log.create_topic("events", spec(2)).await.expect("creates");
            log.append("events", numbered(0, 7)).await.expect("appends");
            let large = Record::new("k", vec![0; 2_000_000]);
            let refused = log.append("events", vec![large]).await;
            refused.expect_err("too large");
            // An unknown topic is no label, because callers could invent any number of them.
            let unknown = log.append("nowhere", numbered(0, 1)).await;
            unknown.expect_err("no topic");
            let mut member = Member::join(&log, "group", "events").await;
            member.receive(7).await;
        });
    });
    let rendered = handle.render();
    let labels = r#"{topic="events",implementation="embedded"}"#;
    for (name, value) in [
        ("fairlead_event_log_appended_total", 7),
        ("fairlead_event_log_append_errors_total", 1),
        ("fairlead_event_log_append_seconds_count", 1),
        ("fairlead_event_log_polled_total", 7),
    ] {
        let line = format!("{name}{labels} {value}");
        assert!(rendered.contains(&line), "{line} is not in\n{rendered}");
    }
    assert!(!rendered.contains("nowhere"), "{rendered}");
}
