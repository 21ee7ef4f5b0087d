//! Imports against a real gateway with a real log, and a real control plane.

mod bytes;
mod facts;
mod fixture;
mod parquet;
mod rejects;
mod times;

use std::fmt::Write as _;

use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_import::{FileFormat, ImportReport, ReadOptions};
use fairlead_lab::sim;
use fairlead_proto::event::v1::{Event, EventKind};

use fixture::ImportFixture;

fn rejects(report: &ImportReport) -> String {
    let path = report.rejects.as_ref().expect("a rejects file");
    std::fs::read_to_string(path).expect("read")
}

#[tokio::test]
async fn bad_lines_are_rejected_and_the_others_go_into_the_log() {
    let fixture = ImportFixture::new().await;
    let mut text = String::from("customer_id,kind,product_id,shoe_size\n");
    for row in 0..2_500 {
        // Lines 2, 702, 1402 and 2102 have an unknown kind; all others are valid.
        let kind = if row % 700 == 0 { "wink" } else { "click" };
        writeln!(text, "c{row},{kind},P-1,43").expect("written");
    }
    text.push_str("c9,click\nc10,click,,1\nc11,click,no id,1\n");
    let file = fixture.file("clicks.csv", &text);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!(
        (report.read, report.accepted, report.rejected),
        (2_503, 2_496, 7)
    );
    assert_eq!(report.ignored, ["shoe_size"]);
    let rejects = rejects(&report);
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines.len(), 8);
    assert!(
        lines[1].starts_with("2,") && lines[1].contains("kind `wink`"),
        "{rejects}"
    );
    assert!(
        rejects.contains("\n2502,") && rejects.contains("2 fields, the header 4"),
        "{rejects}"
    );
    assert!(
        rejects.contains("\n2503,") && rejects.contains("product_id"),
        "{rejects}"
    );
    assert!(rejects.contains("no id"), "{rejects}");
    let logged = fixture.logged().await;
    assert_eq!(logged.len(), 2_496);
    assert!(logged.iter().all(|event| event.kind() == EventKind::Click));
    fixture.end().await;
}

#[tokio::test]
async fn a_file_imported_twice_has_the_same_event_ids() {
    let fixture = ImportFixture::new().await;
    let text = "{\"customer_id\":\"c\",\"kind\":\"click\",\"product_id\":\"P\"}\n";
    let file = fixture.file("clicks.jsonl", text.repeat(3));
    fixture.import("events", &file).await.expect("imported");
    fixture.import("events", &file).await.expect("imported");
    let mut ids: Vec<String> = fixture
        .logged()
        .await
        .into_iter()
        .map(|one| one.event_id)
        .collect();
    assert_eq!(ids.len(), 6);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    fixture.end().await;
}

#[tokio::test]
async fn lines_of_junk_do_not_stop_what_is_good() {
    let fixture = ImportFixture::new().await;
    let good = "{\"customerId\":\"c\",\"kind\":\"EVENT_KIND_APP_OPENED\"}\n";
    let mut content = b"\xff junk\n[1,2]\n\n".to_vec();
    content.extend(vec![b'x'; 3 << 20]);
    content.extend(b"\n{\"customer_id\":\n");
    content.extend(good.as_bytes());
    content.extend(good.trim_end().as_bytes());
    let file = fixture.file("mixed.ndjson", content);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.read, report.accepted, report.rejected), (6, 2, 4));
    let rejects = rejects(&report);
    assert!(
        rejects.contains("\"cause\":\"the line is longer than 1048576 bytes\",\"line\":4"),
        "{rejects}"
    );
    assert_eq!(fixture.logged().await.len(), 2);
    fixture.end().await;
}

#[tokio::test]
async fn customers_become_profiles_and_consents() {
    let fixture = ImportFixture::new().await;
    let text = "\u{feff}customer_id,birth_date_ms,bureau_grade,consent.personalisation\n\
                c1,1990-02-01,A,yes\nc2,,B,\nc3,never,A,no\nc4,,,\n";
    let file = fixture.file("customers.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.read, report.accepted, report.rejected), (4, 2, 2));
    let rejects = rejects(&report);
    assert!(
        rejects.contains("\n4,") && rejects.contains("birth_date_ms `never`"),
        "{rejects}"
    );
    assert!(
        rejects.contains("\n5,") && rejects.contains("nothing to import"),
        "{rejects}"
    );
    let mut kinds: Vec<EventKind> = fixture.logged().await.iter().map(Event::kind).collect();
    kinds.sort_unstable();
    let profile = EventKind::ProfileUpdated;
    assert_eq!(kinds, [profile, profile, EventKind::ConsentChanged]);
    fixture.end().await;
}

#[tokio::test]
async fn parquet_goes_in_as_well() {
    let fixture = ImportFixture::new().await;
    let file = fairlead_testkit::crate_dir().join("tests/data/customers.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.read, report.accepted), (2, 2));
    let logged = fixture.logged().await;
    let of = |id: &str| {
        logged
            .iter()
            .find(|one| one.customer_id == id)
            .expect("told")
    };
    let json = serde_json::to_value(&of("c1").attributes).expect("JSON");
    assert_eq!(json["birth_date_ms"]["number"], 315_619_200_000.0);
    assert_eq!(json["bureau_score"]["number"], 711.0);
    assert!(!of("c2").attributes.contains_key("bureau_score"));
    fixture.end().await;
}

#[tokio::test]
async fn a_catalogue_is_imported_completely_or_not_at_all() {
    let fixture = ImportFixture::new().await;
    let header = "product_id,name,kind,currency,deposit.yield_ppm,deposit.tenor_months,\
                  deposit.min_amount.minor\n";
    let row = |id: &str, rate: &str| format!("{id},Deposit,deposit,CNY,{rate},12,5000\n");
    let twice = [row("A", "15000"), row("B", "15000"), row("A", "16000")].concat();
    let file = fixture.file("twice.csv", format!("{header}{twice}"));
    let error = fixture.import("catalogue", &file).await.expect_err("twice");
    let error = error.to_string();
    assert!(error.contains("`A` on lines 2, 4"), "{error}");
    let wrong = [row("A", "15000"), row("B", "much")].concat();
    let file = fixture.file("wrong.csv", format!("{header}{wrong}"));
    let error = fixture.import("catalogue", &file).await.expect_err("wrong");
    let error = error.to_string();
    assert!(
        error.contains("1 of 2 rows") && error.contains("rejects.csv"),
        "{error}"
    );
    let refused = row("A", "-1");
    let file = fixture.file("refused.csv", format!("{header}{refused}"));
    let error = fixture
        .import("catalogue", &file)
        .await
        .expect_err("refused");
    let error = format!("{error:#}");
    assert!(
        error.contains("deposit.yield_ppm") && error.contains("-1"),
        "{error}"
    );
    assert_eq!(
        fixture.drafted().await,
        [],
        "nothing was changed by any of them"
    );
    let good = [row("A", "15000"), row("B", "15000")].concat();
    let file = fixture.file("good.csv", format!("{header}{good}"));
    let report = fixture.import("catalogue", &file).await.expect("imported");
    assert_eq!((report.accepted, fixture.drafted().await.len()), (2, 2));
    let mut products = sim::catalogue(1);
    let lines: Vec<String> = products
        .iter()
        .map(|product| serde_json::to_string(product).expect("proto JSON"))
        .collect();
    let file = fixture.file("demo.jsonl", lines.join("\n"));
    let report = fixture.import("catalogue", &file).await.expect("imported");
    assert_eq!(report.accepted, products.len() as u64);
    let mut drafted = fixture.drafted().await;
    // A and B are in no row of the second file: withdrawn, not deleted.
    drafted.retain(|product| product.active);
    for list in [&mut products, &mut drafted] {
        list.sort_by(|one, other| one.product_id.cmp(&other.product_id));
    }
    assert_eq!(drafted, products, "nothing is lost on the way through JSON");
    fixture.end().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_say_why() {
    let fixture = ImportFixture::new().await;
    for (name, content, expected) in [
        ("a.xls", "x", "the ending stands for no format"),
        ("a.xlsx", "x", "no workbook"),
        (
            "b.csv",
            "name,kind\nx,click\n",
            "lacks the columns customer_id; it has name, kind",
        ),
        (
            "c.csv",
            "customer_id,kind,kind\n",
            "two columns are named `kind`",
        ),
        ("d.csv", "", "has no header"),
        (
            "e.parquet",
            "no parquet",
            "no Parquet file that can be read",
        ),
        ("f.csv.gz", "no gzip", "cannot read"),
    ] {
        let file = fixture.file(name, content);
        let error = fixture.import("events", &file).await.expect_err(expected);
        let error = format!("{error:#}");
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
    let missing = fixture.folder.path().join("missing.csv");
    let error = fixture
        .import("events", &missing)
        .await
        .expect_err("missing");
    assert!(error.to_string().contains("cannot open"), "{error}");
    assert_eq!(fixture.logged().await.len(), 0);
    fixture.end().await;
}

#[tokio::test]
async fn every_simulated_event_goes_through_its_own_json() {
    let fixture = ImportFixture::new().await;
    let now_ms = SystemClock.now_ms();
    let population = sim::Population::new(3, 60);
    let mut simulated: Vec<Event> = population
        .of_tenant(&fixture.tenant)
        .events(1_500, now_ms)
        .collect();
    let lines: Vec<String> = simulated
        .iter()
        .map(|event| serde_json::to_string(event).expect("proto JSON"))
        .collect();
    let file = fixture.file("events.jsonl", lines.join("\n"));
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1_500, 0));
    let mut logged = fixture.logged().await;
    for events in [&mut simulated, &mut logged] {
        events.sort_by(|one, other| one.event_id.cmp(&other.event_id));
    }
    assert_eq!(logged, simulated);
    fixture.end().await;
}

#[tokio::test]
async fn a_format_that_is_named_goes_before_the_ending() {
    let fixture = ImportFixture::new().await;
    let file = fixture.file("clicks.log", "customer_id,kind\nc,app_opened\n");
    let options = ReadOptions {
        format: Some(FileFormat::Csv),
        ..ReadOptions::default()
    };
    let report = fixture.import_as("events", &file, &options).await;
    assert_eq!(report.expect("imported").accepted, 1);
    fixture.end().await;
}
