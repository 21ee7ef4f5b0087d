//! Tests of the cost stack against cash flows laid out one by one.

use proptest::prelude::*;

use super::*;
use crate::schedule::annuity_value;

fn model(operating: i64, lgd: i64, capital: i64, ftp: i64) -> CostModel {
    let model = pb::CostModel {
        ftp: [(1, ftp), (120, ftp)]
            .map(|(tenor_months, rate_ppm)| pb::FtpPoint {
                tenor_months,
                rate_ppm,
            })
            .to_vec(),
        operating_ppm: operating,
        lgd_ppm: lgd,
        ead_ppm: 1_000_000,
        capital_ppm: capital,
        hurdle_ppm: 150_000,
        utilisation_ppm: 300_000,
        cost_model_id: "test".to_owned(),
        currency: "CNY".to_owned(),
        ..pb::CostModel::default()
    };
    CostModel::compile(&model).expect("a cost model")
}

fn share(ppm: i64) -> Share {
    Share::new(ppm).expect("in range")
}

/// A loan of one unit that loses what the model says of loans.
fn loan(model: &CostModel, repayment: Repayment, months: i32, pd_ppm: i64) -> UnitLoan {
    UnitLoan {
        repayment,
        months,
        pd: share(pd_ppm),
        loss: model.loan_loss(),
    }
}

/// Present value of a loan's cash flows, unit by unit: no telescoping, no closed form.
fn cash_flows(model: &CostModel, loan: &UnitLoan, rate: f64, upfront: f64) -> f64 {
    let UnitLoan {
        repayment, months, ..
    } = *loan;
    let funding = model.funding.at(months).expect("on the curve");
    let survival = (1.0 - loan.pd.fraction()).powf(1.0 / 12.0);
    let instalment = 1.0 / annuity_value(rate, months);
    let (mut balance, mut alive, mut value) = (1.0, 1.0, -1.0 - upfront);
    for month in 1..=months {
        let growth = (1.0 + funding / 12.0).powi(month);
        let principal = match repayment {
            Repayment::Annuity => instalment - balance * rate,
            Repayment::EqualPrincipal => 1.0 / f64::from(months),
            Repayment::Bullet => f64::from(u8::from(month == months)),
        };
        let costs = (model.operating + model.capital * (model.hurdle - funding)) / 12.0 * balance;
        let recovered = balance * (1.0 - loan.loss);
        let paid = alive * survival * (principal + balance * rate);
        value += (paid + alive * (1.0 - survival) * recovered - alive * costs) / growth;
        alive *= survival;
        balance -= principal;
    }
    value
}

fn methods() -> impl Strategy<Value = Repayment> {
    prop_oneof![
        Just(Repayment::Annuity),
        Just(Repayment::EqualPrincipal),
        Just(Repayment::Bullet)
    ]
}

#[test]
fn the_funding_curve_is_linear_and_ends() {
    let mut checks = Checks::new("test");
    let points = [(3, 20_000), (12, 24_500)].map(|(tenor_months, rate_ppm)| pb::FtpPoint {
        tenor_months,
        rate_ppm,
    });
    let curve = FundingCurve::compile(&points, &mut checks);
    assert_eq!(curve.at(3), Some(0.02));
    assert_eq!(curve.at(12), Some(0.0245));
    assert!((curve.at(6).expect("between") - 0.0215).abs() < 1e-15);
    assert_eq!(curve.at(2), None);
    assert_eq!(curve.at(13), None);
}

#[test]
fn hazards_compound_to_the_year() {
    let hazard = monthly_hazard(share(120_000));
    assert!(((1.0 - hazard).powi(12) - 0.88).abs() < 1e-14);
    assert!((default_within(share(120_000), 12) - 0.12).abs() < 1e-15);
    assert!((default_within(share(120_000), 36) - (1.0 - 0.88_f64.powi(3))).abs() < 1e-14);
    assert!(monthly_hazard(share(0)) == 0.0);
}

/// A bullet loan of a year at no risk costs the sum of its yearly rates, to the ppm.
#[test]
fn without_risk_the_floor_is_the_sum_of_rates() {
    let model = model(20_000, 650_000, 100_000, 30_000);
    let unit = UnitCost::new(&model, &loan(&model, Repayment::Bullet, 12, 0)).expect("made");
    let floor = unit.floor(0.0).expect("a floor");
    // 3 % + 2 % + 10 % of (15 % - 3 %) = 6.2 %.
    assert_eq!(floor.ppm(), 62_000);
    let parts = unit.parts(floor, 0.0);
    let parts = [
        parts.funding,
        parts.operating,
        parts.expected_loss,
        parts.capital,
        parts.origination,
    ];
    assert_eq!(parts.map(Ppm::get), [30_000, 20_000, 0, 12_000, 0]);
}

#[test]
fn hopeless_cost_has_no_floor() {
    let model = model(20_000, 650_000, 100_000, 30_000);
    let unit = UnitCost::new(&model, &loan(&model, Repayment::Annuity, 3, 0)).expect("made");
    assert_eq!(
        unit.floor(1e6),
        None,
        "an origination cost of a million times the loan"
    );
    assert!(UnitCost::new(&model, &loan(&model, Repayment::Annuity, 121, 0)).is_none());
}

proptest! {
    #[test]
    fn the_floor_is_where_the_cash_flows_break_even(
        operating in 0_i64..60_000, lgd in 100_000_i64..1_000_000, capital in 0_i64..200_000,
        ftp in 0_i64..80_000, pd in 0_i64..400_000, method in methods(), months in 1_i32..=120,
        upfront in -0.02_f64..0.3,
    ) {
        let model = model(operating, lgd, capital, ftp);
        let loan = loan(&model, method, months, pd);
        let unit = UnitCost::new(&model, &loan).expect("made");
        let floor = unit.floor(upfront).expect("a floor");
        let value = |ppm: i64| cash_flows(&model, &loan, ppm as f64 / 12e6, upfront);
        prop_assert!(value(floor.ppm()) >= -1e-9, "covered at the floor");
        prop_assert!(floor.ppm() == 0 || value(floor.ppm() - 1) <= 1e-9, "not below it");
        let rate = RatePpm::new(floor.ppm() + 12_345).expect("in range");
        prop_assert!((unit.margin(rate, upfront) - value(rate.ppm())).abs() < 1e-9);
        let parts = unit.parts(floor, upfront);
        let sum = parts.funding + parts.operating + parts.expected_loss + parts.capital + parts.origination;
        prop_assert_eq!(sum.get(), floor.ppm());
        if floor.ppm() > 0 && pd == 0 {
            prop_assert!(parts.expected_loss.get().abs() <= 4, "only rounding without risk: {:?}", parts);
        }
    }

    #[test]
    fn the_floor_rises_with_risk_and_falls_with_the_fee(
        lgd in 100_000_i64..1_000_000, ftp in 0_i64..80_000, pd in 0_i64..600_000, more in 1_i64..300_000,
        method in methods(), months in 1_i32..=60, share in -1.0_f64..1.0,
    ) {
        let model = model(20_000, lgd, 100_000, ftp);
        let unit = |pd| UnitCost::new(&model, &loan(&model, method, months, pd)).expect("made");
        let worse = unit(pd + more);
        // A net fee up to the largest that the strategy may charge, or as large a net cost.
        let upfront = share * worse.largest_fee();
        let (low, high) = (unit(pd).floor(upfront).expect("made"), worse.floor(upfront).expect("made"));
        prop_assert!(low <= high, "{low:?} {high:?}");
        prop_assert!(unit(pd).floor(upfront + 0.001).expect("made") >= low);
    }
}
