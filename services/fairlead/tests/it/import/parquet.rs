//! Files as pandas, Arrow, DuckDB and table programs write them; `tests/data/make.py` makes them.

use std::path::PathBuf;

use fairlead_import::ReadOptions;
use fairlead_proto::event::v1::EventKind;

use super::fixture::ImportFixture;
use super::rejects;

/// 1990-05-17.
const BORN: f64 = 642_902_400_000.0;
/// 2025-01-31T08:00:00.123Z.
const HELD: i64 = 1_738_310_400_123;

fn data(name: &str) -> PathBuf {
    let folder = fairlead_testkit::crate_dir().join("tests/data");
    folder.join(name)
}

/// Returns a file of the data folder, copied to where rejects may be written beside it.
fn copied(fixture: &ImportFixture, name: &str) -> PathBuf {
    fixture.file(name, std::fs::read(data(name)).expect("read"))
}

/// Case 07: every unit means the same day and the same instant.
#[tokio::test]
async fn case_07_every_unit_of_a_timestamp_is_read() {
    let fixture = ImportFixture::new().await;
    for name in ["ms", "us", "ns", "int96", "nstz"] {
        let file = data(&format!("times-{name}.parquet"));
        let report = fixture.import("customers", &file).await.expect("imported");
        assert_eq!((report.accepted, report.rejected), (1, 0), "{name}");
        let is_naive = !["int96", "nstz"].contains(&name);
        assert_eq!(
            report.notes.len(),
            if is_naive { 2 } else { 0 },
            "{name}: {:?}",
            report.notes
        );
        let event = fixture.of_customer(name).await;
        assert_eq!(event.event_time_ms, HELD, "{name}");
        let json = serde_json::to_value(&event.attributes).expect("JSON");
        assert_eq!(json["birth_date_ms"]["number"], BORN, "{name}");
    }
    let shanghai = ReadOptions {
        time_zone: Some("Asia/Shanghai".parse().expect("a zone")),
        ..ReadOptions::default()
    };
    let file = copied(&fixture, "times-us.parquet");
    fixture
        .import_as("customers", &file, &shanghai)
        .await
        .expect("imported");
    let last = fixture.of_customer("us").await;
    assert_eq!(
        last.event_time_ms,
        HELD - 8 * 3_600_000,
        "in the zone that was named"
    );
    fixture.end().await;
}

/// Case 08: a join that missed a row makes floats of ids in pandas.
#[tokio::test]
async fn case_08_ids_that_went_through_a_float_are_refused() {
    let fixture = ImportFixture::new().await;
    let file = copied(&fixture, "ids-float.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 3));
    let rejected = rejects(&report);
    assert!(rejected.contains("customer_id `880011.0`"), "{rejected}");
    assert!(rejected.contains("customer_id is missing"), "{rejected}");
    let text = "customer_id,region,income_monthly_minor\n880011.0,310000.0,1200000.0\n,110000.0,5.0\n\
                880012.0,,\n";
    let file = fixture.file("pandas.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 3));
    let text = "customer_id,kind,product_id,position,amount.minor,amount.currency\n\
                880013,payment,,,1000.0,CNY\n880014,click,P,2.0,,\n";
    let file = fixture.file("pandas-events.csv", text);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (2, 0), "whole numbers");
    let payment = fixture.of_customer("880013").await;
    assert_eq!(payment.amount.expect("an amount").minor, 1_000);
    assert_eq!(fixture.of_customer("880014").await.position, 2);
    fixture.end().await;
}

/// Case 11: logical types of ids.
#[tokio::test]
async fn case_11_uuid_and_decimal_are_ids_and_a_double_is_none() {
    let fixture = ImportFixture::new().await;
    let file = data("ids-uuid.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!(report.accepted, 1);
    fixture
        .of_customer("3f2c9a10-5b7e-4c1d-9a3e-0a1b2c3d4e5f")
        .await;
    let file = data("ids-decimal.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!(report.accepted, 1);
    let event = fixture.of_customer("990011").await;
    let json = serde_json::to_value(&event.attributes).expect("JSON");
    assert_eq!(json["region"]["text"], "310000");
    assert_eq!(json["income_monthly_minor"]["number"], 1_200_000.0);
    // DuckDB writes HUGEINT as a double: the digits are lost.
    let file = copied(&fixture, "ids-hugeint.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 1));
    assert!(rejects(&report).contains("customer_id `1.234567890123456"));
    fixture.end().await;
}

#[tokio::test]
async fn dictionaries_blanks_and_missing_values_are_as_in_every_format() {
    let fixture = ImportFixture::new().await;
    let file = copied(&fixture, "ids-dictionary.parquet");
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 1));
    assert_eq!(
        report.ignored,
        ["note"],
        "its bytes are no text, and are not decoded"
    );
    let json = serde_json::to_value(&fixture.of_customer("d1").await.attributes).expect("JSON");
    assert_eq!(json["gender"]["text"], "F", "blanks around it are trimmed");
    assert!(
        rejects(&report).contains("nothing to import"),
        "NULL and N/A are missing"
    );
    fixture.end().await;
}

#[tokio::test]
async fn times_of_day_are_read_and_are_no_ids() {
    let fixture = ImportFixture::new().await;
    let file = data("clocks.parquet");
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 0));
    let json = serde_json::to_value(&fixture.of_customer("t1").await.attributes).expect("JSON");
    for unit in ["ms", "us", "ns"] {
        assert_eq!(json[unit]["text"], "08:30:00", "{unit}");
    }
    let file = copied(&fixture, "clock-ids.parquet");
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 1));
    assert!(rejects(&report).contains("this is a time of day"));
    fixture.end().await;
}

#[tokio::test]
async fn structs_and_maps_are_columns_and_a_rejected_row_is_kept() {
    let fixture = ImportFixture::new().await;
    let file = copied(&fixture, "nested.parquet");
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 1));
    let event = fixture.of_customer("n1").await;
    assert_eq!(event.amount.expect("an amount").minor, 100_000);
    assert!(event.attributes.contains_key("colour"));
    let kept = report.rejects.expect("a rejects file");
    let text = std::fs::read_to_string(&kept).expect("read");
    assert!(text.contains("\"attributes.colour\":\"blue\""), "{text}");
    std::fs::write(
        &kept,
        text.replace("\"kind\":\"wink\"", "\"kind\":\"click\""),
    )
    .expect("mended");
    let report = fixture.import("events", &kept).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 0));
    assert!(
        fixture
            .of_customer("n2")
            .await
            .attributes
            .contains_key("colour")
    );
    fixture.end().await;
}

#[tokio::test]
async fn a_workbook_is_read_and_an_id_that_lost_digits_is_refused() {
    let fixture = ImportFixture::new().await;
    let file = copied(&fixture, "customers.xlsx");
    let options = ReadOptions {
        map: vec!["Kundennr.=customer_id".parse().expect("a mapping")],
        ..ReadOptions::default()
    };
    let report = fixture.import_as("customers", &file, &options).await;
    let report = report.expect("imported");
    assert_eq!((report.read, report.accepted, report.rejected), (3, 1, 2));
    assert_eq!(report.notes, ["the sheet `customers` is read, of 2"]);
    let rejected = rejects(&report);
    assert!(
        rejected.contains("\n3,customer_id `1.23456789012345"),
        "{rejected}"
    );
    assert!(
        rejected.contains("\n5,birth_date_ms `1990-05-17T08:30:00`"),
        "{rejected}"
    );
    assert!(
        rejected.contains(",00880012,"),
        "the row is kept: {rejected}"
    );
    let logged = fixture.logged().await;
    let profile = logged
        .iter()
        .find(|event| event.kind() == EventKind::ProfileUpdated);
    let profile = profile.expect("a profile");
    assert_eq!(profile.customer_id, "880011");
    let json = serde_json::to_value(&profile.attributes).expect("JSON");
    assert_eq!(json["birth_date_ms"]["number"], BORN);
    let options = ReadOptions {
        sheet: Some("prices".to_owned()),
        ..ReadOptions::default()
    };
    let error = fixture.import_as("customers", &file, &options).await;
    let error = format!("{:#}", error.expect_err("no such sheet"));
    assert!(
        error.contains("no sheet `prices`; there are customers, other"),
        "{error}"
    );
    fixture.end().await;
}

/// Case 12, packed: what is packed is found out from the content.
#[tokio::test]
async fn packed_texts_are_read() {
    let fixture = ImportFixture::new().await;
    for (name, customers) in [
        ("rows.json.gz", &["z1", "z2"][..]),
        ("rows.csv.zst", &["z3"]),
    ] {
        let report = fixture
            .import("customers", &data(name))
            .await
            .expect("imported");
        assert_eq!(
            (report.accepted, report.rejected),
            (customers.len() as u64, 0),
            "{name}"
        );
        for customer in customers {
            fixture.of_customer(customer).await;
        }
    }
    fixture.end().await;
}
