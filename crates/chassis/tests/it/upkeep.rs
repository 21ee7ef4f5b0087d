//! A process that is not scraped does not grow. Each measure is of a process of its own.

use std::process::Command;
use std::time::Duration;

use fairlead_chassis::telemetry::Metrics;
use metrics_exporter_prometheus::PrometheusBuilder;

/// Set for the measured process: `kept` or `bare`.
const MODE: &str = "UPKEEP_TEST_MODE";
const SAMPLES: usize = 2_000_000;
const AT_ONCE: usize = 10_000;
/// The measured process prints this before the kilobytes by which it grew.
const GREW: &str = "grew by kB: ";
/// Unkept, a sample takes 8 bytes at the very least; kept up, a few of the batches wait at a time.
const LEAST_UNKEPT_KB: u64 = (SAMPLES * 8 / 1024) as u64;

#[test]
fn an_unscraped_process_does_not_grow() {
    let (kept, bare) = (growth("kept"), growth("bare"));
    assert!(bare > LEAST_UNKEPT_KB, "without upkeep: {bare} kB");
    assert!(kept < LEAST_UNKEPT_KB / 4, "with upkeep: {kept} kB");
}

/// Returns the kilobytes by which a process of that mode grew.
fn growth(mode: &str) -> u64 {
    let output = Command::new(std::env::current_exe().expect("this test's own program"))
        .args([
            "--exact",
            "upkeep::records_samples",
            "--ignored",
            "--nocapture",
        ])
        .env(MODE, mode)
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let grew = said.split_once(GREW).expect(&said).1;
    let digits = grew.split_whitespace().next().expect(&said);
    digits.parse().expect(&said)
}

#[tokio::test]
#[ignore = "the process that `an_unscraped_process_does_not_grow` measures"]
async fn records_samples() {
    let Ok(mode) = std::env::var(MODE) else {
        return;
    };
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.5])
        .expect("a bucket")
        .install_recorder()
        .expect("the first of this process");
    let pace = Duration::from_millis(5);
    let _metrics = (mode == "kept").then(|| Metrics::kept_up(recorder, pace));
    let histogram = metrics::histogram!("fairlead_example_seconds");
    let mut batches = tokio::time::interval(pace);
    let mut before = 0;
    for batch in 0..SAMPLES / AT_ONCE {
        batches.tick().await;
        for sample in 0..AT_ONCE {
            histogram.record(sample as f64);
        }
        // The first batches bring what every process needs once.
        if batch == 10 {
            before = resident_kb();
        }
    }
    println!("{GREW}{}", resident_kb().saturating_sub(before));
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a resident size");
    let kilobytes = line.trim().trim_end_matches(" kB");
    kilobytes.parse().expect("a number")
}
