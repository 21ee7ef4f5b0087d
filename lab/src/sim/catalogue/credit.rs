//! Cash loans, instalment plans and credit cards.
//!
//! No origination fee: interest may not be taken out of the principal in advance (Civil Code of
//! the PRC, article 670). No cash loan to students (CBIRC notice Yin Jian Ban Fa [2021] No. 28,
//! for lenders that are no banks).

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    CardTerms, Eligibility, LoanTerms, Product, ProductKind, RepaymentMethod,
};

use super::{Line, Making, line, of_lines, words, yuan};

const EARNING: &[&str] = &["salaried", "self_employed"];
const NOT_STUDENTS: &[&str] = &["salaried", "self_employed", "retired"];

/// A line of loans: smallest and largest amount in yuan, tenors, repayment, smallest income in
/// yuan (0: none), kinds of employment.
#[derive(Debug, Clone, Copy)]
struct Lend {
    least: i64,
    most: i64,
    tenors: &'static [i32],
    repayment: RepaymentMethod,
    income: i64,
    employment: &'static [&'static str],
}

const fn lend(
    (least, most): (i64, i64),
    tenors: &'static [i32],
    repayment: RepaymentMethod,
    income: i64,
    employment: &'static [&'static str],
) -> Lend {
    Lend {
        least,
        most,
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

const LOANS: &[(Line, Lend)] = &[
    (
        line("everyday", "Everyday Loan 随心贷"),
        lend((1_000, 50_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("salary-advance", "Salary Advance 薪享贷"),
        lend((1_000, 20_000), SHORT, BULLET, 3_000, &["salaried"]),
    ),
    (
        line("home-renovation", "Home Renovation Loan 安居贷"),
        lend((10_000, 200_000), LONG, ANNUITY, 6_000, NOT_STUDENTS),
    ),
    (
        line("education", "Further Education Loan 进修贷"),
        lend((2_000, 80_000), LONG, ANNUITY, 3_000, EARNING),
    ),
    (
        line("medical", "Medical Loan 康复贷"),
        lend((1_000, 100_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("wedding", "Wedding Loan 喜庆贷"),
        lend((5_000, 100_000), LONG, ANNUITY, 5_000, EARNING),
    ),
    (
        line("journey", "Journey Loan 旅行贷"),
        lend((1_000, 50_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("car", "Car Loan 车享贷"),
        lend(
            (10_000, 200_000),
            &[12, 24, 36, 60],
            ANNUITY,
            6_000,
            EARNING,
        ),
    ),
    (
        line("working-capital", "Working Capital Loan 生意贷"),
        lend((5_000, 200_000), LONG, EVEN, 4_000, &["self_employed"]),
    ),
];

const PLANS: &[(Line, Lend)] = &[
    (
        line("phone", "Phone Plan 手机分期"),
        lend((500, 15_000), &[3, 6, 12, 24], ANNUITY, 0, &[]),
    ),
    (
        line("computer", "Computer Plan 电脑分期"),
        lend((1_000, 30_000), &[3, 6, 12, 24], ANNUITY, 0, &[]),
    ),
    (
        line("appliance", "Appliance Plan 家电分期"),
        lend((500, 30_000), USUAL, ANNUITY, 2_000, NOT_STUDENTS),
    ),
    (
        line("furniture", "Furniture Plan 家居分期"),
        lend((1_000, 60_000), LONG, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("e-bike", "E-bike Plan 骑行分期"),
        lend((500, 10_000), &[3, 6, 12], ANNUITY, 0, &[]),
    ),
    (
        line("course", "Course Plan 课程分期"),
        lend((500, 30_000), USUAL, ANNUITY, 0, EARNING),
    ),
    (
        line("dental", "Dental Plan 齿科分期"),
        lend((1_000, 50_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
    (
        line("holiday", "Holiday Plan 度假分期"),
        lend((1_000, 30_000), USUAL, ANNUITY, 3_000, NOT_STUDENTS),
    ),
];

/// A line of cards: smallest and largest limit in yuan, smallest income in yuan, employment.
type Card = ((i64, i64), i64, &'static [&'static str]);

const CARDS: &[(Line, Card)] = &[
    (
        line("cashback", "Cashback Card 返现卡"),
        ((1_000, 50_000), 3_000, EARNING),
    ),
    (
        line("travel", "Travel Card 行者卡"),
        ((3_000, 100_000), 6_000, EARNING),
    ),
    (
        line("student", "Student Card 青春卡"),
        ((500, 3_000), 0, &["student"]),
    ),
    (
        line("business", "Business Card 商务卡"),
        ((5_000, 100_000), 8_000, &["self_employed"]),
    ),
    (
        line("premium", "Premium Card 臻享卡"),
        ((20_000, 100_000), 20_000, EARNING),
    ),
    (
        line("dining", "Dining Card 美食卡"),
        ((1_000, 50_000), 4_000, EARNING),
    ),
    (
        line("motoring", "Motoring Card 车主卡"),
        ((2_000, 50_000), 5_000, EARNING),
    ),
    (
        line("shopping", "Shopping Card 购享卡"),
        ((1_000, 50_000), 3_000, NOT_STUDENTS),
    ),
];

/// Smallest age at which credit is given, largest at which it begins.
const AGES: (i32, i32) = (18, 60);

fn terms(making: &mut Making, lend: Lend) -> Terms {
    Terms::Loan(LoanTerms {
        min_amount: yuan(lend.least),
        max_amount: yuan(making.around(lend.most, 0.25, 100).max(lend.least)),
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

/// Cash loans; the last house's everyday loan is a welcome for new customers.
pub(super) fn loans(seed: u64) -> Vec<Product> {
    of_lines(LOANS, seed, |mut making, lend| {
        let terms = terms(&mut making, lend);
        let welcome = making.line.category == "everyday" && making.house == 5;
        let eligibility = Eligibility {
            new_customers_only: welcome,
            ..eligibility(lend.income, lend.employment, AGES)
        };
        making.finish((ProductKind::CashLoan, "loan"), terms, eligibility)
    })
}

/// Instalment plans; a purchase may be followed by another.
pub(super) fn plans(seed: u64) -> Vec<Product> {
    of_lines(PLANS, seed, |mut making, lend| {
        let terms = terms(&mut making, lend);
        let eligibility = Eligibility {
            repeatable: true,
            ..eligibility(lend.income, lend.employment, (18, 65))
        };
        making.finish((ProductKind::InstalmentPlan, "plan"), terms, eligibility)
    })
}

/// Credit cards. Annual fees are waived, as is customary where a card is used.
pub(super) fn cards(seed: u64) -> Vec<Product> {
    of_lines(
        CARDS,
        seed,
        |mut making, ((least, most), income, employment)| {
            let most = making.around(most, 0.2, 500).max(least);
            let terms = Terms::Card(CardTerms {
                min_limit: yuan(least),
                max_limit: yuan(most),
                limit_step_minor: 50_000,
                annual_fee: yuan(0),
            });
            let ages = if employment == ["student"] {
                (18, 28)
            } else {
                AGES
            };
            let eligibility = eligibility(income, employment, ages);
            making.finish((ProductKind::CreditCard, "card"), terms, eligibility)
        },
    )
}
