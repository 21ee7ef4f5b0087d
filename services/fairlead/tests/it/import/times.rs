//! Times without a zone, in an undeclared unit, or out of all likelihood.

use fairlead_import::ReadOptions;
use fairlead_registry::FUTURE_TOLERANCE_MS;
use jiff::{Timestamp, ToSpan as _};

use super::fixture::ImportFixture;
use super::rejects;

/// Case 19: a time without a zone is refused, or read in the zone that is named.
#[tokio::test]
async fn case_19_a_time_without_a_zone_is_never_midnight() {
    let fixture = ImportFixture::new().await;
    let earlier = Timestamp::now() - 2.hours();
    let at = earlier.strftime("%Y-%m-%dT%H:%M:00Z").to_string();
    let expected: Timestamp = at.parse().expect("a time");
    let (date, clock) = (&at[..10], &at[11..19]);
    let text = format!(
        "customer_id,kind,product_id,event_time_ms\n\
         z,click,P,{at}\noffset,click,P,{date} {clock}+0000\nsuffix,click,P,{date} {clock} UTC\n\
         zone,click,P,{date}T{clock}+00:00[UTC]\nms,click,P,{}\n\
         naive,click,P,{date} {clock}\nnaive_t,click,P,{date}T{clock}\n\
         fraction,click,P,{date} {clock}.123456\nslash,click,P,{} {}\n",
        expected.as_millisecond(),
        date.replace('-', "/"),
        &clock[..5],
    );
    let file = fixture.file("events.csv", &text);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (5, 4));
    let rejected = rejects(&report);
    assert_eq!(rejected.matches("--time-zone").count(), 4, "{rejected}");
    for customer in ["z", "offset", "suffix", "zone", "ms"] {
        let event = fixture.of_customer(customer).await;
        assert_eq!(event.event_time_ms, expected.as_millisecond(), "{customer}");
    }
    let utc = ReadOptions {
        time_zone: Some("UTC".parse().expect("a zone")),
        ..ReadOptions::default()
    };
    let report = fixture
        .import_as("events", &file, &utc)
        .await
        .expect("imported");
    assert_eq!((report.accepted, report.rejected), (9, 0));
    for customer in ["naive", "naive_t", "slash"] {
        let event = fixture.of_customer(customer).await;
        assert_eq!(event.event_time_ms, expected.as_millisecond(), "{customer}");
    }
    let fraction = fixture.of_customer("fraction").await;
    assert_eq!(fraction.event_time_ms, expected.as_millisecond() + 123);
    fixture.end().await;
}

#[tokio::test]
async fn a_number_is_a_time_in_a_declared_unit_only() {
    let fixture = ImportFixture::new().await;
    let earlier = Timestamp::now() - 2.hours();
    let seconds = earlier.as_second();
    let text = format!("customer_id,kind,when\ns1,app_opened,{seconds}\n");
    let file = fixture.file("seconds.csv", &text);
    let mut options = ReadOptions {
        map: vec!["when=event_time_ms".parse().expect("a mapping")],
        ..ReadOptions::default()
    };
    let report = fixture
        .import_as("events", &file, &options)
        .await
        .expect("imported");
    assert!(rejects(&report).contains("--time-unit s, ms, us, ns"));
    options.time_unit = Some("s".parse().expect("a unit"));
    let report = fixture
        .import_as("events", &file, &options)
        .await
        .expect("imported");
    assert_eq!(report.accepted, 1);
    let event = fixture.of_customer("s1").await;
    assert_eq!(event.event_time_ms, seconds * 1_000);
    // Named as milliseconds, sent as seconds, microseconds, nanoseconds.
    let text = format!(
        "customer_id,kind,event_time_ms\nu1,app_opened,{seconds}\nu2,app_opened,{seconds}000000\n\
         u3,app_opened,{seconds}000000000\nu4,holding_opened,{seconds}\n"
    );
    let file = fixture.file("units.csv", &text);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (0, 4));
    let rejected = rejects(&report);
    assert_eq!(rejected.matches("event_time_ms `").count(), 4, "{rejected}");
    assert_eq!(rejected.matches("--time-unit").count(), 4, "{rejected}");
    fixture.end().await;
}

#[tokio::test]
async fn a_birth_date_is_a_calendar_day_that_can_be_true() {
    let fixture = ImportFixture::new().await;
    let tomorrow = Timestamp::now() + 72.hours();
    let text = format!(
        "customer_id,birth_date_ms\nb1,1990-05-17\nb2,1990/05/17\nb3,1990-05-17T00:00:00+08:00\n\
         b4,642902400000\nb5,642902400\nb6,19900517\nb7,1990-05-17T08:30:00Z\nb8,{}\nb9,1890-01-01\n\
         b10,17.05.1990\nb11,05/17/1990\nb12,0\n",
        tomorrow.strftime("%Y-%m-%d")
    );
    let file = fixture.file("births.csv", &text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (4, 8));
    for customer in ["b1", "b2", "b3", "b4"] {
        let event = fixture.of_customer(customer).await;
        let json = serde_json::to_value(&event.attributes).expect("JSON");
        assert_eq!(
            json["birth_date_ms"]["number"], 642_902_400_000.0,
            "{customer}"
        );
    }
    let rejected = rejects(&report);
    assert_eq!(rejected.matches("birth_date_ms `").count(), 8, "{rejected}");
    let options = ReadOptions {
        time_unit: Some("yyyymmdd".parse().expect("a unit")),
        ..ReadOptions::default()
    };
    let file = fixture.file("digits.csv", "customer_id,birth_date_ms\nb13,19900517\n");
    let report = fixture
        .import_as("customers", &file, &options)
        .await
        .expect("imported");
    assert_eq!(report.accepted, 1);
    fixture.end().await;
}

/// A fact may be old, but not of before 1971: that is another unit. Nor may it lie ahead.
#[tokio::test]
async fn facts_have_bounds_like_events() {
    let fixture = ImportFixture::new().await;
    let ahead = Timestamp::now().as_millisecond() + 2 * FUTURE_TOLERANCE_MS;
    let text = format!(
        "customer_id,region,event_time_ms\nf1,310000,1985-03-01\nf2,310000,1970-01-21\n\
         f3,310000,{ahead}\nf4,310000,1700000000\n"
    );
    let file = fixture.file("facts.csv", &text);
    let report = fixture.import("customers", &file).await.expect("imported");
    assert_eq!((report.accepted, report.rejected), (1, 3));
    fixture.of_customer("f1").await;
    fixture.end().await;
}
