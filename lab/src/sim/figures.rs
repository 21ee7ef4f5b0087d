//! The published figures that the simulation follows, each with its source. Figures without a
//! published source are marked "assumed".

/// Grades from the best to the worst, as Lending Club names them.
pub const GRADES: [&str; 7] = ["A", "B", "C", "D", "E", "F", "G"];

/// Mean yearly rate by grade, ppm. Lending Club, 10,000 loans issued in 2018 Q1 (`openintro`,
/// `loans_full_schema`): A 6.74 % to G 30.80 %.
pub const RATE_PPM: [i64; 7] = [67_400, 105_200, 141_800, 191_100, 251_000, 294_000, 308_000];

/// Share of the loans by grade: the same 10,000.
pub(crate) const GRADE_SHARE: [f64; 7] = [0.2459, 0.3037, 0.2653, 0.1446, 0.0335, 0.0058, 0.0012];

/// Probability of default within a year by grade: the share of the same loans that were 31 days
/// late or charged off after four months on book, converted to a year at a constant hazard. F and G
/// are taken together, being 70 loans.
pub const YEARLY_PD: [f64; 7] = [0.0071, 0.0147, 0.0240, 0.0448, 0.0542, 0.183, 0.183];

/// Instalments that are missed per instalment that ends in default: loans late at any stage (178 of
/// the same 10,000) over loans 31 days late or charged off (73).
pub(crate) const MISSED_PER_DEFAULT: f64 = 178.0 / 73.0;

/// Median debt service over income by grade: the same loans.
pub(crate) const DEBT_TO_INCOME: [f64; 7] = [0.152, 0.166, 0.188, 0.207, 0.230, 0.235, 0.244];
/// Median use of revolving limits by grade: the same loans.
pub(crate) const UTILISATION: [f64; 7] = [0.244, 0.343, 0.442, 0.531, 0.528, 0.417, 0.568];
/// Mean credit inquiries in twelve months by grade: the same loans.
pub(crate) const INQUIRIES: [f64; 7] = [1.51, 1.88, 2.16, 2.36, 2.49, 2.29, 2.08];
/// Mean delinquencies in two years by grade: the same loans. None of the twelve of grade G had one;
/// the figure of F is used for it.
pub(crate) const DELINQUENCIES: [f64; 7] = [0.11, 0.22, 0.25, 0.30, 0.28, 0.45, 0.45];
/// Median age of the oldest credit line, months: 15 years over the same loans.
pub(crate) const CREDIT_HISTORY_MONTHS: f64 = 180.0;

/// Elasticity of take-up in the rate. Karlan and Zinman, "Credit Elasticities in Less-Developed
/// Economies", AER 98(3), 2008: -0.31 on the 31,902 randomised offers (openICPSR 113240).
pub const TAKE_UP_ELASTICITY: f64 = -0.31;
/// Share of those offers that were taken up; here the mean of conversions over clicks: a letter
/// opened there, a product opened here.
pub const TAKE_UP: f64 = 0.0721;
/// Share of those offers that were applied for; here the mean of applications over clicks.
pub(crate) const APPLIED: f64 = 0.0836;

/// Mean share of impressions that are clicked: 4.05 %, 3.4 million of 84 million in Ali-CCP, the
/// log of Taobao's recommender (Ma et al., "Entire Space Multi-Task Model", SIGIR 2018).
pub const CLICK_RATE: f64 = 0.0405;

/// Probability that a position of the slate is examined, from the top; assumed: a tenth less each.
pub(crate) const EXAMINED: [f64; 6] = [1.0, 0.9, 0.81, 0.729, 0.6561, 0.59049];

/// Policies held by customers who hold two or more: 2, 3, 4, 5 and more. Zimnat, 20,392 customers
/// of a Zimbabwean insurer (Zindi, 2020).
pub(crate) const POLICIES_HELD: [f64; 4] = [0.779, 0.178, 0.032, 0.011];
/// Share of those customers who hold each of their eleven most held products, most held first.
pub(crate) const POLICY_SHARE: [f64; 11] = [
    0.870, 0.742, 0.236, 0.075, 0.062, 0.0483, 0.0480, 0.0383, 0.0308, 0.0285, 0.0180,
];
/// Lift of pairs of those products (observed over expected), by index in [`POLICY_SHARE`]; 1 for
/// pairs that are not listed.
pub(crate) const HELD_TOGETHER: [(usize, usize, f64); 27] = [
    (0, 1, 1.15),
    (0, 3, 0.56),
    (0, 4, 0.69),
    (0, 5, 0.29),
    (0, 6, 0.29),
    (0, 8, 0.74),
    (0, 9, 0.26),
    (0, 10, 0.10),
    (1, 2, 0.68),
    (1, 3, 0.27),
    (1, 4, 0.31),
    (1, 5, 0.23),
    (1, 6, 0.23),
    (1, 7, 0.73),
    (1, 8, 0.63),
    (1, 9, 0.14),
    (1, 10, 0.05),
    (2, 3, 1.97),
    (2, 7, 0.69),
    (2, 8, 2.21),
    (2, 9, 0.70),
    (2, 10, 0.21),
    (3, 4, 1.45),
    (3, 5, 1.72),
    (3, 6, 1.72),
    (5, 6, 20.72),
    (9, 10, 31.23),
];

/// Mean monthly wage, fen: 120,698 yuan a year in urban non-private units, 2023 (National Bureau
/// of Statistics of China, May 2024).
pub(crate) const MONTHLY_WAGE_MINOR: f64 = 12_069_800.0 / 12.0;

/// Shares of customers who gave consent to personalisation when they joined, and of those who
/// withdraw it within the thirty days; assumed.
pub(crate) const CONSENTED: f64 = 0.94;
/// See [`CONSENTED`].
pub(crate) const WITHDRAWN: f64 = 0.02;
