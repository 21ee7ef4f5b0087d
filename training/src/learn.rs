//! What each model learns from a replayed history, and how well it did on what it had not seen.

use std::collections::HashMap;

use fairlead_registry::Registry;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use crate::dataset::{Batch, Dataset, Group, Items, Users};
use crate::metrics::{Ranks, auc, log_loss, rank_of};
use crate::ranker::{Labels, Ranker};
use crate::two_tower::{Pair, TwoTower};
use crate::{Error, Options};

/// Rows scored in one go when a model is measured.
const MEASURED_AT_ONCE: usize = 512;
/// Catalogues up to this size compete whole for a customer's next holding.
const WHOLE_CATALOGUE: usize = 64;

/// Rows for the ranker: groups to learn from, groups to measure on, labels of all rows.
pub(crate) struct Rows {
    pub(crate) users: Users,
    pub(crate) items: Items,
    pub(crate) train: Vec<Group>,
    pub(crate) test: Vec<Group>,
    pub(crate) labels: Labels,
    /// The catalogue row of each row.
    product: Vec<usize>,
}

/// Impressions with their outcomes; what was shown from `split_ms` on is for measuring.
pub(crate) fn logged(data: &Dataset<'_>, split_ms: i64) -> Result<Rows, Error> {
    let users = Users::assemble(&data.assembler, &data.replayed.moments)?;
    let mut by_moment: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, shown) in data.replayed.shown.iter().enumerate() {
        if data.row_of.contains_key(shown.product.as_str()) {
            by_moment.entry(shown.moment).or_default().push(at);
        }
    }
    let mut moments: Vec<(usize, Vec<usize>)> = by_moment.into_iter().collect();
    moments.sort_unstable();
    let mut groups = Vec::with_capacity(moments.len());
    let mut shown = Vec::new();
    for (moment, of_moment) in moments {
        let start = shown.len();
        shown.extend(of_moment.iter().map(|at| &data.replayed.shown[*at]));
        groups.push(Group {
            user: moment,
            rows: start..shown.len(),
        });
    }
    let product: Vec<usize> = shown
        .iter()
        .map(|one| data.row_of[one.product.as_str()])
        .collect();
    let rows = shown.iter().zip(&product).map(|(one, row)| {
        (
            &data.products[*row],
            data.replayed.counters[one.counters].as_slice(),
            data.at_ms(one.moment),
        )
    });
    let items = Items::assemble(&data.assembler, rows)?;
    let flags = |flag: &dyn Fn(&crate::replay::Shown) -> bool| {
        let flags: Vec<f32> = shown
            .iter()
            .map(|one| f32::from(u8::from(flag(one))))
            .collect();
        Tensor::from_slice(&flags)
    };
    let labels = Labels::Logged {
        clicked: flags(&|one| one.clicked),
        converted: flags(&|one| one.converted),
    };
    let (train, test) = groups
        .into_iter()
        .partition(|group| data.at_ms(group.user) < split_ms);
    Ok(Rows {
        users,
        items,
        train,
        test,
        labels,
        product,
    })
}

/// Each holding left out in turn, to be found again among all that is not held. A tenth of the
/// customers is for measuring.
pub(crate) fn held(
    data: &Dataset<'_>,
    registry: &Registry,
    dice: &mut ChaCha8Rng,
) -> Result<Rows, Error> {
    let holdings = registry
        .layout(fairlead_registry::Purpose::Recommend)
        .sequence("holdings");
    let catalogue = data.products.len();
    let (mut sets, mut tested, mut target, mut product, mut excluded) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let width = catalogue.min(WHOLE_CATALOGUE);
    for (place, (_, set)) in data.replayed.last.iter().enumerate() {
        let rows = data.held(registry, set);
        for left_out in rows.iter().filter(|_| rows.len() > 1) {
            let mut without = set.clone();
            if let Some(sequence) = holdings.and_then(|at| without.sequences.get_mut(at)) {
                sequence
                    .entries
                    .retain(|e| e.product_id != data.products[*left_out].product_id);
            }
            let mut among: Vec<usize> = sample(dice, catalogue, width).into_vec();
            among.sort_unstable();
            let at = among
                .iter()
                .position(|row| row == left_out)
                .unwrap_or_else(|| {
                    among[0] = *left_out;
                    0
                });
            excluded.extend(
                among
                    .iter()
                    .map(|row| row != left_out && rows.contains(row)),
            );
            product.extend(among);
            target.push(at as i64);
            sets.push(without);
            tested.push(place % 10 == 0);
        }
    }
    let users = Users::assemble(&data.assembler, &sets)?;
    let none = vec![0.0; registry.product_layout().number_names().len()];
    let at_ms = data
        .replayed
        .last
        .first()
        .map_or(0, |(_, set)| set.as_of_ms);
    let items = Items::assemble(
        &data.assembler,
        product
            .iter()
            .map(|row| (&data.products[*row], none.as_slice(), at_ms)),
    )?;
    let labels = Labels::Taken {
        width: width as i64,
        target,
        excluded: Tensor::from_slice(&excluded),
    };
    let group = |user: usize| Group {
        user,
        rows: user * width..(user + 1) * width,
    };
    let (test, train): (Vec<usize>, Vec<usize>) = (0..sets.len()).partition(|user| tested[*user]);
    let groups = |users: Vec<usize>| users.into_iter().map(group).collect();
    Ok(Rows {
        users,
        items,
        train: groups(train),
        test: groups(test),
        labels,
        product,
    })
}

impl Rows {
    /// Scores groups: log-odds of click and conversion by row, in the groups' order.
    fn scores(&self, model: &Ranker, groups: &[Group]) -> Result<Vec<[f64; 2]>, Error> {
        let mut all = Vec::new();
        for chunk in groups.chunks(MEASURED_AT_ONCE) {
            let chunk: Vec<&Group> = chunk.iter().collect();
            let batch = Batch::of(&chunk, &self.users, &self.items);
            let scores =
                tch::no_grad(|| model.forward(&batch.users, &batch.user_of_row, &batch.items));
            let values: Vec<f32> = Vec::try_from(scores.reshape([-1]))?;
            all.extend(
                values
                    .chunks(2)
                    .map(|two| [f64::from(two[0]), f64::from(two[1])]),
            );
        }
        Ok(all)
    }

    /// Measures on the groups kept back, beside popularity on the same rows.
    pub(crate) fn measure(
        &self,
        model: &Ranker,
        popularity: &[u32],
    ) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        let scores = self.scores(model, &self.test)?;
        let popular: Vec<f64> = self
            .test
            .iter()
            .flat_map(|group| group.rows.clone())
            .map(|row| f64::from(popularity[self.product[row]]))
            .collect();
        let value = match &self.labels {
            Labels::Logged { clicked, converted } => {
                let labels = |tensor: &Tensor| -> Result<Vec<bool>, Error> {
                    let all: Vec<f32> = Vec::try_from(tensor)?;
                    let rows = self.test.iter().flat_map(|group| group.rows.clone());
                    Ok(rows.map(|row| all[row] > 0.5).collect())
                };
                logged_metrics(&scores, &popular, &labels(clicked)?, &labels(converted)?)
            }
            Labels::Taken {
                width,
                target,
                excluded,
            } => {
                let excluded: Vec<bool> = Vec::try_from(excluded)?;
                let ranks = |score: &dyn Fn(usize) -> f64| {
                    let of_group = |(place, group): (usize, &Group)| {
                        let from = place * *width as usize;
                        let own: Vec<f64> =
                            (0..*width as usize).map(|at| score(from + at)).collect();
                        let out = |at: usize| excluded[group.rows.start + at];
                        rank_of(&own, target[group.user] as usize, out)
                    };
                    Ranks::of(
                        &self
                            .test
                            .iter()
                            .enumerate()
                            .map(of_group)
                            .collect::<Vec<_>>(),
                    )
                };
                serde_json::json!({
                    "next_holding": ranks(&|at| taken(scores[at])),
                    "popularity_next_holding": ranks(&|at| popular[at]),
                })
            }
        };
        Ok(value.as_object().cloned().unwrap_or_default())
    }
}

/// The logarithm of the chance of a click and a conversion after it.
fn taken([click, convert]: [f64; 2]) -> f64 {
    -((-click).exp().ln_1p() + (-convert).exp().ln_1p())
}

fn logged_metrics(
    scores: &[[f64; 2]],
    popular: &[f64],
    clicked: &[bool],
    converted: &[bool],
) -> serde_json::Value {
    let task = |at: usize| -> Vec<f64> { scores.iter().map(|score| score[at]).collect() };
    let chances: Vec<f64> = task(0)
        .iter()
        .map(|score| 1.0 / (1.0 + (-score).exp()))
        .collect();
    let of_clicked = |values: &[f64]| -> Vec<f64> {
        values
            .iter()
            .zip(clicked)
            .filter(|(_, c)| **c)
            .map(|(value, _)| *value)
            .collect()
    };
    let taken: Vec<bool> = converted
        .iter()
        .zip(clicked)
        .filter(|(_, c)| **c)
        .map(|(taken, _)| *taken)
        .collect();
    serde_json::json!({
        "rows": clicked.len(),
        "clicks": clicked.iter().filter(|c| **c).count(),
        "conversions": taken.iter().filter(|c| **c).count(),
        "click_auc": auc(&task(0), clicked),
        "popularity_click_auc": auc(popular, clicked),
        "click_log_loss": log_loss(&chances, clicked),
        "convert_auc": auc(&of_clicked(&task(1)), &taken),
        "popularity_convert_auc": auc(&of_clicked(popular), &taken),
    })
}

/// Positives for the two towers: what was liked, before the split and from it on.
pub(crate) struct Positives {
    pub(crate) train: Vec<Pair>,
    pub(crate) test: Vec<Pair>,
}

impl Positives {
    pub(crate) fn of(data: &Dataset<'_>, split_ms: i64) -> Self {
        let pairs = data.replayed.liked.iter().filter_map(|liked| {
            let item = *data.row_of.get(liked.product.as_str())?;
            Some(Pair {
                user: liked.moment,
                item,
            })
        });
        let (train, test) = pairs.partition(|pair: &Pair| data.at_ms(pair.user) < split_ms);
        Self { train, test }
    }

    /// Ranks each positive kept back among the whole catalogue, beside popularity.
    pub(crate) fn measure(
        &self,
        model: &TwoTower,
        users: &Users,
        vectors: &Tensor,
        popularity: &[u32],
        options: &Options,
    ) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        let popular: Vec<f64> = popularity.iter().map(|count| f64::from(*count)).collect();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let measured = &self.test[..self.test.len().min(options.measured)];
        for chunk in measured.chunks(MEASURED_AT_ONCE) {
            let rows: Vec<i64> = chunk.iter().map(|pair| pair.user as i64).collect();
            let users = users.select(&Tensor::from_slice(&rows));
            let scores =
                tch::no_grad(|| model.users(&users.dense, &users.ids).matmul(&vectors.tr()));
            let values: Vec<f32> = Vec::try_from(scores.reshape([-1]))?;
            for (pair, row) in chunk.iter().zip(values.chunks(popular.len())) {
                let row: Vec<f64> = row.iter().map(|score| f64::from(*score)).collect();
                ours.push(rank_of(&row, pair.item, |_| false));
                theirs.push(rank_of(&popular, pair.item, |_| false));
            }
        }
        let value = serde_json::json!({
            "liked": Ranks::of(&ours),
            "popularity_liked": Ranks::of(&theirs),
        });
        Ok(value.as_object().cloned().unwrap_or_default())
    }
}
