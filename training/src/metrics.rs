//! Offline metrics, each computed for the model and for popularity on the same rows.

use serde::Serialize;

/// Returns the area under the ROC curve: the share of pairs of a positive and a negative in the
/// right order, in which ties count half; `None` if all labels are the same.
pub fn auc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let positives = labels.iter().filter(|label| **label).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < order.len() {
        let same = |at: &&usize| scores[**at] == scores[order[start]];
        let end = start + order[start..].iter().take_while(same).count();
        // Ranks from 1; tied scores share the mean of theirs.
        let rank = (start + end + 1) as f64 / 2.0;
        rank_sum += order[start..end].iter().filter(|at| labels[**at]).count() as f64 * rank;
        start = end;
    }
    let least = positives as f64 * (positives as f64 + 1.0) / 2.0;
    Some((rank_sum - least) / (positives as f64 * negatives as f64))
}

/// Returns the mean negative log-likelihood of the labels.
pub fn log_loss(probabilities: &[f64], labels: &[bool]) -> f64 {
    let each = probabilities.iter().zip(labels).map(|(p, label)| {
        let p = p.clamp(1e-7, 1.0 - 1e-7);
        if *label { -p.ln() } else { -(1.0 - p).ln() }
    });
    each.sum::<f64>() / labels.len().max(1) as f64
}

/// Returns the 1-based rank of `target` among scores that are not excluded; ties rank before it.
pub fn rank_of(scores: &[f64], target: usize, excluded: impl Fn(usize) -> bool) -> usize {
    let own = scores[target];
    let above = |(at, score): (usize, &f64)| at != target && !excluded(at) && *score >= own;
    1 + scores
        .iter()
        .enumerate()
        .filter(|one| above((one.0, one.1)))
        .count()
}

/// Means over ranks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Ranks {
    /// The number of ranks.
    pub n: usize,
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Share at rank 1.
    pub hit1: f64,
    /// Share at rank 3 or better.
    pub hit3: f64,
    /// Share at rank 20 or better.
    pub hit20: f64,
}

impl Ranks {
    /// Computes the means over 1-based ranks.
    pub fn new(ranks: &[usize]) -> Self {
        let n = ranks.len();
        let mean = |value: &dyn Fn(usize) -> f64| {
            ranks.iter().map(|rank| value(*rank)).sum::<f64>() / n.max(1) as f64
        };
        let within = |most: usize| move |rank: usize| f64::from(u8::from(rank <= most));
        Self {
            n,
            mrr: mean(&|rank| 1.0 / rank as f64),
            hit1: mean(&within(1)),
            hit3: mean(&within(3)),
            hit20: mean(&within(20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs_and_halves_ties() {
        let labels = [false, true, false, true];
        assert_eq!(auc(&[0.1, 0.9, 0.2, 0.8], &labels), Some(1.0));
        assert_eq!(auc(&[0.9, 0.1, 0.8, 0.2], &labels), Some(0.0));
        assert_eq!(auc(&[0.5, 0.5, 0.5, 0.5], &labels), Some(0.5));
        // Pairs: (0.4 vs 0.1) right, (0.4 vs 0.4) half, (0.3 vs 0.1) right, (0.3 vs 0.4) wrong.
        assert_eq!(auc(&[0.1, 0.4, 0.4, 0.3], &labels), Some(0.625));
        assert_eq!(auc(&[0.1, 0.2], &[true, true]), None);
    }

    #[test]
    fn ranks_put_ties_behind_and_leave_out_what_is_held() {
        let scores = [0.9, 0.5, 0.5, 0.1];
        assert_eq!(rank_of(&scores, 1, |_| false), 3);
        assert_eq!(rank_of(&scores, 1, |at| at == 0), 2);
        let ranks = Ranks::new(&[1, 2, 4]);
        assert!((ranks.mrr - (1.0 + 0.5 + 0.25) / 3.0).abs() < 1e-12);
        assert!((ranks.hit3 - 2.0 / 3.0).abs() < 1e-12);
    }
}
