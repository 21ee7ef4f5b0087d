//! Baselines on the same rows: popularity, and which products are held together.

use fairlead_training::metrics::{Ranks, rank_of};

use super::data::{Holdings, PolicyHolder};

/// Added to the counts of holders and of non-holders: the "plus four" estimate of a proportion
/// (Agresti and Coull 1998).
const PLUS: f64 = 2.0;

/// The ranks by both baselines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BaselineRanks {
    /// Products by their number of holders.
    pub(crate) popularity: Ranks,
    /// Naive Bayes: the share of holders, times the likelihood ratios of the other holdings given
    /// the product.
    pub(crate) co_holding: Ranks,
}

/// Counts over the training rows.
struct HolderCounts {
    people: f64,
    /// Holders of each product.
    holders: Vec<f64>,
    /// Holders of both, by pair of products.
    both: Vec<Vec<f64>>,
}

impl HolderCounts {
    fn of(holdings: &Holdings) -> Self {
        let products = holdings.products.len();
        let mut counts = Self {
            people: 0.0,
            holders: vec![0.0; products],
            both: vec![vec![0.0; products]; products],
        };
        for customer in holdings.customers.iter().filter(|one| !one.is_test()) {
            counts.people += 1.0;
            for a in &customer.held {
                counts.holders[*a] += 1.0;
                for b in &customer.held {
                    counts.both[*a][*b] += 1.0;
                }
            }
        }
        counts
    }

    /// Returns the log-odds, up to a constant, that a customer with these holdings holds the
    /// product too.
    fn belief(&self, product: usize, held: &[usize]) -> f64 {
        let holders = self.holders[product];
        let share = (holders + PLUS) / (self.people + 2.0 * PLUS);
        let given = |other: &usize| (self.both[product][*other] + PLUS) / (holders + 2.0 * PLUS);
        share.ln() + held.iter().map(|other| given(other).ln()).sum::<f64>()
    }
}

/// Ranks the hidden product of every test row among the products that its customer does not hold.
pub(crate) fn measure(holdings: &Holdings) -> BaselineRanks {
    let counts = HolderCounts::of(holdings);
    let products = holdings.products.len();
    let tests = || holdings.customers.iter().filter(|one| one.is_test());
    let ranked = |scores: &dyn Fn(&[usize]) -> Vec<f64>| {
        let rank = |customer: &PolicyHolder| {
            let known = customer.known();
            let own = scores(&known);
            rank_of(&own, customer.hidden, |place| known.contains(&place))
        };
        Ranks::new(&tests().map(rank).collect::<Vec<_>>())
    };
    BaselineRanks {
        popularity: ranked(&|_| counts.holders.clone()),
        co_holding: ranked(&|known| {
            (0..products)
                .map(|product| counts.belief(product, known))
                .collect()
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::eval::rows::DataTable;

    #[test]
    fn what_is_held_together_beats_what_is_popular() {
        // Products a and b are held together, as are c and d; c is the most popular.
        let mut text = String::from("h0,h1,h2,h3,h4,h5,h6,h7,a,b,c,d\n");
        for row in 0..200 {
            let held = if row % 3 == 0 { "1,1,0,0" } else { "0,0,1,1" };
            writeln!(text, "c{row},,M,M,1980,x,y,z,{held}").expect("written");
        }
        let text = text.replacen(
            "h0,h1,h2,h3,h4,h5,h6,h7",
            "ID,join_date,sex,marital_status,birth_year,branch_code,occupation_code,occupation_category_code",
            1,
        );
        let rows = crate::eval::rows::tests::table(&text).expect("a table");
        let measured = measure(&Holdings::of(&rows).expect("holdings"));
        assert_eq!(measured.co_holding.n, 40);
        assert!((measured.co_holding.mrr - 1.0).abs() < 1e-12);
        assert!(measured.popularity.mrr < 0.95);
    }

    #[test]
    fn the_published_scores_are_reproduced() {
        let Some(folder) = fairlead_testkit::data_dir("zimnat_insurance") else {
            return;
        };
        let rows = DataTable::read(&folder, "holdings").expect("the file");
        let holdings = Holdings::of(&rows).expect("holdings");
        assert_eq!(
            (holdings.products.len(), holdings.customers.len()),
            (21, 20_392)
        );
        let BaselineRanks {
            popularity,
            co_holding,
        } = measure(&holdings);
        assert_eq!(popularity.n, 4_079);
        assert!((popularity.mrr - 0.8215).abs() < 5e-5, "{popularity:?}");
        assert!((popularity.hit1 - 0.7637).abs() < 5e-5, "{popularity:?}");
        assert!((co_holding.mrr - 0.8735).abs() < 5e-5, "{co_holding:?}");
    }
}
