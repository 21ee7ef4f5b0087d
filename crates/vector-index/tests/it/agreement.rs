//! The hits of FAISS against those of exhaustive search.

use fairlead_vector_index::{ExactIndex, Hit, IndexBuilder, IndexKind, Searchable, VectorIndex};
use proptest::prelude::*;

use crate::data::{Catalogue, random};

fn build(dimension: usize, vectors: &[f32], kind: IndexKind) -> VectorIndex {
    let mut builder = IndexBuilder::new(dimension).unwrap();
    builder.extend(vectors).unwrap();
    builder.kind(kind).build().unwrap()
}

proptest! {
    /// Small integers make ties common, at the k-th place too; all scores are exact.
    #[test]
    fn flat_is_the_reference_bit_for_bit_with_ties(
        vectors in proptest::collection::vec(-2i8..3, 0..600).prop_map(|values| complete_rows(&values)),
        query in proptest::collection::vec(-2i8..3, 3),
        k in 0usize..300,
    ) {
        let query: Vec<f32> = query.into_iter().map(f32::from).collect();
        let flat = build(3, &vectors, IndexKind::Flat).search(&query, k, None).unwrap();
        let exact = ExactIndex::new(3, &vectors).unwrap().search(&query, k, None).unwrap();
        prop_assert_eq!(flat.len(), k.min(vectors.len() / 3));
        prop_assert_eq!(flat, exact);
    }

    /// Real values of any magnitude, and duplicates, whose scores FAISS may round apart.
    #[test]
    fn flat_is_the_reference_bit_for_bit_whatever_the_rounding(
        seed in any::<u64>(), dimension in 1usize..90, rows in 1usize..200, k in 1usize..120,
        scale in -15i32..15,
    ) {
        let scale = 10f32.powi(scale);
        let mut vectors: Vec<f32> = random(seed, rows, dimension).iter().map(|x| x * scale).collect();
        vectors.extend_from_within(..rows / 2 * dimension);
        let query = random(!seed, 1, dimension);
        let flat = build(dimension, &vectors, IndexKind::Flat).search(&query, k, None).unwrap();
        let exact = ExactIndex::new(dimension, &vectors).unwrap().search(&query, k, None).unwrap();
        prop_assert_eq!(flat, exact);
    }

    /// Whatever a graph misses, it never returns too few hits, a row twice, or a false score.
    #[test]
    fn a_graph_gives_k_true_hits_in_order(seed in any::<u64>(), rows in 1usize..400, k in 1usize..500) {
        let vectors = random(seed, rows, 8);
        let query = random(!seed, 1, 8);
        let graph = build(8, &vectors, IndexKind::Hnsw).search(&query, k, None).unwrap();
        let all = ExactIndex::new(8, &vectors).unwrap().search(&query, rows, None).unwrap();
        prop_assert_eq!(graph.len(), k.min(rows));
        prop_assert!(graph.is_sorted_by(|a, b| a.rank(b).is_lt()));
        prop_assert!(graph.iter().all(|hit| all.contains(hit)));
    }
}

/// Drops an incomplete last row of three values.
fn complete_rows(values: &[i8]) -> Vec<f32> {
    let complete = values.len() / 3 * 3;
    values[..complete].iter().copied().map(f32::from).collect()
}

#[test]
fn a_batch_answers_as_single_searches_do() {
    let vectors = random(1, 3_000, 16);
    let queries = random(2, 40, 16);
    for kind in [IndexKind::Flat, IndexKind::Hnsw] {
        let index = build(16, &vectors, kind);
        let batch = index.search_batch(&queries, 10, None).unwrap();
        let single: Vec<Vec<Hit>> = queries
            .chunks_exact(16)
            .map(|query| index.search(query, 10, None).unwrap())
            .collect();
        assert_eq!(batch, single);
    }
}

#[test]
fn the_same_vectors_give_the_same_graph() {
    let vectors = random(3, 5_000, 16);
    let queries = random(4, 50, 16);
    let first = build(16, &vectors, IndexKind::Hnsw);
    let second = build(16, &vectors, IndexKind::Hnsw);
    assert_eq!(
        first.search_batch(&queries, 50, None).unwrap(),
        second.search_batch(&queries, 50, None).unwrap()
    );
}

/// Returns the share of the true first 100 in whose place an item of at least the same score was
/// found: equal scores may be in any order in the published truth.
fn recall(catalogue: &Catalogue, index: &impl Searchable) -> f64 {
    let reference = ExactIndex::new(catalogue.dimension, &catalogue.items).unwrap();
    let mut found = 0;
    for (user, truth) in catalogue
        .users
        .chunks_exact(catalogue.dimension)
        .zip(&catalogue.truth)
    {
        // The published truth was computed in another order of operations; its items are scored
        // here, and the worst of them is the score to reach.
        let of_truth: Vec<f32> = truth
            .iter()
            .map(|&row| {
                ExactIndex::new(catalogue.dimension, catalogue.item(row))
                    .and_then(|item| item.search(user, 1, None))
                    .unwrap()[0]
                    .score
            })
            .collect();
        let worst = of_truth.iter().copied().fold(f32::INFINITY, f32::min);
        let hits = index.search(user, truth.len(), None).unwrap();
        assert_eq!(hits.len(), truth.len());
        found += hits
            .iter()
            .filter(|hit| hit.score >= worst - worst.abs() * 1e-6)
            .count();
    }
    assert_eq!(
        reference.rows() as usize * catalogue.dimension,
        catalogue.items.len()
    );
    found as f64 / catalogue.truth.iter().map(Vec::len).sum::<usize>() as f64
}

#[test]
fn flat_finds_every_true_hit_of_a_real_catalogue() {
    let Some(catalogue) = Catalogue::read() else {
        return;
    };
    let flat = build(catalogue.dimension, &catalogue.items, IndexKind::Flat);
    assert_eq!((flat.rows(), flat.dimension()), (35_648, 64));
    let reference = ExactIndex::new(catalogue.dimension, &catalogue.items).unwrap();
    for user in catalogue.users.chunks_exact(catalogue.dimension).take(100) {
        assert_eq!(
            flat.search(user, 100, None).unwrap(),
            reference.search(user, 100, None).unwrap()
        );
    }
    let recall = recall(&catalogue, &flat);
    println!("flat recall@100 on 35,648 items: {recall}");
    assert!(recall >= 1.0);
}

#[test]
fn a_graph_finds_nearly_all_of_a_real_catalogue() {
    let Some(catalogue) = Catalogue::read() else {
        return;
    };
    let graph = build(catalogue.dimension, &catalogue.items, IndexKind::Hnsw);
    let recall = recall(&catalogue, &graph);
    println!("graph recall@100 on 35,648 items: {recall}");
    assert!(recall > 0.95, "recall@100 is {recall}");
}
