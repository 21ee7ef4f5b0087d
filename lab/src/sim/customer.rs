//! One customer: observable attributes and hidden traits.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, LogNormal, StandardNormal};

use super::catalogue::REGIONS;
use super::figures;
use super::life_stage::{LIFE_STAGES, LifeStage};
use super::taste::{self, Taste};

const OCCUPATIONS: [(&str, &[&str]); 6] = [
    (
        "office",
        &["clerk", "accountant", "sales", "teacher", "nurse"],
    ),
    ("technical", &["programmer", "engineer", "designer"]),
    ("industry", &["assembler", "electrician", "foreman"]),
    ("service", &["courier", "driver", "cook", "shop_assistant"]),
    (
        "trade",
        &["shop_owner", "wholesaler", "farmer", "contractor"],
    ),
    ("none", &["student", "pensioner"]),
];
const DEVICES: [&str; 4] = ["android", "ios", "harmony", "web"];
const CHANNELS: [&str; 3] = ["app", "web", "branch"];

/// A customer of the simulation.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    /// Index of the life stage.
    pub(crate) stage: usize,
    pub(crate) age_years: f64,
    pub(crate) gender: &'static str,
    pub(crate) marital_status: &'static str,
    pub(crate) employment: &'static str,
    pub(crate) occupation: &'static str,
    pub(crate) occupation_group: &'static str,
    pub(crate) region: &'static str,
    pub(crate) branch: u8,
    pub(crate) device: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) joined_days_ago: i64,
    pub(crate) income_minor: i64,
    /// 1 to 5; 0 if never assessed.
    pub(crate) suitability: i32,
    pub(crate) consented: bool,
    /// Higher is worse; only the order counts.
    pub(crate) latent_risk: f64,
    /// Index of the grade, assigned over the population.
    pub(crate) grade: usize,
    /// Hidden probability of default within a year.
    pub(crate) pd: f64,
    pub(crate) bureau: Bureau,
    pub(crate) taste: Taste,
    pub(crate) price_sensitivity: f64,
    /// Frequency of opening the app, relative to other customers.
    pub(crate) activity: f64,
    /// Products held, as indexes in the catalogue.
    pub(crate) holdings: Vec<usize>,
}

/// Attributes from a credit bureau.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bureau {
    pub(crate) score: i64,
    pub(crate) debt_to_income: f64,
    pub(crate) utilisation: f64,
    pub(crate) exposure_minor: i64,
    pub(crate) inquiries: u32,
    pub(crate) delinquencies: u32,
    pub(crate) history_months: i64,
}

impl Customer {
    /// Draws a new customer, without grade and holdings.
    pub(crate) fn draw(dice: &mut ChaCha8Rng) -> Self {
        let stage = draw_stage(dice);
        let life = &LIFE_STAGES[stage];
        let age_years = dice.random_range(life.ages.0..life.ages.1);
        let (occupation_group, occupation) = draw_occupation(life, dice);
        let (median, spread) = life.income;
        let income = figures::MONTHLY_WAGE_MINOR * median * log_normal(spread, dice);
        let risk: f64 = StandardNormal.sample(dice);
        let relative_income = income / (figures::MONTHLY_WAGE_MINOR * median);
        Self {
            stage,
            age_years,
            gender: if dice.random_bool(0.5) { "F" } else { "M" },
            marital_status: draw_marital_status(life, age_years, dice),
            employment: life.employment,
            occupation,
            occupation_group,
            region: REGIONS[dice.random_range(0..REGIONS.len())],
            branch: dice.random_range(1..=40),
            device: draw_device(age_years, dice),
            channel: CHANNELS[usize::from(dice.random_bool(0.2)) * dice.random_range(0..3)],
            joined_days_ago: dice.random_range(1..3_650),
            // Rounded to yuan.
            income_minor: (income / 100.0).round() as i64 * 100,
            suitability: draw_suitability(life, dice),
            consented: dice.random_bool(figures::CONSENTED),
            latent_risk: risk + life.risk - 0.5 * relative_income.ln(),
            grade: 0,
            pd: 0.0,
            bureau: Bureau::default(),
            taste: taste::draw(stage, dice),
            price_sensitivity: log_normal(0.4, dice) / (0.5_f64 * 0.4 * 0.4).exp(),
            activity: life.activity * log_normal(1.0, dice),
            holdings: Vec::new(),
        }
    }
}

/// Draws a log-normal factor with median 1.
pub(crate) fn log_normal(spread: f64, dice: &mut ChaCha8Rng) -> f64 {
    let own: f64 = StandardNormal.sample(dice);
    (own * spread).exp()
}

/// Draws the amount of a payment, minor units: a median of 60 yuan and a long tail; assumed.
pub(crate) fn payment_minor(dice: &mut ChaCha8Rng) -> i64 {
    LogNormal::new(6_000.0_f64.ln(), 1.1).map_or(6_000, |amounts| {
        (amounts.sample(dice).round() as i64).clamp(100, 10_000_000)
    })
}

fn draw_stage(dice: &mut ChaCha8Rng) -> usize {
    let mut left: f64 = dice.random();
    for (place, life) in LIFE_STAGES.iter().enumerate() {
        left -= life.share;
        if left < 0.0 {
            return place;
        }
    }
    LIFE_STAGES.len() - 1
}

fn draw_occupation(life: &LifeStage, dice: &mut ChaCha8Rng) -> (&'static str, &'static str) {
    let (group, jobs) = match life.employment {
        "student" => return ("none", "student"),
        "retired" => return ("none", "pensioner"),
        "self_employed" => OCCUPATIONS[4],
        _ => OCCUPATIONS[dice.random_range(0..4)],
    };
    (group, jobs[dice.random_range(0..jobs.len())])
}

fn draw_marital_status(life: &LifeStage, age: f64, dice: &mut ChaCha8Rng) -> &'static str {
    if dice.random_bool(life.married) {
        "married"
    } else if age > 60.0 && dice.random_bool(0.6) {
        "widowed"
    } else if age > 32.0 && dice.random_bool(0.5) {
        "divorced"
    } else {
        "single"
    }
}

fn draw_device(age: f64, dice: &mut ChaCha8Rng) -> &'static str {
    let web = (age / 100.0 - 0.15).clamp(0.02, 0.5);
    if dice.random_bool(web) {
        DEVICES[3]
    } else {
        DEVICES[dice.random_range(0..3)]
    }
}

fn draw_suitability(life: &LifeStage, dice: &mut ChaCha8Rng) -> i32 {
    if dice.random_bool(0.12) {
        return 0;
    }
    let own: f64 = StandardNormal.sample(dice);
    ((life.suitability + own * 0.8).round() as i32).clamp(1, 5)
}
