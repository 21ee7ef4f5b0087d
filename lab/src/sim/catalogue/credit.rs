//! Cash loans, instalment plans and credit cards.
//!
//! No origination fee: interest may not be taken out of the principal in advance (Civil Code of
//! the PRC, article 670). No cash loan to students (CBIRC notice Yin Jian Ban Fa [2021] No. 28,
//! for lenders that are no banks).

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    CardTerms, Eligibility, LoanTerms, Product, ProductKind, RepaymentMethod,
};

use super::{ProductDraft, ProductLine, line, of_lines, words, yuan};

const EARNING: &[&str] = &["salaried", "self_employed"];
const NOT_STUDENTS: &[&str] = &["salaried", "self_employed", "retired"];

/// Terms of a line of loans.
#[derive(Debug, Clone, Copy)]
struct LoanLine {
    amounts: AmountBounds,
    tenors: &'static [i32],
    repayment: RepaymentMethod,
    /// Smallest monthly income in yuan; 0 for none.
    income: i64,
    employment: &'static [&'static str],
}

/// Smallest and largest amount or limit, in yuan.
#[derive(Debug, Clone, Copy)]
struct AmountBounds {
    least: i64,
    most: i64,
}

const fn bounds(least: i64, most: i64) -> AmountBounds {
    AmountBounds { least, most }
}

const fn lend(
    amounts: AmountBounds,
    tenors: &'static [i32],
    repayment: RepaymentMethod,
    income: i64,
    employment: &'static [&'static str],
) -> LoanLine {
    LoanLine {
        amounts,
        tenors,
        repayment,
        income,
        employment,
    }
}

const ANNUITY: RepaymentMethod = RepaymentMethod::Annuity;
const EVEN: RepaymentMethod = RepaymentMethod::EqualPrincipal;
const BULLET: RepaymentMethod = RepaymentMethod::Bullet;

const SHORT: &[i32] = &[1, 3, 6, 12];
const USUAL: &[i32] = &[3, 6, 12, 24];
const LONG: &[i32] = &[6, 12, 24, 36];

const LOANS: &[(ProductLine, LoanLine)] = &[
    (
        line("everyday", "Everyday Loan 随心贷"),
        lend(bounds(1_000, 50_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("salary-advance", "Salary Advance 薪享贷"),
        lend(bounds(1_000, 20_000), SHORT, BULLET, 3_000, &["salaried"]),
    ),
    (
        line("home-renovation", "Home Renovation Loan 安居贷"),
        lend(bounds(10_000, 200_000), LONG, ANNUITY, 6_000, NOT_STUDENTS),
    ),
    (
        line("education", "Further Education Loan 进修贷"),
        lend(bounds(2_000, 80_000), LONG, ANNUITY, 3_000, EARNING),
    ),
    (
        line("medical", "Medical Loan 康复贷"),
        lend(bounds(1_000, 100_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("wedding", "Wedding Loan 喜庆贷"),
        lend(bounds(5_000, 100_000), LONG, ANNUITY, 5_000, EARNING),
    ),
    (
        line("journey", "Journey Loan 旅行贷"),
        lend(bounds(1_000, 50_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("car", "Car Loan 车享贷"),
        lend(
            bounds(10_000, 200_000),
            &[12, 24, 36, 60],
            ANNUITY,
            6_000,
            EARNING,
        ),
    ),
    (
        line("working-capital", "Working Capital Loan 生意贷"),
        lend(
            bounds(5_000, 200_000),
            LONG,
            EVEN,
            4_000,
            &["self_employed"],
        ),
    ),
];

const PLANS: &[(ProductLine, LoanLine)] = &[
    (
        line("phone", "Phone Plan 手机分期"),
        lend(bounds(500, 15_000), &[3, 6, 12, 24], ANNUITY, 0, &[]),
    ),
    (
        line("computer", "Computer Plan 电脑分期"),
        lend(bounds(1_000, 30_000), &[3, 6, 12, 24], ANNUITY, 0, &[]),
    ),
    (
        line("appliance", "Appliance Plan 家电分期"),
        lend(bounds(500, 30_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("furniture", "Furniture Plan 家居分期"),
        lend(bounds(1_000, 60_000), LONG, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("e-bike", "E-bike Plan 骑行分期"),
        lend(bounds(500, 10_000), &[3, 6, 12], ANNUITY, 0, &[]),
    ),
    (
        line("course", "Course Plan 课程分期"),
        lend(bounds(500, 30_000), USUAL, ANNUITY, 0, EARNING),
    ),
    (
        line("dental", "Dental Plan 齿科分期"),
        lend(bounds(1_000, 50_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("holiday", "Holiday Plan 度假分期"),
        lend(bounds(1_000, 30_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
];

/// Terms of a line of cards.
#[derive(Debug, Clone, Copy)]
struct CardLine {
    limits: AmountBounds,
    /// Smallest monthly income in yuan; 0 for none.
    income: i64,
    employment: &'static [&'static str],
}

const fn card(limits: AmountBounds, income: i64, employment: &'static [&'static str]) -> CardLine {
    CardLine {
        limits,
        income,
        employment,
    }
}

const CARDS: &[(ProductLine, CardLine)] = &[
    (
        line("cashback", "Cashback Card 返现卡"),
        card(bounds(1_000, 50_000), 3_000, EARNING),
    ),
    (
        line("travel", "Travel Card 行者卡"),
        card(bounds(3_000, 100_000), 6_000, EARNING),
    ),
    (
        line("student", "Student Card 青春卡"),
        card(bounds(500, 3_000), 0, &["student"]),
    ),
    (
        line("business", "Business Card 商务卡"),
        card(bounds(5_000, 100_000), 8_000, &["self_employed"]),
    ),
    (
        line("premium", "Premium Card 臻享卡"),
        card(bounds(20_000, 100_000), 20_000, EARNING),
    ),
    (
        line("dining", "Dining Card 美食卡"),
        card(bounds(1_000, 50_000), 4_000, EARNING),
    ),
    (
        line("motoring", "Motoring Card 车主卡"),
        card(bounds(2_000, 50_000), 5_000, EARNING),
    ),
    (
        line("shopping", "Shopping Card 购享卡"),
        card(bounds(1_000, 50_000), 3_000, NOT_STUDENTS),
    ),
];

/// Youngest age at which credit is given, oldest at which it begins.
const AGES: (i32, i32) = (18, 60);

fn terms(draft: &mut ProductDraft, lend: LoanLine) -> Terms {
    Terms::Loan(LoanTerms {
        min_amount: yuan(lend.amounts.least),
        max_amount: yuan(
            draft
                .vary(lend.amounts.most, 0.25, 100)
                .max(lend.amounts.least),
        ),
        amount_step_minor: 10_000,
        tenors_months: lend.tenors.to_vec(),
        repayment: lend.repayment.into(),
        origination_fee_ppm: 0,
    })
}

fn eligibility(income: i64, employment: &[&str], ages: (i32, i32)) -> Eligibility {
    Eligibility {
        min_age_years: Some(ages.0),
        max_age_years: Some(ages.1),
        min_income_monthly_minor: (income > 0).then_some(income * 100),
        employment: words(employment),
        ..Eligibility::default()
    }
}

/// Returns the cash loans. The everyday loan of the last provider is for new customers only.
pub(super) fn loans(seed: u64) -> Vec<Product> {
    of_lines(LOANS, seed, |mut draft, lend| {
        let terms = terms(&mut draft, lend);
        let welcome = draft.line.category == "everyday" && draft.provider == 5;
        let eligibility = Eligibility {
            new_customers_only: welcome,
            ..eligibility(lend.income, lend.employment, AGES)
        };
        draft.finish(ProductKind::CashLoan, terms, eligibility)
    })
}

/// Returns the instalment plans. A customer may have several.
pub(super) fn plans(seed: u64) -> Vec<Product> {
    of_lines(PLANS, seed, |mut draft, lend| {
        let terms = terms(&mut draft, lend);
        let eligibility = Eligibility {
            repeatable: true,
            ..eligibility(lend.income, lend.employment, (18, 65))
        };
        draft.finish(ProductKind::InstalmentPlan, terms, eligibility)
    })
}

/// Returns the credit cards. Annual fees are waived, as is customary for a card in use.
pub(super) fn cards(seed: u64) -> Vec<Product> {
    of_lines(CARDS, seed, |mut draft, card| {
        let least = card.limits.least;
        let most = draft.vary(card.limits.most, 0.2, 500).max(least);
        let terms = Terms::Card(CardTerms {
            min_limit: yuan(least),
            max_limit: yuan(most),
            limit_step_minor: 50_000,
            annual_fee: yuan(0),
        });
        let ages = if card.employment == ["student"] {
            (18, 28)
        } else {
            AGES
        };
        let eligibility = eligibility(card.income, card.employment, ages);
        draft.finish(ProductKind::CreditCard, terms, eligibility)
    })
}
