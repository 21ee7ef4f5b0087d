//! The back book: holdings before the first day.

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_release::eligibility::judge;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::catalogue::INSURANCE_LINES;
use super::co_holding::CoHolding;
use super::customer::Customer;
use super::population::facts;
use super::taste::{Appeal, utility};

/// Probability of holding a product of the kind, before taste; assumed. Insurance is drawn by
/// [`CoHolding`].
const HELD: [(ProductKind, f64); 5] = [
    (ProductKind::CashLoan, 0.14),
    (ProductKind::InstalmentPlan, 0.16),
    (ProductKind::CreditCard, 0.38),
    (ProductKind::Fund, 0.26),
    (ProductKind::Deposit, 0.40),
];
/// Share of customers with a policy; assumed.
const INSURED: f64 = 0.35;
/// Share of these with exactly one; assumed.
const ONE_POLICY: f64 = 0.5;
/// Products of a kind that a customer considers before taking one.
const LOOKED_AT: usize = 6;

/// Draws the holdings of every customer.
pub(crate) fn back_book(
    customers: &mut [Customer],
    products: &[Product],
    appeals: &[Appeal],
    dice: &mut ChaCha8Rng,
) {
    let mut by_kind: [Vec<usize>; 7] = Default::default();
    let mut by_line: Vec<Vec<usize>> = vec![Vec::new(); INSURANCE_LINES.len()];
    for (place, product) in products.iter().enumerate() {
        by_kind[product.kind as usize % 7].push(place);
        let of_line = |(line, _): &(_, _)| is_of(line, product);
        if let Some(line) = INSURANCE_LINES.iter().position(of_line) {
            by_line[line].push(place);
        }
    }
    let shelf = Shelf { products, appeals };
    let co_holding = CoHolding::fit();
    for customer in customers {
        for (kind, share) in HELD {
            if dice.random_bool(share) {
                shelf.take_one(customer, &by_kind[kind as usize], dice);
            }
        }
        if dice.random_bool(INSURED) {
            let one = dice.random_bool(ONE_POLICY);
            let count = if one { 1 } else { CoHolding::draw_count(dice) };
            for line in co_holding.draw(count, dice) {
                shelf.take_one(customer, &by_line[line], dice);
            }
        }
    }
}

fn is_of(line: &super::catalogue::ProductLine, product: &Product) -> bool {
    product.kind() == ProductKind::Insurance && product.category == line.category
}

struct Shelf<'s> {
    products: &'s [Product],
    appeals: &'s [Appeal],
}

impl Shelf<'_> {
    /// Adds the most useful of a few random products, if the customer is eligible.
    fn take_one(&self, customer: &mut Customer, among: &[usize], dice: &mut ChaCha8Rng) {
        if among.is_empty() {
            return;
        }
        let worth = |place: usize| utility(customer, &self.appeals[place]);
        let best = (0..LOOKED_AT)
            .map(|_| among[dice.random_range(0..among.len())])
            .max_by(|a, b| worth(*a).total_cmp(&worth(*b)));
        let Some(best) = best else { return };
        let facts = facts(customer, self.products);
        let held = customer.holdings.contains(&best);
        if !held && judge(&self.products[best], &facts, i64::MAX).is_ok() {
            customer.holdings.push(best);
        }
    }
}
