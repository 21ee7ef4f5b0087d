//! The data of the two towers: pairs of customer and product to train on and to evaluate on.

use tch::Tensor;

use crate::dataset::{Dataset, Users};
use crate::metrics::{Ranks, rank_of};
use crate::two_tower::{Pair, TwoTower};
use crate::{Error, Options};

/// The number of pairs that are scored at once in an evaluation.
const EVALUATION_BATCH: usize = 512;

/// The positive pairs: products that a customer opened or took, before the split and from it on.
pub(crate) struct Positives {
    pub(crate) train: Vec<Pair>,
    test: Vec<Pair>,
}

impl Positives {
    /// Makes the pairs of a replayed history; those from `split_ms` on are for evaluation.
    pub(crate) fn new(data: &Dataset<'_>, split_ms: i64) -> Self {
        let pairs = data.replayed.interactions.iter().filter_map(|interaction| {
            let item = *data.row_of.get(interaction.product.as_str())?;
            Some(Pair {
                user: interaction.snapshot,
                item,
            })
        });
        let (train, test) = pairs.partition(|pair: &Pair| data.at_ms(pair.user) < split_ms);
        Self { train, test }
    }

    /// Ranks the product of each pair for evaluation among the full catalogue, by the model and by
    /// popularity; returns the metrics of both.
    pub(crate) fn evaluate(
        &self,
        model: &TwoTower,
        users: &Users,
        vectors: &Tensor,
        popularity: &[u32],
        options: &Options,
    ) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        let popular: Vec<f64> = popularity.iter().map(|count| f64::from(*count)).collect();
        let (mut model_ranks, mut popularity_ranks) = (Vec::new(), Vec::new());
        let evaluated = &self.test[..self.test.len().min(options.measured)];
        for chunk in evaluated.chunks(EVALUATION_BATCH) {
            let rows: Vec<i64> = chunk.iter().map(|pair| pair.user as i64).collect();
            let users = users.select(&Tensor::from_slice(&rows));
            let scores =
                tch::no_grad(|| model.users(&users.dense, &users.ids).matmul(&vectors.tr()));
            let values: Vec<f32> = Vec::try_from(scores.reshape([-1]))?;
            for (pair, row) in chunk.iter().zip(values.chunks(popular.len())) {
                let row: Vec<f64> = row.iter().map(|score| f64::from(*score)).collect();
                model_ranks.push(rank_of(&row, pair.item, |_| false));
                popularity_ranks.push(rank_of(&popular, pair.item, |_| false));
            }
        }
        let value = serde_json::json!({
            "liked": Ranks::new(&model_ranks),
            "popularity_liked": Ranks::new(&popularity_ranks),
        });
        Ok(value.as_object().cloned().unwrap_or_default())
    }
}
