//! A model of insurance lines that are held together, with the shares and the lifts of Zimnat's
//! customers.
//!
//! Lines are drawn one after the other, each by its weight times its pull to every line drawn
//! before. Weights and pulls are fitted to the published shares and lifts once, on the exact
//! expectation of draws of two and three lines; few customers hold more.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::figures::{HELD_TOGETHER, POLICIES_HELD, POLICY_SHARE};

const LINES: usize = POLICY_SHARE.len();
/// Rounds of fitting; the named lifts change by less than a hundredth after half of them.
const ROUNDS: usize = 60;
/// The largest pull: lines that are almost never held apart have no finite one.
const STRONGEST: f64 = 1e4;

/// A fitted distribution of sets of lines.
#[derive(Debug)]
pub(crate) struct CoHolding {
    weights: [f64; LINES],
    pulls: [[f64; LINES]; LINES],
}

/// Shares of holders by line, and by pair of lines.
#[derive(Debug)]
struct Shares {
    single: [f64; LINES],
    pair: [[f64; LINES]; LINES],
}

/// A draw of some lines, and its probability.
#[derive(Debug, Clone, Copy)]
struct Draw {
    count: usize,
    chance: f64,
}

impl CoHolding {
    /// Fits weights and pulls to the published figures.
    pub(crate) fn fit() -> Self {
        let mut fitted = Self {
            weights: POLICY_SHARE,
            pulls: [[1.0; LINES]; LINES],
        };
        for (a, b, lift) in HELD_TOGETHER {
            fitted.set_pull(a, b, lift);
        }
        for _ in 0..ROUNDS {
            let shares = fitted.expected();
            // Draws of two and three lines have fewer lines than published: some customers hold
            // more.
            let scale = shares.single.iter().sum::<f64>() / POLICY_SHARE.iter().sum::<f64>();
            for (line, share) in POLICY_SHARE.iter().enumerate() {
                let wanted = share * scale;
                fitted.weights[line] *= (wanted / shares.single[line]).powf(0.7);
            }
            for (a, b, lift) in HELD_TOGETHER {
                let found = shares.pair[a][b] / (shares.single[a] * shares.single[b]);
                let pull = fitted.pulls[a][b] * (lift / found).sqrt();
                fitted.set_pull(a, b, pull.min(STRONGEST));
            }
        }
        fitted
    }

    fn set_pull(&mut self, a: usize, b: usize, pull: f64) {
        self.pulls[a][b] = pull;
        self.pulls[b][a] = pull;
    }

    /// Returns the exact expectation over draws of two and three lines.
    fn expected(&self) -> Shares {
        let mut shares = Shares {
            single: [0.0; LINES],
            pair: [[0.0; LINES]; LINES],
        };
        let [two, three, ..] = POLICIES_HELD;
        for (count, chance) in [(2, two / (two + three)), (3, three / (two + three))] {
            self.walk(
                &self.weights,
                &mut Vec::new(),
                Draw { count, chance },
                &mut shares,
            );
        }
        shares
    }

    /// Adds the shares of all ways to complete a draw.
    fn walk(&self, weights: &[f64; LINES], drawn: &mut Vec<usize>, draw: Draw, into: &mut Shares) {
        if drawn.len() == draw.count {
            for a in drawn.iter().copied() {
                into.single[a] += draw.chance;
                for b in drawn.iter().copied() {
                    into.pair[a][b] += draw.chance;
                }
            }
            return;
        }
        let total: f64 = weights.iter().sum();
        for line in 0..LINES {
            if weights[line] > 0.0 {
                let next = Draw {
                    chance: draw.chance * weights[line] / total,
                    ..draw
                };
                drawn.push(line);
                self.walk(&self.after(weights, line), drawn, next, into);
                drawn.pop();
            }
        }
    }

    /// Returns the weights after a line is drawn.
    fn after(&self, weights: &[f64; LINES], line: usize) -> [f64; LINES] {
        let mut next = *weights;
        for (weight, pull) in next.iter_mut().zip(&self.pulls[line]) {
            *weight *= pull;
        }
        next[line] = 0.0;
        next
    }

    /// Draws `count` different lines, as indexes in the published order.
    pub(crate) fn draw(&self, count: usize, dice: &mut ChaCha8Rng) -> Vec<usize> {
        let mut weights = self.weights;
        let mut lines = Vec::with_capacity(count);
        while lines.len() < count.min(LINES) {
            let line = by_weight(&weights, dice);
            weights = self.after(&weights, line);
            lines.push(line);
        }
        lines
    }

    /// Draws the number of policies of a customer who holds more than one.
    pub(crate) fn draw_count(dice: &mut ChaCha8Rng) -> usize {
        2 + by_weight(&POLICIES_HELD, dice)
    }
}

/// Draws an index by weight.
fn by_weight(weights: &[f64], dice: &mut ChaCha8Rng) -> usize {
    let mut left = dice.random::<f64>() * weights.iter().sum::<f64>();
    for (index, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return index;
        }
    }
    weights.len() - 1
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn lines_are_held_and_held_together_as_published() {
        let fitted = CoHolding::fit();
        let mut dice = ChaCha8Rng::seed_from_u64(5);
        let people = 300_000_u32;
        let mut held = [0_u32; LINES];
        let mut together = [[0_u32; LINES]; LINES];
        for _ in 0..people {
            let count = CoHolding::draw_count(&mut dice);
            let lines = fitted.draw(count, &mut dice);
            assert_eq!(lines.len(), count);
            for a in lines.iter().copied() {
                held[a] += 1;
                for b in lines.iter().copied() {
                    together[a][b] += 1;
                }
            }
        }
        let share = |count: u32| f64::from(count) / f64::from(people);
        for (line, published) in POLICY_SHARE.into_iter().enumerate() {
            let found = share(held[line]);
            let slack = 0.02 + 0.15 * published.min(0.2);
            assert!((found - published).abs() < slack, "{line}: {found}");
        }
        for (a, b, published) in HELD_TOGETHER {
            let lift = share(together[a][b]) / (share(held[a]) * share(held[b]));
            let off = (lift / published).ln().abs();
            // The rarest pairs are a few dozen customers here, who hold many policies.
            assert!(off < 0.5, "{a} and {b}: {lift}, published {published}");
        }
    }
}
