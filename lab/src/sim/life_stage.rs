//! Life stages. Shares and tendencies are assumed; they are the structure that models can learn.

use super::taste::THEMES;

/// Product kinds, in the order of `ProductKind` from 1.
pub(crate) const KINDS: usize = 6;

/// A life stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LifeStage {
    pub(crate) name: &'static str,
    /// Share of the customers.
    pub(crate) share: f64,
    /// Youngest and oldest age, years.
    pub(crate) ages: (f64, f64),
    pub(crate) employment: &'static str,
    /// Median income as a share of the mean wage, and the standard deviation of its logarithm.
    pub(crate) income: (f64, f64),
    /// Probability of being married.
    pub(crate) married: f64,
    /// Typical suitability class.
    pub(crate) suitability: f64,
    /// Frequency of opening the app, relative to other stages.
    pub(crate) activity: f64,
    /// Shift of the latent risk.
    pub(crate) risk: f64,
    /// Preference for each kind of product, log-odds.
    pub(crate) kinds: [f64; KINDS],
    /// Mean taste for each theme.
    pub(crate) taste: [f64; THEMES],
}

/// The life stages. Kinds: cash loan, instalment plan, card, fund, deposit, insurance. Themes:
/// travel, home, technology, wealth, safety, thrift.
pub(crate) const LIFE_STAGES: [LifeStage; 8] = [
    LifeStage {
        name: "student",
        share: 0.08,
        ages: (18.0, 24.0),
        employment: "student",
        income: (0.20, 0.30),
        married: 0.01,
        suitability: 2.0,
        activity: 1.4,
        risk: 0.5,
        kinds: [-2.0, 1.2, 0.9, -0.4, -0.4, -0.6],
        taste: [0.4, -0.8, 1.2, -0.3, -0.6, 0.6],
    },
    LifeStage {
        name: "starter",
        share: 0.24,
        ages: (21.0, 32.0),
        employment: "salaried",
        income: (0.70, 0.40),
        married: 0.20,
        suitability: 3.2,
        activity: 1.3,
        risk: 0.2,
        kinds: [0.4, 0.8, 0.9, 0.0, -0.9, -0.6],
        taste: [0.9, -0.4, 0.9, 0.1, -0.4, 0.2],
    },
    LifeStage {
        name: "young-family",
        share: 0.20,
        ages: (27.0, 40.0),
        employment: "salaried",
        income: (1.00, 0.40),
        married: 0.92,
        suitability: 2.8,
        activity: 1.0,
        risk: 0.0,
        kinds: [0.5, 0.5, 0.0, -0.4, -0.3, 0.9],
        taste: [-0.1, 1.2, -0.1, -0.1, 1.0, 0.3],
    },
    LifeStage {
        name: "established",
        share: 0.16,
        ages: (35.0, 52.0),
        employment: "salaried",
        income: (1.50, 0.40),
        married: 0.85,
        suitability: 3.4,
        activity: 0.8,
        risk: -0.4,
        kinds: [-0.5, -0.5, 0.2, 0.8, 0.2, 0.4],
        taste: [0.3, 0.4, -0.2, 0.9, 0.5, -0.2],
    },
    LifeStage {
        name: "affluent",
        share: 0.06,
        ages: (34.0, 60.0),
        employment: "salaried",
        income: (5.00, 0.45),
        married: 0.80,
        suitability: 4.2,
        activity: 0.7,
        risk: -1.0,
        kinds: [-1.8, -1.4, 0.6, 1.6, 0.4, 0.2],
        taste: [0.9, 0.0, 0.1, 1.6, 0.3, -1.0],
    },
    LifeStage {
        name: "shopkeeper",
        share: 0.14,
        ages: (25.0, 56.0),
        employment: "self_employed",
        income: (1.10, 0.60),
        married: 0.70,
        suitability: 2.9,
        activity: 1.0,
        risk: 0.4,
        kinds: [1.4, 0.0, 0.6, -0.6, -0.4, 0.1],
        taste: [-0.3, 0.2, 0.0, -0.1, 0.4, 0.3],
    },
    LifeStage {
        name: "pre-retired",
        share: 0.07,
        ages: (50.0, 60.0),
        employment: "salaried",
        income: (1.00, 0.40),
        married: 0.88,
        suitability: 2.2,
        activity: 0.6,
        risk: -0.4,
        kinds: [-1.0, -0.8, -0.4, 0.4, 1.2, 0.5],
        taste: [0.2, 0.3, -0.8, 0.5, 0.7, 0.6],
    },
    LifeStage {
        name: "retired",
        share: 0.05,
        ages: (58.0, 76.0),
        employment: "retired",
        income: (0.45, 0.35),
        married: 0.75,
        suitability: 1.5,
        activity: 0.5,
        risk: -0.2,
        kinds: [-2.0, -1.2, -1.4, -0.2, 1.8, 0.2],
        taste: [0.3, 0.1, -1.2, 0.2, 0.6, 1.0],
    },
];
