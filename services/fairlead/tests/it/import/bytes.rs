//! Texts in every form that they are sent in: quotes, delimiters, encodings, JSON.

use std::fmt::Write as _;

use fairlead_import::ReadOptions;

use super::fixture::ImportFixture;
use super::rejects;

/// Case 01: a quote that never closes costs its own line.
#[tokio::test]
async fn case_01_an_unclosed_quote_costs_one_row() {
    let fixture = ImportFixture::new().await;
    let mut text =
        "customer_id,region,note\nuq1,310000,ok\nuq2,310000,\"called back, 5 days\n".to_owned();
    for customer in 3..=500 {
        writeln!(text, "uq{customer},310000,ok").expect("written");
    }
    let file = fixture.file("customers.csv", &text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!(
        (report.read, report.accepted, report.rejected),
        (500, 499, 1)
    );
    assert_eq!(report.first_rejected[0].line, 3);
    assert!(rejects(&report).contains("a quote opens on line 3 and never closes"));
    fixture.of_customer("uq3").await;
    fixture.of_customer("uq500").await;
    fixture.end().await;
}

/// Case 01, of the same kind: the quote closes by accident, far below.
#[tokio::test]
async fn a_quote_that_closes_by_accident_swallows_nothing() {
    let fixture = ImportFixture::new().await;
    for (name, last) in [
        ("accident.csv", "uq4,310000,5\"\n"),
        ("quoted.csv", "uq4,310000,\"a note\"\n"),
        ("doubled.csv", "uq4,310000,\"\"\n"),
    ] {
        let head = "customer_id,region,note\nuq2,310000,\"called back\nuq3,310000,ok\n";
        let file = fixture.file(name, format!("{head}{last}uq5,310000,ok\n"));
        let report = fixture.import("customers", &file).await.expect("imported");
        assert_eq!((report.read, report.rejected), (4, 1), "{name}");
        assert!(rejects(&report).contains("line 2"), "{name}");
    }
    // Text over several lines is a text.
    let text =
        "customer_id,region,note\nuq6,310000,\"one,\ntwo\n\"\"three\"\"\"\nuq7,310000,\"x\"\n";
    let file = fixture.file("lines.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.read, report.rejected), (2, 0));
    fixture.end().await;
}

#[tokio::test]
async fn delimiters_are_found_out_and_said() {
    let fixture = ImportFixture::new().await;
    for (name, text, note) in [
        (
            "a.csv",
            "customer_id,region,bureau_score\nd1,310000,711.5\n",
            None,
        ),
        (
            "b.csv",
            "customer_id;region;bureau_score\nd1;310000;711.5\n",
            Some("semicolons"),
        ),
        (
            "c.tsv",
            "customer_id\tregion\tbureau_score\nd1\t310000\t711.5\n",
            Some("tabs"),
        ),
        (
            "d.csv",
            "customer_id|region|bureau_score\nd1|310000|711.5\n",
            Some("bars"),
        ),
        (
            "e.csv",
            "sep=;\r\ncustomer_id;region;bureau_score\r\nd1;310000;711.5\r\n;;\r\n",
            None,
        ),
        (
            "f.csv",
            "customer_id,\"region;x\",region,bureau_score\nd1,x;y,310000,711.5\n",
            None,
        ),
    ] {
        let file = fixture.file(name, text);
        let report = fixture.import("customers", &file).await.expect(name);
        assert_eq!((report.read, report.accepted), (1, 1), "{name}");
        let said = report.notes.first().map(String::as_str).unwrap_or_default();
        assert!(said.contains(note.unwrap_or_default()), "{name}: {said}");
        let logged = fixture.of_customer("d1").await;
        let json = serde_json::to_value(&logged.attributes).expect("JSON");
        assert_eq!(json["bureau_score"]["number"], 711.5, "{name}");
        assert_eq!(json["region"]["text"], "310000", "{name}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn a_decimal_comma_is_declared_and_never_guessed() {
    let fixture = ImportFixture::new().await;
    let file = fixture.file(
        "comma.csv",
        "customer_id;bureau_score;income_monthly_minor\nd2;711,5;1.200.000,00\n",
    );
    let report = fixture.import("customers", &file).await.expect("imported");
    assert!(
        rejects(&report).contains("--decimal-comma"),
        "never guessed"
    );
    let options = ReadOptions {
        decimal_comma: true,
        ..ReadOptions::default()
    };
    let report = fixture.import_as("customers", &file, &options).await;
    assert_eq!(report.expect("imported").accepted, 1);
    let json = serde_json::to_value(&fixture.of_customer("d2").await.attributes).expect("JSON");
    assert_eq!(json["bureau_score"]["number"], 711.5);
    assert_eq!(json["income_monthly_minor"]["number"], 1_200_000.0);
    fixture.end().await;
}

#[tokio::test]
async fn encodings_are_found_out_and_said() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id,occupation\ne1,工程师\ne2,老师\n";
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let gbk = [
        b"customer_id,occupation\ne1,".as_slice(),
        b"\xb9\xa4\xb3\xcc\xca\xa6\ne2,\xc0\xcf\xca\xa6\n",
    ];
    for (name, bytes, note) in [
        ("mark.csv", format!("\u{feff}{text}").into_bytes(), ""),
        (
            "utf16.csv",
            utf16(&format!("\u{feff}{text}")),
            "read as UTF-16LE",
        ),
        ("gbk.csv", gbk.concat(), "read as GBK"),
    ] {
        let file = fixture.file(name, bytes);
        let report = fixture.import("customers", &file).await.expect(name);
        assert_eq!((report.accepted, report.rejected), (2, 0), "{name}");
        assert!(
            report.notes.concat().contains(note),
            "{name}: {:?}",
            report.notes
        );
        let json = serde_json::to_value(&fixture.of_customer("e1").await.attributes).expect("JSON");
        assert_eq!(json["occupation"]["text"], "工程师", "{name}");
    }
    fixture.end().await;
}

#[tokio::test]
async fn an_encoding_that_cannot_be_told_apart_must_be_named() {
    let fixture = ImportFixture::new().await;
    // Letters of one byte: Windows-1252 or its neighbours.
    let file = fixture.file("latin.csv", b"customer_id,occupation\ne3,M\xfcller\n");
    let error = fixture
        .import("customers", &file)
        .await
        .expect_err("no guess");
    let error = format!("{error:#}");
    assert!(error.contains("--encoding windows-1252"), "{error}");
    let options = ReadOptions {
        encoding: Some("windows-1252".parse().expect("an encoding")),
        ..ReadOptions::default()
    };
    fixture
        .import_as("customers", &file, &options)
        .await
        .expect("imported");
    let json = serde_json::to_value(&fixture.of_customer("e3").await.attributes).expect("JSON");
    assert_eq!(json["occupation"]["text"], "Müller");
    // A byte that is no letter, in a column that is read and in one that is not.
    let file = fixture.file(
        "broken.csv",
        b"customer_id,region,note\ne4,310000,\xff\xff\n",
    );
    let options = ReadOptions {
        encoding: Some("utf-8".parse().expect("an encoding")),
        ..ReadOptions::default()
    };
    let report = fixture.import_as("customers", &file, &options).await;
    assert_eq!(
        report.expect("imported").accepted,
        1,
        "the note is not read"
    );
    fixture.end().await;
}

/// Case 12: a mark before JSON lines, and arrays.
#[tokio::test]
async fn case_12_json_is_lines_or_objects_or_an_array() {
    let fixture = ImportFixture::new().await;
    let row = |customer: &str| format!("{{\"customer_id\":\"{customer}\",\"region\":\"310000\"}}");
    let (one, two) = (row("j1"), row("j2"));
    for (name, text) in [
        ("bom.jsonl", format!("\u{feff}{one}\n{two}\n")),
        ("array.json", format!("[{one},{two}]")),
        ("pretty.json", format!("[\n  {one},\n  {two}\n]\n")),
        (
            "objects.json",
            format!("{}\n{}", one.replace(',', ",\n"), two.replace(',', ",\n")),
        ),
    ] {
        let file = fixture.file(name, text);
        let report = fixture.import("customers", &file).await.expect(name);
        assert_eq!(
            (report.read, report.accepted, report.rejected),
            (2, 2, 0),
            "{name}"
        );
    }
    let file = fixture.file("cut.json", format!("[{one},\n{{\"customer_id\":"));
    let error = fixture
        .import("customers", &file)
        .await
        .expect_err("cut off");
    let error = format!("{error:#}");
    assert!(
        error.contains("line 2") && error.contains("cut off"),
        "{error}"
    );
    fixture.end().await;
}

#[tokio::test]
async fn an_id_of_json_is_a_text_or_a_whole_number_of_any_length() {
    let fixture = ImportFixture::new().await;
    let rows = [
        "{\"customer_id\":12345678901234567890123456789,\"region\":310000}",
        "{\"customer_id\":\" spaced \",\"region\":\"310000\"}",
        "{\"customer_id\":880011.0,\"region\":\"310000\"}",
        "{\"customer_id\":1e3,\"region\":\"310000\"}",
        "{\"customer_id\":true,\"region\":\"310000\"}",
        "{\"customer_id\":[\"a\"],\"region\":\"310000\"}",
        "{\"customer_id\":\"r\",\"region\":3.5}",
    ];
    let file = fixture.file("ids.jsonl", rows.join("\n"));
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (2, 5));
    fixture.of_customer("12345678901234567890123456789").await;
    fixture.of_customer("spaced").await;
    let long = "长".repeat(128);
    let text = format!("customer_id,region\n{long},310000\n{long}x,310000\n");
    let file = fixture.file("long.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!(
        (report.accepted, report.rejected),
        (1, 1),
        "128 characters, whatever their bytes"
    );
    fixture.end().await;
}

#[tokio::test]
async fn words_that_mean_missing_can_be_chosen() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id,region,gender\nm1,NULL,F\nm2,\\N,F\nm3,N/A,F\nm4,nan,F\nm5,-,F\n";
    let file = fixture.file("missing.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!(report.accepted, 5);
    for customer in ["m1", "m2", "m3", "m4"] {
        let event = fixture.of_customer(customer).await;
        assert!(!event.attributes.contains_key("region"), "{customer}");
    }
    assert!(
        fixture
            .of_customer("m5")
            .await
            .attributes
            .contains_key("region")
    );
    let options = ReadOptions {
        missing: vec!["-".to_owned()],
        ..ReadOptions::default()
    };
    let file = fixture.file("own.csv", "customer_id,region,gender\nm6,-,F\nm7,NULL,F\n");
    fixture
        .import_as("customers", &file, &options)
        .await
        .expect("imported");
    assert!(
        !fixture
            .of_customer("m6")
            .await
            .attributes
            .contains_key("region")
    );
    assert!(
        fixture
            .of_customer("m7")
            .await
            .attributes
            .contains_key("region")
    );
    fixture.end().await;
}

#[tokio::test]
async fn headers_of_other_people_are_mapped() {
    let fixture = ImportFixture::new().await;
    let file = fixture.file("other.csv", "客户号,地区,備註\nh1,310000,x\n");
    let error = fixture
        .import("customers", &file)
        .await
        .expect_err("unknown columns");
    assert!(
        format!("{error:#}").contains("--map COLUMN=FIELD"),
        "{error:#}"
    );
    let options = ReadOptions {
        map: ["客户号=customer_id", "地区=region"]
            .map(|pair| pair.parse().expect("a mapping"))
            .to_vec(),
        ..ReadOptions::default()
    };
    let report = fixture
        .import_as("customers", &file, &options)
        .await
        .expect("imported");
    assert_eq!(
        (report.accepted, report.ignored),
        (1, vec!["備註".to_owned()])
    );
    fixture.of_customer("h1").await;
    fixture.end().await;
}
