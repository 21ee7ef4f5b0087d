//! A row that is imported twice counts once; a fact that is stated again is another one.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::fixture::ImportFixture;

/// Returns how many different event ids are in the log.
async fn ids(fixture: &ImportFixture) -> usize {
    let logged = fixture.logged().await;
    let ids: BTreeSet<String> = logged.into_iter().map(|event| event.event_id).collect();
    ids.len()
}

/// Sets the time when a file was written.
fn written_at(file: &Path, at: SystemTime) {
    let file = std::fs::File::options().write(true).open(file);
    file.and_then(|file| file.set_modified(at)).expect("a time");
}

/// Cases 15 and 15b: a daily snapshot says what holds now, also what held before.
#[tokio::test]
async fn case_15_a_snapshot_that_returns_to_an_earlier_value_is_a_new_fact() {
    let fixture = ImportFixture::new().await;
    let mut expected = 0;
    for day in 1..=4 {
        let consent = day % 2 == 1;
        let text = format!("customer_id,consent.personalisation\nab1,{consent}\n");
        let file = fixture.file(&format!("day{day}.csv"), text);
        for _ in 0..2 {
            fixture.import("customers", &file).await.expect("imported");
            assert_eq!(ids(&fixture).await, expected + 1, "day {day}, twice");
        }
        expected += 1;
    }
    // The same name every day.
    let began = SystemTime::now();
    for (day, consent) in [true, false, true].into_iter().enumerate() {
        let text = format!("customer_id,consent.personalisation\nab2,{consent}\n");
        let file = fixture.file("daily.csv", text);
        written_at(&file, began + Duration::from_hours(24 * day as u64));
        fixture.import("customers", &file).await.expect("imported");
        expected += 1;
        assert_eq!(ids(&fixture).await, expected, "day {day}");
    }
    fixture.end().await;
}

/// Case 15b: two daily files of events without times.
#[tokio::test]
async fn case_15b_rows_without_id_and_time_count_once_for_their_file_and_line() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id,kind\nao1,app_opened\nao2,app_opened\nao1,app_opened\n";
    for (name, expected) in [
        ("mon.csv", 3),
        ("mon.csv", 3),
        ("tue.csv", 6),
        ("tue.csv", 6),
    ] {
        let file = fixture.file(name, text);
        fixture.import("events", &file).await.expect("imported");
        assert_eq!(ids(&fixture).await, expected, "{name}");
    }
    // A file that was mended: what was taken before is not taken again.
    let broken = "customer_id,kind\nx1,app_opened\nx2,wink\nx3,app_opened\n";
    let file = fixture.file("broken.csv", broken);
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!((report.rejected, ids(&fixture).await), (1, 8));
    let kept = report.rejects.expect("a rejects file");
    let file = fixture.file(
        "broken.csv",
        broken.replace("wink", "click").replace("x2,", "x2 ,"),
    );
    let report = fixture.import("events", &file).await.expect("imported");
    assert_eq!(report.rejected, 1, "a click needs its product");
    let mended = std::fs::read_to_string(&kept).expect("read");
    let file = fixture.file("broken.csv", broken.replace("wink", "search"));
    fixture.import("events", &file).await.expect("imported");
    assert_eq!(ids(&fixture).await, 9);
    std::fs::write(&kept, mended.replace(",x2 ,click", ",x2,search")).expect("mended");
    fixture.import("events", &kept).await.expect("imported");
    assert_eq!(
        ids(&fixture).await,
        9,
        "mended in the rejects file, it is the same row"
    );
    fixture.end().await;
}

#[tokio::test]
async fn the_report_says_what_an_import_changed() {
    let fixture = ImportFixture::new().await;
    let text = "customer_id,region,consent.personalisation,event_time_ms\n\
                r1,310000,true,2025-01-31T08:00:00Z\nr2,310000,,2025-02-01T08:00:00Z\n";
    let file = fixture.file("customers.csv", text);
    let report = fixture.import("customers", &file).await.expect("imported");
    let kinds: Vec<_> = report.events.into_iter().collect();
    assert_eq!(
        kinds,
        [
            ("consent_changed".to_owned(), 1),
            ("profile_updated".to_owned(), 2)
        ]
    );
    assert_eq!(report.times, Some((1_738_310_400_000, 1_738_396_800_000)));
    fixture.end().await;
}
