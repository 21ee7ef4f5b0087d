//! One price with its waterfall, and how long a price takes.
//!
//! Run: `cargo run --release -p fairlead-price-engine --example price_loan`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_price_engine::{Accepted, Engine, FeatureMap, Inputs, Source, defaults};
use fairlead_proto::catalogue::v1::{
    Catalogue, LoanTerms, Product, ProductKind, RepaymentMethod, product::Terms,
};
use fairlead_proto::money::v1::Money as ProtoMoney;
use fairlead_proto::pricing::v1::Price;

fn product() -> Product {
    let money = |minor| {
        Some(ProtoMoney {
            minor,
            currency: "CNY".to_owned(),
        })
    };
    Product {
        product_id: "LOAN".to_owned(),
        kind: ProductKind::CashLoan.into(),
        currency: "CNY".to_owned(),
        active: true,
        terms: Some(Terms::Loan(LoanTerms {
            min_amount: money(100_000),
            max_amount: money(20_000_000),
            amount_step_minor: 10_000,
            tenors_months: vec![3, 6, 12, 24, 36],
            repayment: RepaymentMethod::Annuity.into(),
            origination_fee_ppm: 10_000,
        })),
        ..Product::default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut release = defaults::settings()?;
    release.strategies = defaults::strategies()?;
    release.catalogue = Some(Catalogue {
        products: vec![product()],
    });
    let engine =
        Engine::compile(&Source::of_release(&release)).map_err(|errors| format!("{errors:?}"))?;
    let features = FeatureMap::default()
        .with_number("bureau_score", 650.0)
        .with_number("revolving_utilisation_ppm", 750_000.0)
        .with_number("income_monthly_minor", 1_500_000.0)
        .with_number("debt_service_monthly_minor", 200_000.0)
        .with_number("exposure_elsewhere_minor", 1_000_000.0);
    let versions = BTreeMap::new();
    let inputs = Inputs {
        product_id: "LOAN",
        amount: Some(Money::new(3_000_000, Currency::CNY)),
        tenor_months: Some(36),
        last_rate_ppm: None,
        accepted: Accepted::default(),
        channel: "app",
        segment: Some("standard"),
        campaign: "",
        personalised: true,
        as_of_ms: 1_795_363_200_000,
        strategy_versions: &versions,
        features: &features,
    };
    print(&engine.price(&inputs).map_err(|refusal| refusal.detail)?)?;
    for (name, tenor_months, amount) in [
        ("firm, 36 months", Some(36), inputs.amount),
        ("best offer", None, None),
    ] {
        let inputs = Inputs {
            tenor_months,
            amount,
            ..inputs
        };
        println!("{name}: {:.2} µs a price", microseconds(&engine, &inputs)?);
    }
    Ok(())
}

/// Prints the waterfall, the reasons and the counterfactual of a price.
fn print(price: &Price) -> Result<(), fairlead_domain::Error> {
    for step in &price.waterfall {
        let mark = if step.total { "=" } else { " " };
        println!(
            "{mark} {:24} {:>10}  {}",
            step.name,
            RatePpm::new(step.ppm)?.to_string(),
            step.detail
        );
    }
    for reason in &price.reasons {
        println!(
            "  {} {} ({:.2})",
            reason.code, reason.text, reason.contribution
        );
    }
    println!("  {}", price.counterfactual);
    Ok(())
}

/// Returns the mean time of a price.
fn microseconds(engine: &Engine, inputs: &Inputs<'_>) -> Result<f64, String> {
    let rounds = 100_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        let price = engine.price(black_box(inputs));
        black_box(price.map_err(|refusal| refusal.detail)?);
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds))
}
