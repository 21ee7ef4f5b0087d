//! Grades, hidden probabilities of default, and the bureau attributes that indicate them.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Poisson, StandardNormal};

use super::customer::{Bureau, Customer, log_normal};
use super::figures;

/// Points that double the odds of paying; assumed.
const DOUBLES_AT: f64 = 40.0;
/// Score at odds of 50 to 1; assumed.
const SCORE_AT_FIFTY: f64 = 680.0;
/// Standard deviation of a customer's figures around those of the grade, in logarithms; assumed.
const SPREAD: f64 = 0.35;

/// Assigns grades by order of risk, in their published shares, and draws the bureau attributes.
pub(crate) fn settle(customers: &mut [Customer], dice: &mut ChaCha8Rng) {
    let mut order: Vec<usize> = (0..customers.len()).collect();
    order.sort_by(|a, b| {
        let risk = |place: usize| customers[place].latent_risk;
        risk(*a).total_cmp(&risk(*b))
    });
    for (place, customer) in order.into_iter().enumerate() {
        let share = (place as f64 + 0.5) / customers.len() as f64;
        let customer = &mut customers[customer];
        let (grade, within) = grade_at(share);
        customer.grade = grade;
        // Within a grade the risk rises by half from the best to the worst.
        let own = 1.5_f64.powf(within - 0.5) * log_normal(0.15, dice);
        customer.pd = (figures::YEARLY_PD[grade] * own).clamp(1e-4, 0.9);
        customer.bureau = Bureau::draw(customer, dice);
    }
}

/// Returns the grade at a quantile of the population, best first, and the position within the
/// grade.
fn grade_at(share: f64) -> (usize, f64) {
    let mut start = 0.0;
    for (grade, width) in figures::GRADE_SHARE.iter().enumerate() {
        if share < start + width {
            return (grade, (share - start) / width);
        }
        start += width;
    }
    (figures::GRADE_SHARE.len() - 1, 1.0)
}

/// Returns the probability that an instalment is missed in one month.
pub(crate) fn miss_chance(yearly_pd: f64) -> f64 {
    let monthly = -(1.0 - yearly_pd).ln() / 12.0;
    (monthly * figures::MISSED_PER_DEFAULT).min(1.0)
}

impl Bureau {
    fn draw(customer: &Customer, dice: &mut ChaCha8Rng) -> Self {
        let grade = customer.grade;
        let odds = (1.0 - customer.pd) / customer.pd;
        let noise: f64 = StandardNormal.sample(dice);
        let score = SCORE_AT_FIFTY + DOUBLES_AT * (odds / 50.0).log2() + 12.0 * noise;
        let debt_to_income = figures::DEBT_TO_INCOME[grade] * log_normal(SPREAD, dice);
        let utilisation = figures::UTILISATION[grade] * log_normal(SPREAD, dice);
        // Limits of three months' income in total; assumed.
        let limits = customer.income_minor as f64 * 3.0 * log_normal(0.5, dice);
        let utilisation = utilisation.min(1.2);
        // Nobody has credit before the age of eighteen.
        let possible = ((customer.age_years - 18.0) * 12.0).max(1.0);
        let history = figures::CREDIT_HISTORY_MONTHS * log_normal(0.5, dice);
        Self {
            score: (score.round() as i64).clamp(300, 850),
            debt_to_income: debt_to_income.min(0.9),
            utilisation,
            exposure_minor: (limits * utilisation).round() as i64,
            inquiries: count(figures::INQUIRIES[grade], dice),
            delinquencies: count(figures::DELINQUENCIES[grade], dice),
            history_months: history.min(possible) as i64,
        }
    }
}

fn count(mean: f64, dice: &mut ChaCha8Rng) -> u32 {
    let own = mean * log_normal(SPREAD, dice);
    let drawn = Poisson::new(own).map_or(0.0, |counts| counts.sample(dice));
    (drawn as u32).min(30)
}
