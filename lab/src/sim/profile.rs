//! The attributes of a customer that the registry reads.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::AttributeValue;
use fairlead_proto::event::v1::attribute_value::Value;

use super::customer::Customer;
use super::figures::GRADES;

const DAY_MS: i64 = 86_400_000;
const DAYS_OF_A_YEAR: f64 = 365.2425;

fn value(value: Value) -> AttributeValue {
    AttributeValue { value: Some(value) }
}

fn number(of: impl Into<f64>) -> AttributeValue {
    value(Value::Number(of.into()))
}

fn text(of: &str) -> AttributeValue {
    value(Value::Text(of.to_owned()))
}

/// Returns the attributes of a consent to personalisation.
pub(crate) fn consent(given: bool) -> BTreeMap<String, AttributeValue> {
    [("personalisation".to_owned(), value(Value::Flag(given)))].into()
}

/// Returns midnight, `days` days before an instant.
fn days_before(now_ms: i64, days: i64) -> f64 {
    ((now_ms.div_euclid(DAY_MS) - days) * DAY_MS) as f64
}

/// Returns the attributes of a profile at an instant.
pub(crate) fn attributes(customer: &Customer, now_ms: i64) -> BTreeMap<String, AttributeValue> {
    let bureau = &customer.bureau;
    let income = customer.income_minor as f64;
    let age_days = (customer.age_years * DAYS_OF_A_YEAR).ceil() as i64;
    let ppm = |share: f64| number((share * 1e6).round());
    let mut told = vec![
        ("birth_date_ms", number(days_before(now_ms, age_days))),
        ("gender", text(customer.gender)),
        ("marital_status", text(customer.marital_status)),
        ("occupation", text(customer.occupation)),
        ("occupation_group", text(customer.occupation_group)),
        ("branch", text(&format!("b{:02}", customer.branch))),
        ("region", text(customer.region)),
        ("employment", text(customer.employment)),
        (
            "customer_since_ms",
            number(days_before(now_ms, customer.joined_days_ago)),
        ),
        ("income_monthly_minor", number(income)),
        (
            "debt_service_monthly_minor",
            number((income * bureau.debt_to_income).round()),
        ),
        (
            "exposure_elsewhere_minor",
            number(bureau.exposure_minor as f64),
        ),
        ("bureau_score", number(bureau.score as f64)),
        ("bureau_grade", text(GRADES[customer.grade])),
        ("debt_to_income_ppm", ppm(bureau.debt_to_income)),
        ("delinquencies_2y", number(bureau.delinquencies)),
        ("inquiries_12m", number(bureau.inquiries)),
        ("revolving_utilisation_ppm", ppm(bureau.utilisation)),
        (
            "credit_history_months",
            number(bureau.history_months as f64),
        ),
        ("device", text(customer.device)),
        ("channel_preference", text(customer.channel)),
    ];
    if customer.suitability > 0 {
        told.push(("suitability_class", number(customer.suitability)));
    }
    told.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
