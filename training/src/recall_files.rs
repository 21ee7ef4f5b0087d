//! The files that recall reads beside the user tower: the item index, item-to-item neighbours,
//! popularity.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fairlead_vector_index::IndexBuilder;
use tch::Tensor;

use crate::Error;
use crate::dataset::Dataset;
use crate::two_tower::WIDTH;

/// The number of neighbours kept per product.
const NEIGHBOURS: usize = 50;
/// The shrinkage of a pair's similarity, as a number of baskets: rare pairs are shrunk towards 0.
const SHRINK: f64 = 5.0;

/// The products that each customer opened, took or held.
pub(crate) struct Baskets(Vec<Vec<usize>>);

impl Baskets {
    /// Makes the baskets of the interactions before `split_ms`; `customer_of` holds the number of
    /// the customer of each snapshot.
    pub(crate) fn new(data: &Dataset<'_>, customer_of: &[usize], split_ms: i64) -> Self {
        let mut baskets: HashMap<usize, HashSet<usize>> = HashMap::new();
        for interaction in data
            .replayed
            .interactions
            .iter()
            .filter(|interaction| data.at_ms(interaction.snapshot) < split_ms)
        {
            if let Some(row) = data.row_of.get(interaction.product.as_str()) {
                baskets
                    .entry(customer_of[interaction.snapshot])
                    .or_default()
                    .insert(*row);
            }
        }
        let mut sorted: Vec<(usize, HashSet<usize>)> = baskets.into_iter().collect();
        sorted.sort_by_key(|(customer, _)| *customer);
        let basket = |(_, set): (usize, HashSet<usize>)| {
            let mut rows: Vec<usize> = set.into_iter().collect();
            rows.sort_unstable();
            rows
        };
        Self(sorted.into_iter().map(basket).collect())
    }

    /// Returns the number of baskets that contain each product.
    pub(crate) fn counts(&self, products: usize) -> Vec<u32> {
        let mut counts = vec![0; products];
        self.0.iter().flatten().for_each(|row| counts[*row] += 1);
        counts
    }

    /// Returns the neighbours of each product with the shrunk cosine of co-occurrence, best first.
    fn neighbours(&self, products: usize) -> Vec<Vec<(usize, f64)>> {
        let counts = self.counts(products);
        let mut together: HashMap<(usize, usize), u32> = HashMap::new();
        for basket in &self.0 {
            for (at, a) in basket.iter().enumerate() {
                for b in &basket[at + 1..] {
                    *together.entry((*a, *b)).or_default() += 1;
                }
            }
        }
        let mut neighbours = vec![Vec::new(); products];
        for ((a, b), number) in together {
            let number = f64::from(number);
            let size = (f64::from(counts[a]) * f64::from(counts[b])).sqrt();
            let score = number / size * (number / (number + SHRINK));
            neighbours[a].push((b, score));
            neighbours[b].push((a, score));
        }
        for of_one in &mut neighbours {
            of_one.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
            of_one.truncate(NEIGHBOURS);
        }
        neighbours
    }
}

/// Writes the files into the model's folder.
pub(crate) fn write(
    folder: &Path,
    data: &Dataset<'_>,
    vectors: &Tensor,
    baskets: &Baskets,
) -> Result<(), Error> {
    let mut builder = IndexBuilder::new(WIDTH as usize)?;
    let rows: Vec<f32> = Vec::try_from(vectors.reshape([-1]))?;
    builder.extend(&rows)?;
    builder.build()?.save(&folder.join("items.index"))?;

    let id = |row: usize| data.products[row].product_id.as_str();
    let neighbours = baskets.neighbours(data.products.len());
    let neighbours: BTreeMap<&str, Vec<(&str, f64)>> = neighbours
        .iter()
        .enumerate()
        .filter(|(_, of_one)| !of_one.is_empty())
        .map(|(row, of_one)| {
            (
                id(row),
                of_one.iter().map(|(b, score)| (id(*b), *score)).collect(),
            )
        })
        .collect();
    write_json(&folder.join("item_to_item.json"), &neighbours)?;

    let counts = baskets.counts(data.products.len());
    let total = counts.iter().sum::<u32>().max(1);
    let share = |count: &u32| f64::from(*count) / f64::from(total);
    let popularity: BTreeMap<&str, f64> = counts
        .iter()
        .enumerate()
        .map(|(row, count)| (id(row), share(count)))
        .collect();
    write_json(&folder.join("popularity.json"), &popularity)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let fail = |cause: std::io::Error| Error::File {
        path: path.display().to_string(),
        cause,
    };
    let text = serde_json::to_vec(value).map_err(|error| fail(error.into()))?;
    std::fs::write(path, text).map_err(fail)
}
