//! The data of the ranker: groups of rows to train on and to evaluate on, by objective.

use std::collections::HashMap;

use fairlead_proto::feature::v1::FeatureSet;
use fairlead_registry::{Purpose, Registry};
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use crate::Error;
use crate::dataset::{Batch, Dataset, Group, ItemInput, Items, Users};
use crate::metrics::{Ranks, auc, log_loss, rank_of};
use crate::ranker::{Labels, Ranker, RankerExamples};
use crate::replay::Impression;

/// The number of groups that are scored at once in an evaluation.
const EVALUATION_BATCH: usize = 512;
/// The largest number of products that compete for a customer's next holding: larger catalogues are
/// sampled.
const MAX_COMPETITORS: usize = 64;

/// The rows of the ranker, with their labels, in groups.
pub(crate) struct RankerData {
    pub(crate) users: Users,
    pub(crate) items: Items,
    pub(crate) train: Vec<Group>,
    pub(crate) test: Vec<Group>,
    labels: Labels,
    /// The catalogue row of each row.
    product: Vec<usize>,
}

/// The log-odds of one row.
#[derive(Debug, Clone, Copy)]
struct LogOdds {
    click: f64,
    /// Of a conversion after a click.
    convert: f64,
}

impl LogOdds {
    /// Returns the logarithm of the probability of a click and a conversion after it.
    fn log_taken(self) -> f64 {
        -((-self.click).exp().ln_1p() + (-self.convert).exp().ln_1p())
    }
}

impl RankerData {
    /// Makes groups of the impressions with their outcomes; those from `split_ms` on are for
    /// evaluation.
    pub(crate) fn from_impressions(data: &Dataset<'_>, split_ms: i64) -> Result<Self, Error> {
        let users = Users::assemble(&data.assembler, &data.replayed.snapshots)?;
        let (groups, impressions) = group_impressions(data);
        let product: Vec<usize> = impressions
            .iter()
            .map(|one| data.row_of[one.product.as_str()])
            .collect();
        let rows = impressions
            .iter()
            .zip(&product)
            .map(|(one, row)| ItemInput {
                product: &data.products[*row],
                counters: &data.replayed.counters[one.counters],
                as_of_ms: data.at_ms(one.snapshot),
            });
        let items = Items::assemble(&data.assembler, rows)?;
        let flags = |flag: &dyn Fn(&Impression) -> bool| {
            let flags: Vec<f32> = impressions
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
        Ok(Self {
            users,
            items,
            train,
            test,
            labels,
            product,
        })
    }

    /// Makes one group of each holding: it is left out of the customer's features, and the label is
    /// to find it among products that are not held. A tenth of the customers is for evaluation.
    pub(crate) fn leave_one_out(
        data: &Dataset<'_>,
        registry: &Registry,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Error> {
        let drawn = LeftOut::draw(data, registry, rng);
        let users = Users::assemble(&data.assembler, &drawn.sets)?;
        let none = vec![0.0; registry.product_layout().number_names().len()];
        let as_of_ms = data
            .replayed
            .last
            .first()
            .map_or(0, |(_, set)| set.as_of_ms);
        let rows = drawn.product.iter().map(|row| ItemInput {
            product: &data.products[*row],
            counters: &none,
            as_of_ms,
        });
        let items = Items::assemble(&data.assembler, rows)?;
        let width = drawn.width;
        let group = |user: usize| Group {
            user,
            rows: user * width..(user + 1) * width,
        };
        let (test, train) = (0..drawn.sets.len())
            .map(group)
            .partition(|group| drawn.evaluated[group.user]);
        Ok(Self {
            users,
            items,
            train,
            test,
            labels: Labels::LeaveOneOut {
                width: width as i64,
                target: drawn.target,
                excluded: Tensor::from_slice(&drawn.excluded),
            },
            product: drawn.product,
        })
    }

    /// Returns the examples to train on.
    pub(crate) fn examples(&self) -> RankerExamples<'_> {
        RankerExamples {
            users: &self.users,
            items: &self.items,
            groups: &self.train,
            labels: &self.labels,
        }
    }

    /// Scores groups; returns one entry per row, in the groups' order.
    fn scores(&self, model: &Ranker, groups: &[Group]) -> Result<Vec<LogOdds>, Error> {
        let mut all = Vec::new();
        for chunk in groups.chunks(EVALUATION_BATCH) {
            let chunk: Vec<&Group> = chunk.iter().collect();
            let batch = Batch::gather(&chunk, &self.users, &self.items);
            let scores =
                tch::no_grad(|| model.forward(&batch.users, &batch.user_of_row, &batch.items));
            let values: Vec<f32> = Vec::try_from(scores.reshape([-1]))?;
            all.extend(values.chunks(2).map(|row| LogOdds {
                click: f64::from(row[0]),
                convert: f64::from(row[1]),
            }));
        }
        Ok(all)
    }

    /// Computes the metrics of the model and of popularity on the groups for evaluation.
    pub(crate) fn evaluate(
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
            Labels::LeaveOneOut {
                width,
                target,
                excluded,
            } => {
                let width = *width as usize;
                let excluded: Vec<bool> = Vec::try_from(excluded)?;
                let ranks = |scores: &[f64]| {
                    let groups = self.test.iter().zip(scores.chunks(width));
                    let ranks: Vec<usize> = groups
                        .map(|(group, scores)| {
                            let is_excluded = |at: usize| excluded[group.rows.start + at];
                            rank_of(scores, target[group.user] as usize, is_excluded)
                        })
                        .collect();
                    Ranks::new(&ranks)
                };
                let taken: Vec<f64> = scores.iter().map(|row| row.log_taken()).collect();
                serde_json::json!({
                    "next_holding": ranks(&taken),
                    "popularity_next_holding": ranks(&popular),
                })
            }
        };
        Ok(value.as_object().cloned().unwrap_or_default())
    }
}

/// Groups the impressions of known products by snapshot; returns the groups, and the impressions in
/// the order of their rows.
fn group_impressions<'d>(data: &Dataset<'d>) -> (Vec<Group>, Vec<&'d Impression>) {
    let mut by_snapshot: HashMap<usize, Vec<&Impression>> = HashMap::new();
    for impression in &data.replayed.impressions {
        if data.row_of.contains_key(impression.product.as_str()) {
            let of_snapshot = by_snapshot.entry(impression.snapshot).or_default();
            of_snapshot.push(impression);
        }
    }
    let mut snapshots: Vec<(usize, Vec<&Impression>)> = by_snapshot.into_iter().collect();
    snapshots.sort_unstable_by_key(|(snapshot, _)| *snapshot);
    let mut groups = Vec::with_capacity(snapshots.len());
    let mut rows = Vec::new();
    for (user, impressions) in snapshots {
        let start = rows.len();
        rows.extend(impressions);
        groups.push(Group {
            user,
            rows: start..rows.len(),
        });
    }
    (groups, rows)
}

/// The groups of the leave-one-out objective before they are assembled: one per holding, each of
/// `width` rows.
#[derive(Default)]
struct LeftOut {
    width: usize,
    /// The customer's features without the holding, one per group.
    sets: Vec<FeatureSet>,
    /// `true` for each group that is for evaluation.
    evaluated: Vec<bool>,
    /// The position of the holding among the rows of each group.
    target: Vec<i64>,
    /// The catalogue row of each row.
    product: Vec<usize>,
    /// `true` for each row of a product that is held, and so does not compete.
    excluded: Vec<bool>,
}

impl LeftOut {
    /// Leaves out each holding of the customers that hold at least two products.
    fn draw(data: &Dataset<'_>, registry: &Registry, rng: &mut ChaCha8Rng) -> Self {
        let holdings = registry.layout(Purpose::Recommend).sequence("holdings");
        let catalogue = data.products.len();
        let mut drawn = Self {
            width: catalogue.min(MAX_COMPETITORS),
            ..Self::default()
        };
        for (number, (_, set)) in data.replayed.last.iter().enumerate() {
            let held = data.held(registry, set);
            for left_out in held.iter().filter(|_| held.len() > 1) {
                let mut without = set.clone();
                if let Some(sequence) = holdings.and_then(|at| without.sequences.get_mut(at)) {
                    let product_id = &data.products[*left_out].product_id;
                    sequence.entries.retain(|e| e.product_id != *product_id);
                }
                drawn.sets.push(without);
                drawn.evaluated.push(number % 10 == 0);
                let competitors = sample(rng, catalogue, drawn.width).into_vec();
                drawn.add_rows(*left_out, &held, competitors);
            }
        }
        drawn
    }

    /// Adds the rows of a group: the competitors, among them the holding that was left out.
    fn add_rows(&mut self, left_out: usize, held: &[usize], mut competitors: Vec<usize>) {
        competitors.sort_unstable();
        let at = competitors
            .iter()
            .position(|row| *row == left_out)
            .unwrap_or_else(|| {
                competitors[0] = left_out;
                0
            });
        self.excluded.extend(
            competitors
                .iter()
                .map(|row| *row != left_out && held.contains(row)),
        );
        self.product.extend(competitors);
        self.target.push(at as i64);
    }
}

/// Computes the metrics of logged impressions, by row.
fn logged_metrics(
    scores: &[LogOdds],
    popular: &[f64],
    clicked: &[bool],
    converted: &[bool],
) -> serde_json::Value {
    let click: Vec<f64> = scores.iter().map(|score| score.click).collect();
    let convert: Vec<f64> = scores.iter().map(|score| score.convert).collect();
    let probabilities: Vec<f64> = click
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
        "click_auc": auc(&click, clicked),
        "popularity_click_auc": auc(popular, clicked),
        "click_log_loss": log_loss(&probabilities, clicked),
        "convert_auc": auc(&of_clicked(&convert), &taken),
        "popularity_convert_auc": auc(&of_clicked(popular), &taken),
    })
}
