//! 10,000 real loans: every schedule adds up to the cent, every all-in cost is the rate of return.

use std::collections::BTreeMap;
use std::fs::File;

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::{FeatureMap, Inputs, defaults};
use flate2::read::GzDecoder;

use crate::support::{all_in, ask, compile, payments, release};

/// 2018-03-31, after the last of the loans.
const THEN_MS: i64 = 1_522_454_400_000;

#[test]
fn ten_thousand_real_loans() {
    let Some(folder) = fairlead_testkit::data_dir("lending_club") else {
        return;
    };
    let file = File::open(folder.join("loans_2018q1.csv.gz")).expect("the file");
    let mut release = release();
    let products = &mut release.catalogue.as_mut().expect("a catalogue").products;
    products.push(defaults::lending_club_product().expect("reads"));
    let engine = compile(&release);

    let mut seen = BTreeMap::<String, u32>::new();
    for row in csv::Reader::from_reader(GzDecoder::new(file)).deserialize() {
        let row: BTreeMap<String, String> = row.expect("a row");
        let number = |column: &str| row[column].parse::<f64>().ok();
        let income = number("annual_income").expect("an income") * 100.0 / 12.0;
        let mut features = FeatureMap::default()
            .with_category("bureau_grade", &row["grade"])
            .with_number("income_monthly_minor", income);
        if let Some(percent) = number("debt_to_income") {
            features = features.with_number("debt_service_monthly_minor", income * percent / 100.0);
        }
        let amount = (number("loan_amount").expect("an amount") * 100.0) as i64;
        let inputs = Inputs {
            amount: Some(Money::new(amount, Currency::USD)),
            as_of_ms: THEN_MS,
            ..ask(
                "LC-PERSONAL",
                None,
                number("term").map(|months| months as i32),
                &features,
            )
        };
        match engine.price(&inputs) {
            Ok(price) => {
                let principal: i64 = price.schedule.iter().map(|one| one.principal_minor).sum();
                assert_eq!(principal, amount);
                let net = amount - amount * 50_000 / 1_000_000;
                assert!((price.all_in_irr - all_in(net, &payments(&price))).abs() <= 1e-9);
                assert!(price.all_in_irr <= 0.425_760 && price.rate_ppm >= price.floor_ppm);
                *seen.entry("priced".to_owned()).or_default() += 1;
            }
            Err(refusal) => {
                *seen
                    .entry(refusal.cause().as_str_name().to_owned())
                    .or_default() += 1;
            }
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.values().sum::<u32>(), 10_000);
    assert!(seen["priced"] > 8_000, "{seen:?}");
    assert_eq!(
        seen["REFUSAL_CAUSE_MISSING_INPUT"], 24,
        "no debt-to-income in 24 rows"
    );
}
