//! Test vectors: random ones, and the item and user vectors of a real catalogue.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Returns `rows x dimension` values in -1..1, the same for the same seed.
pub(crate) fn random(seed: u64, rows: usize, dimension: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..rows * dimension)
        .map(|_| random.random_range(-1.0..1.0))
        .collect()
}

/// 35,648 item vectors, 1,000 user vectors and, for each user, the true first 100 items by inner
/// product.
pub(crate) struct Catalogue {
    pub(crate) dimension: usize,
    pub(crate) items: Vec<f32>,
    pub(crate) users: Vec<f32>,
    pub(crate) truth: Vec<Vec<u32>>,
}

impl Catalogue {
    /// Reads the data, or prints a line and returns `None` if it is absent.
    pub(crate) fn read() -> Option<Self> {
        let folder = fairlead_testkit::data_dir("ann_cds64")?;
        let (dimension, items) = rows(&folder.join("base.fvecs"), f32::from_le_bytes);
        let (_, users) = rows(&folder.join("query.fvecs"), f32::from_le_bytes);
        let (depth, truth) = rows(&folder.join("gt100_ip.ivecs"), u32::from_le_bytes);
        Some(Self {
            dimension,
            items,
            users,
            truth: truth.chunks_exact(depth).map(<[u32]>::to_vec).collect(),
        })
    }

    pub(crate) fn item(&self, row: u32) -> &[f32] {
        &self.items[row as usize * self.dimension..][..self.dimension]
    }
}

/// Reads `fvecs` or `ivecs`: before each row its length, all little-endian 32-bit.
fn rows<T>(path: &std::path::Path, parse: impl Fn([u8; 4]) -> T) -> (usize, Vec<T>) {
    let bytes = std::fs::read(path).unwrap();
    let (words, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    let dimension = i32::from_le_bytes(words[0]) as usize;
    let mut values = Vec::new();
    for row in words.chunks_exact(dimension + 1) {
        assert_eq!(i32::from_le_bytes(row[0]) as usize, dimension);
        values.extend(row[1..].iter().map(|&word| parse(word)));
    }
    (dimension, values)
}
