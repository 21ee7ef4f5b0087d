//! Hidden preferences: utilities, and the probabilities that follow from them.

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::customer::Customer;
use super::figures;
use super::life_stage::LIFE_STAGES;

/// Travel, home, technology, wealth, safety, thrift.
pub(crate) const THEMES: usize = 6;
/// A customer's taste for each theme.
pub(crate) type Taste = [f64; THEMES];

/// Standard deviation of tastes within a life stage; assumed.
const TASTE_SPREAD: f64 = 0.8;
/// Standard deviation of a product's quality, log-odds; assumed.
const QUALITY_SPREAD: f64 = 0.35;
/// Largest deviation of a lender's rate from the mean of the grade, as a share; assumed.
const MARKUP: f64 = 0.08;
/// Share of the utility for a click that also counts for a conversion; assumed.
const CARRIED: f64 = 0.5;

/// The attributes of a product that preferences depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appeal {
    kind: usize,
    themes: Taste,
    quality: f64,
    /// Its rate over the mean of the grade; 1 if it has no rate.
    markup: f64,
    lends: bool,
}

impl Appeal {
    pub(crate) fn of(product: &Product, dice: &mut ChaCha8Rng) -> Self {
        let quality: f64 = StandardNormal.sample(dice);
        let markup = 1.0 + dice.random_range(-MARKUP..=MARKUP);
        let lends = matches!(
            product.kind(),
            ProductKind::CashLoan | ProductKind::InstalmentPlan | ProductKind::CreditCard
        );
        Self {
            // Kinds of the contract count from 1; every product of the catalogue has one.
            kind: (product.kind - 1).max(0) as usize,
            themes: themes_of(&product.category),
            quality: quality * QUALITY_SPREAD,
            markup: if lends { markup } else { 1.0 },
            lends,
        }
    }

    pub(crate) fn lends(&self) -> bool {
        self.lends
    }

    /// Returns the yearly rate that a customer of a grade is shown, ppm; 0 if there is none.
    pub(crate) fn rate_ppm(&self, grade: usize) -> i64 {
        if self.lends {
            (figures::RATE_PPM[grade] as f64 * self.markup).round() as i64
        } else {
            0
        }
    }
}

/// Draws the taste of a customer of a life stage.
pub(crate) fn draw(stage: usize, dice: &mut ChaCha8Rng) -> Taste {
    LIFE_STAGES[stage].taste.map(|mean| {
        let own: f64 = StandardNormal.sample(dice);
        mean + own * TASTE_SPREAD
    })
}

/// Returns the themes of a category.
fn themes_of(category: &str) -> Taste {
    match category {
        "journey" | "holiday" | "travel" | "travel-cover" => [1.2, 0.0, 0.0, 0.0, 0.1, -0.1],
        "overseas" => [0.7, 0.0, 0.2, 0.9, -0.3, -0.2],
        "home-renovation" | "furniture" | "appliance" | "home-building" | "home-contents" => {
            [0.0, 1.2, 0.0, 0.0, 0.3, 0.0]
        }
        "phone" | "computer" | "phone-screen" | "e-bike" => [0.0, -0.1, 1.2, 0.0, 0.0, 0.2],
        "technology" => [0.0, 0.0, 0.9, 0.9, -0.5, 0.0],
        "warranty" => [0.0, 0.5, 0.7, 0.0, 0.4, 0.3],
        "index" | "equity" | "gold" | "dividend" | "premium" => [0.1, 0.0, 0.0, 1.2, -0.2, -0.2],
        "balanced" | "bond" | "short-bond" | "certificate" => [0.0, 0.0, 0.0, 0.8, 0.5, 0.1],
        "money-market" | "demand" | "3-months" | "6-months" | "cashback" | "shopping" => {
            [0.0, 0.0, 0.1, 0.0, 0.1, 1.1]
        }
        "1-year" | "3-years" | "5-years" | "pension-target" => [0.0, 0.1, -0.2, 0.5, 0.7, 0.6],
        "accident" | "medical-cover" | "critical-illness" | "term-life" | "medical" | "dental" => {
            [0.0, 0.2, -0.1, 0.0, 1.2, 0.0]
        }
        "motor" | "car" | "motoring" => [0.4, 0.4, 0.2, 0.3, 0.3, -0.2],
        "pet" => [0.1, 0.7, 0.0, 0.1, 0.5, 0.0],
        "wedding" => [0.4, 0.7, 0.0, 0.0, 0.2, -0.2],
        "education" | "course" | "student" => [0.1, -0.3, 0.8, 0.1, -0.1, 0.4],
        "working-capital" | "business" => [0.0, 0.0, 0.1, 0.6, 0.0, 0.1],
        "dining" => [0.7, 0.0, 0.1, 0.0, -0.1, 0.1],
        "salary-advance" => [0.2, 0.0, 0.5, -0.8, -0.1, 0.5],
        _ => [0.2, 0.2, 0.2, -0.2, 0.0, 0.3],
    }
}

/// Returns the utility of a product for a customer, log-odds without the intercept.
pub(crate) fn utility(customer: &Customer, appeal: &Appeal) -> f64 {
    let taste: f64 = customer
        .taste
        .iter()
        .zip(&appeal.themes)
        .map(|(own, theme)| own * theme)
        .sum();
    LIFE_STAGES[customer.stage].kinds[appeal.kind] + taste + appeal.quality
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Intercepts with which the mean probabilities are the published ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    click: f64,
    take: f64,
    /// Change of the log-odds of a conversion per percentage point of the rate, for a typical
    /// customer.
    slope: f64,
    /// The rate at which the intercept holds, percent.
    middle: f64,
}

impl Choice {
    /// Fits the intercepts on a sample of pairs of customer and product. The popularity policy
    /// shows a product in proportion to its mean click probability.
    pub(crate) fn fit(sample: &[(&Customer, &Appeal, usize)]) -> Self {
        let middle = mean_rate();
        let mut choice = Self {
            click: 0.0,
            take: 0.0,
            // Elasticity of a logit: slope x rate x (1 - probability).
            slope: figures::TAKE_UP_ELASTICITY / (middle * (1.0 - figures::TAKE_UP)),
            middle,
        };
        let examined = figures::EXAMINED.iter().sum::<f64>() / figures::EXAMINED.len() as f64;
        let target = figures::CLICK_RATE / examined;
        choice.click = bisect(|click| {
            let with = Self { click, ..choice };
            with.mean_click(sample) - target
        });
        choice.take = bisect(|take| {
            let with = Self { take, ..choice };
            with.mean_take(sample) - figures::TAKE_UP
        });
        choice
    }

    /// Returns the probability of a click on an examined product.
    pub(crate) fn click(&self, customer: &Customer, appeal: &Appeal) -> f64 {
        logistic(self.click + utility(customer, appeal))
    }

    /// Returns the probability of a conversion after a click, at a yearly rate in ppm (0: no rate).
    pub(crate) fn take(&self, customer: &Customer, appeal: &Appeal, rate_ppm: i64) -> f64 {
        let dearer = if appeal.lends {
            let points = rate_ppm as f64 / 1e4 - self.middle;
            self.slope * customer.price_sensitivity * points
        } else {
            0.0
        };
        logistic(self.take + CARRIED * utility(customer, appeal) + dearer)
    }

    fn mean_click(&self, sample: &[(&Customer, &Appeal, usize)]) -> f64 {
        let products = sample.iter().map(|one| one.2 + 1).max().unwrap_or(0);
        let mut of_product = vec![(0.0, 0.0); products];
        for (customer, appeal, product) in sample {
            let (sum, count) = &mut of_product[*product];
            *sum += self.click(customer, appeal);
            *count += 1.0;
        }
        let shown = |(sum, count): &(f64, f64)| (sum / f64::max(*count, 1.0)) * sum;
        let weight: f64 = of_product.iter().map(|(sum, _)| sum).sum();
        of_product.iter().map(shown).sum::<f64>() / weight.max(f64::MIN_POSITIVE)
    }

    fn mean_take(&self, sample: &[(&Customer, &Appeal, usize)]) -> f64 {
        let (mut taken, mut clicked) = (0.0, 0.0);
        for (customer, appeal, _) in sample {
            let click = self.click(customer, appeal);
            taken += click * self.take(customer, appeal, appeal.rate_ppm(customer.grade));
            clicked += click;
        }
        taken / f64::max(clicked, f64::MIN_POSITIVE)
    }
}

/// Returns the mean rate over the grades, percent.
fn mean_rate() -> f64 {
    figures::RATE_PPM
        .iter()
        .zip(figures::GRADE_SHARE)
        .map(|(rate, share)| *rate as f64 / 1e4 * share)
        .sum()
}

/// Returns the zero of a rising function between -20 and 20.
fn bisect(value: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-20.0, 20.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if value(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}
