//! Filtered searches return only allowed rows, and as many of them as were asked for.

use fairlead_vector_index::{Error, ExactIndex, Filter, IndexBuilder, IndexKind, Searchable};
use proptest::prelude::*;

use crate::data::random;

proptest! {
    #[test]
    fn every_kind_gives_the_allowed_rows_and_no_others(
        seed in any::<u64>(),
        allowed in proptest::collection::vec(any::<bool>(), 1..300),
        k in 0usize..320,
    ) {
        let rows = allowed.len();
        let vectors = random(seed, rows, 5);
        let query = random(!seed, 1, 5);
        let filter = Filter::from_fn(rows as u32, |row| allowed[row as usize]);
        let reference = ExactIndex::new(5, &vectors).unwrap();
        let mut expected = reference.search(&query, rows, None).unwrap();
        expected.retain(|hit| allowed[hit.row as usize]);
        expected.truncate(k);
        prop_assert_eq!(&reference.search(&query, k, Some(&filter)).unwrap(), &expected);

        let mut builder = IndexBuilder::new(5).unwrap();
        builder.extend(&vectors).unwrap();
        let flat = builder.clone().kind(IndexKind::Flat).build().unwrap();
        prop_assert_eq!(&flat.search(&query, k, Some(&filter)).unwrap(), &expected);

        let graph = builder.kind(IndexKind::Hnsw).build().unwrap();
        let hits = graph.search(&query, k, Some(&filter)).unwrap();
        prop_assert_eq!(hits.len(), expected.len());
        prop_assert!(hits.iter().all(|hit| filter.allows(hit.row)));
    }
}

#[test]
fn a_graph_under_a_narrow_filter_is_exact() {
    let vectors = random(5, 4_000, 16);
    let query = random(6, 1, 16);
    let filter = Filter::from_fn(4_000, |row| row % 40 == 7);
    let mut builder = IndexBuilder::new(16).unwrap();
    builder.extend(&vectors).unwrap();
    let exact = builder.clone().build_exact();
    let graph = builder.kind(IndexKind::Hnsw).build().unwrap();
    assert_eq!(
        graph.search(&query, 50, Some(&filter)).unwrap(),
        exact.search(&query, 50, Some(&filter)).unwrap()
    );
}

#[test]
fn a_filter_of_another_index_is_refused() {
    let index = ExactIndex::new(2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let error = index
        .search(&[1.0, 0.0], 1, Some(&Filter::all(3)))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::FilterSize {
            filter: 3,
            index: 2
        }
    ));
}

/// FAISS' row selectors are freed. Memory is measured per process, so this test runs itself again
/// in a process of its own.
#[test]
fn filtered_searches_keep_no_memory() {
    const ALONE: &str = "FAIRLEAD_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let itself = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "filters::filtered_searches_keep_no_memory",
                "--nocapture",
            ])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let console = String::from_utf8_lossy(&itself.stdout);
        assert!(
            itself.status.success() && console.contains("grew by"),
            "{console}"
        );
        return;
    }
    let mut builder = IndexBuilder::new(2).unwrap();
    builder.extend(&random(7, 64, 2)).unwrap();
    let index = builder.build().unwrap();
    let filter = Filter::from_fn(64, |row| row % 2 == 0);
    let search = |times: usize| {
        for _ in 0..times {
            index.search(&[0.5, 0.5], 3, Some(&filter)).unwrap();
        }
    };
    search(10_000);
    let before = resident_kib();
    // Half a million selectors of 32 bytes, forgotten, would be 15 MiB.
    search(500_000);
    let grown = resident_kib().saturating_sub(before);
    println!("grew by {grown} KiB");
    assert!(grown < 2 * 1024);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
