//! Rejected rows: whole, with their cause, and without effect.

use std::fmt::Write as _;

use fairlead_proto::event::v1::EventKind;

use super::fixture::ImportFixture;
use super::rejects;

/// A row that makes two events is taken or rejected as one.
#[tokio::test]
async fn a_rejected_row_changes_nothing_not_half() {
    let fixture = ImportFixture::new().await;
    // A number that no bureau gives, beside a consent that is fine.
    let text = "customer_id,bureau_score,consent.personalisation\nh1,99999,true\nh2,700,true\n";
    let file = fixture.file("half.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let logged = fixture.logged().await;
    assert!(
        logged.iter().all(|event| event.customer_id == "h2"),
        "{logged:?}"
    );
    assert_eq!(logged.len(), 2);
    fixture.end().await;
}

/// The gateway refuses facts that an app may not state, and with them what the row says besides.
#[tokio::test]
async fn a_row_that_the_gateway_refuses_in_part_is_not_taken_in_part() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id,region,consent.personalisation\np1,310000,true\n";
    let file = fixture.file("app.csv", text);
    let gateway = fixture.gateway_of_an_app();
    let report = fixture.import_through(&gateway, "customers", &file).await;
    let report = report.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 1));
    assert!(rejects(&report).contains("attributes.region"), "{report:?}");
    assert_eq!(fixture.logged().await, []);
    fixture.end().await;
}

#[tokio::test]
async fn a_rejected_row_is_kept_whole_and_can_be_mended() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id;note;region;gender\nk1;\"a; \"\"b\"\"\nc\";310000.0;F\nk2;x;310000;F\n";
    let file = fixture.file("keep.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let kept = report.rejects.clone().expect("a rejects file");
    let rejected = rejects(&report);
    let expected = "reject.line;reject.cause;reject.allowed;customer_id;note;region;gender\n\
                    2;region `310000.0`;a text, or a whole number";
    assert!(rejected.starts_with(expected), "{rejected}");
    assert!(
        rejected.ends_with("k1;\"a; \"\"b\"\"\nc\";310000.0;F\n"),
        "{rejected}"
    );
    std::fs::write(&kept, rejected.replace("310000.0", "310000")).expect("mended");
    let report = fixture.import("customers", &kept).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 0));
    assert_eq!(report.ignored, ["note"], "what was added is nothing new");
    let event = fixture.of_customer("k1").await;
    assert_eq!(event.kind(), EventKind::ProfileUpdated);
    fixture.end().await;
}

#[tokio::test]
async fn a_rejected_object_is_kept_whole_and_can_be_mended() {
    let fixture = ImportFixture::new().await;
    let text =
        "{\"customerId\":\"o1\",\"note\":{\"a\":[1]},\"region\":310000.5}\n{\"customerId\":\n";
    let file = fixture.file("keep.jsonl", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 2));
    let kept = report.rejects.clone().expect("a rejects file");
    assert!(kept.ends_with("keep.jsonl.rejects.jsonl"));
    let rejected = rejects(&report);
    let rows: Vec<serde_json::Value> = rejected
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows[0]["reject"]["line"], 1);
    assert_eq!(rows[0]["note"]["a"][0], 1);
    assert_eq!(rows[1]["reject.row"], "{\"customerId\":");
    let first = rejected.lines().next().expect("a row");
    std::fs::write(&kept, first.replace("310000.5", "310000")).expect("mended");
    let report = fixture.import("customers", &kept).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 0));
    fixture.end().await;
}

#[tokio::test]
async fn a_dry_run_shows_what_was_understood_and_sends_nothing() {
    let fixture = ImportFixture::new().await;
    let mut text = "customer_id,kind,product_id,event_time_ms,amount.minor,amount.currency\n\
                    c0,wink,,,,\n"
        .to_owned();
    for customer in 1..=15 {
        let row = "holding_opened,P,2025-01-31T08:00:00+08:00,100.0,CNY";
        writeln!(text, "c{customer},{row}").expect("written");
    }
    let file = fixture.file("dry.csv", &text);
    let report = fixture.dry_run("events", &file).await.expect("read");
    assert_eq!((report.read, report.accepted, report.rejected), (16, 15, 1));
    assert_eq!(report.preview.len(), 10);
    assert_eq!(report.preview[0].line, 3);
    let shown: Vec<(&str, &str)> = report.preview[0]
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("kind", "holding_opened"),
        ("customer_id", "c1"),
        ("event_time", "2025-01-31T00:00:00Z"),
        ("product_id", "P"),
        ("amount", "100 minor units of CNY"),
    ];
    assert_eq!(shown, expected);
    assert!(rejects(&report).contains("kind `wink`"));
    let file = fixture.file(
        "dry.jsonl",
        "{\"customer_id\":\"c\",\"birth_date_ms\":\"1990-05-17\"}",
    );
    let report = fixture.dry_run("customers", &file).await.expect("read");
    let birth = ("birth_date_ms".to_owned(), "1990-05-17".to_owned());
    assert!(report.preview[0].fields.contains(&birth), "{report:?}");
    assert_eq!(fixture.logged().await, []);
    fixture.end().await;
}
