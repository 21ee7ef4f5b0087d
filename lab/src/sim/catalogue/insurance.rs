//! Insurance: eleven lines, from the most to the least held.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Eligibility, InsuranceTerms, Product, ProductKind};

use super::{ProductLine, line, of_lines, yuan};

/// Terms of a line of policies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoverLine {
    risk: Risk,
    /// Youngest and oldest age.
    ages: (i32, i32),
    /// True if a customer may buy it repeatedly.
    repeatable: bool,
}

/// The insured risk.
#[derive(Debug, Clone, Copy)]
struct Risk {
    /// Claims a year per million policies.
    frequency: i64,
    /// Cost of a claim in yuan.
    severity: i64,
    /// Sum insured in yuan.
    insured: i64,
}

const fn risk(frequency: i64, severity: i64, insured: i64) -> Risk {
    Risk {
        frequency,
        severity,
        insured,
    }
}

const fn cover(risk: Risk, ages: (i32, i32), repeatable: bool) -> CoverLine {
    CoverLine {
        risk,
        ages,
        repeatable,
    }
}

/// The lines, most held first: the order of `figures::POLICY_SHARE`. Frequencies and severities are
/// assumed.
pub(crate) const LINES: &[(ProductLine, CoverLine)] = &[
    (
        line("accident", "Accident Cover 意外险"),
        cover(risk(8_000, 12_000, 500_000), (18, 65), false),
    ),
    (
        line("medical-cover", "Medical Cover 百万医疗"),
        cover(risk(25_000, 12_000, 2_000_000), (18, 60), false),
    ),
    (
        line("critical-illness", "Critical Illness Cover 重疾险"),
        cover(risk(4_000, 280_000, 300_000), (18, 55), false),
    ),
    (
        line("term-life", "Term Life 定期寿险"),
        cover(risk(1_500, 500_000, 500_000), (20, 55), false),
    ),
    (
        line("motor", "Motor Cover 车险"),
        cover(risk(160_000, 9_000, 1_000_000), (18, 70), false),
    ),
    (
        line("home-building", "Home Building Cover 房屋险"),
        cover(risk(3_000, 25_000, 800_000), (20, 75), false),
    ),
    (
        line("home-contents", "Home Contents Cover 家财险"),
        cover(risk(10_000, 4_000, 100_000), (20, 75), false),
    ),
    (
        line("travel-cover", "Travel Cover 旅行险"),
        cover(risk(12_000, 3_000, 300_000), (18, 75), true),
    ),
    (
        line("pet", "Pet Cover 宠物险"),
        cover(risk(120_000, 1_800, 30_000), (18, 70), false),
    ),
    (
        line("phone-screen", "Phone Screen Cover 碎屏险"),
        cover(risk(90_000, 600, 3_000), (18, 70), true),
    ),
    (
        line("warranty", "Extended Warranty 延保"),
        cover(risk(60_000, 700, 8_000), (18, 70), true),
    ),
];

/// The share of a premium that pays claims, from which the filed band is computed: 70 %.
const CLAIMS_SHARE: f64 = 0.7;

/// Returns the policies. The filed band goes from 0.75 to 1.5 times the premium that claims imply.
pub(super) fn policies(seed: u64) -> Vec<Product> {
    of_lines(LINES, seed, |mut draft, cover| {
        let frequency = draft.vary(cover.risk.frequency, 0.15, 100);
        let severity = draft.vary(cover.risk.severity, 0.15, 10);
        let claims = frequency as f64 / 1e6 * severity as f64;
        let premium = claims / CLAIMS_SHARE;
        let terms = Terms::Insurance(InsuranceTerms {
            claim_frequency_ppm: frequency,
            claim_severity: yuan(severity),
            filed_min_premium: yuan((premium * 0.75).floor() as i64),
            filed_max_premium: yuan((premium * 1.5).ceil() as i64),
            sum_insured: yuan(cover.risk.insured),
        });
        let eligibility = Eligibility {
            min_age_years: Some(cover.ages.0),
            max_age_years: Some(cover.ages.1),
            repeatable: cover.repeatable,
            ..Eligibility::default()
        };
        draft.finish(ProductKind::Insurance, terms, eligibility)
    })
}
