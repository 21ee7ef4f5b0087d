//! Tests of limits: each bound, and the search against trying every step.

use std::collections::BTreeMap;

use super::*;
use crate::FeatureMap;
use crate::rule_pack::PackIndex;

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn grades() -> Grades {
    let grades = ["A", "B"].map(|name| pb::Grade {
        grade: name.to_owned(),
        max_pd_ppm: 100_000,
        pd_ppm: 50_000,
    });
    Grades::compile(&grades, false, &mut Checks::new("test"))
}

fn rules(multiples: &[(&str, i64)]) -> pb::LimitRules {
    pb::LimitRules {
        max_dti_ppm: 500_000,
        income_multiple_milli: multiples
            .iter()
            .map(|(grade, multiple)| ((*grade).to_owned(), *multiple))
            .collect::<BTreeMap<_, _>>(),
        cap_minor: 20_000_000,
        step_minor: 10_000,
    }
}

fn compile(rules: &pb::LimitRules) -> (LimitRules, Vec<String>) {
    let mut checks = Checks::new("strategy s@1");
    let compiled = LimitRules::compile(rules, &grades(), Currency::CNY, &mut checks);
    (
        compiled,
        checks
            .into_errors()
            .iter()
            .map(ToString::to_string)
            .collect(),
    )
}

fn customer(income: f64, debts: f64, elsewhere: f64) -> FeatureMap {
    FeatureMap::default()
        .with_number(INCOME, income)
        .with_number(DEBT_SERVICE, debts)
        .with_number(EXPOSURE, elsewhere)
}

#[test]
fn the_least_bound_wins() {
    let (rules, errors) = compile(&rules(&[("A", 4_000), ("B", 2_500)]));
    assert!(errors.is_empty(), "{errors:?}");
    let exposure = Some(PackBound {
        pack: PackIndex::default(),
        most: cny(20_000_000),
    });
    let terms = |grade, exposure| LimitTerms {
        grade,
        product_max: cny(30_000_000),
        exposure,
        accepted: Accepted::default(),
    };
    let bound = |grade, features: &FeatureMap, exposure| {
        let capacity = Capacity::find(&rules, terms(grade, exposure), features).expect("known");
        let (ceiling, monthly) = (capacity.ceiling.minor(), capacity.monthly.minor());
        (ceiling, capacity.bound, monthly)
    };
    let someone = customer(1_000_000.0, 200_000.0, 0.0);
    assert_eq!(
        bound(0, &someone, exposure),
        (4_000_000, Bound::IncomeMultiple, 300_000)
    );
    assert_eq!(
        bound(1, &someone, exposure),
        (2_500_000, Bound::IncomeMultiple, 300_000)
    );
    let owing = customer(1_000_000.0, 900_000.0, 19_000_000.0);
    assert_eq!(bound(0, &owing, exposure), (1_000_000, Bound::Exposure, 0));
    let over = customer(1_000_000.0, 0.0, 99_000_000.0);
    assert_eq!(bound(0, &over, exposure).0, 0);
    let rich = customer(90_000_000.0, 0.0, 0.0);
    assert_eq!(bound(0, &rich, None).1, Bound::Strategy);
    let blind = FeatureMap::default().with_number(INCOME, 5.0);
    let refusal = Capacity::find(&rules, terms(0, exposure), &blind).expect_err("refused");
    assert_eq!(
        refusal.detail,
        "debt_service_monthly_minor is not known; the limit needs it"
    );
    let broken = customer(f64::NAN, 0.0, 0.0);
    let refusal = Capacity::find(&rules, terms(0, exposure), &broken).expect_err("refused");
    assert_eq!(refusal.cause(), Cause::InputOutOfRange);
}

#[test]
fn lending_here_counts_stated_or_accepted() {
    let (rules, errors) = compile(&rules(&[]));
    assert!(errors.is_empty(), "{errors:?}");
    let found = |own: Option<f64>, exposure_minor, monthly_minor| {
        let terms = LimitTerms {
            grade: 0,
            product_max: cny(30_000_000),
            exposure: Some(PackBound {
                pack: PackIndex::default(),
                most: cny(20_000_000),
            }),
            accepted: Accepted {
                exposure_minor,
                monthly_minor,
            },
        };
        let features = customer(90_000_000.0, 1_000_000.0, 5_000_000.0);
        let features = match own {
            Some(own) => features.with_number(EXPOSURE_OWN, own),
            None => features,
        };
        let capacity = Capacity::find(&rules, terms, &features).expect("known");
        (
            capacity.ceiling.minor(),
            capacity.bound,
            capacity.monthly.minor(),
        )
    };
    let monthly = 44_000_000;
    assert_eq!(found(None, 0, 0), (15_000_000, Bound::Exposure, monthly));
    assert_eq!(
        found(Some(0.0), 0, 0),
        (15_000_000, Bound::Exposure, monthly)
    );
    let (here, less) = (Bound::ExposureHere, monthly - 500_000);
    assert_eq!(found(Some(4_000_000.0), 0, 0), (11_000_000, here, monthly));
    assert_eq!(found(None, 4_000_000, 500_000), (11_000_000, here, less));
    assert_eq!(
        found(Some(4_000_000.0), 4_000_000, 0),
        (7_000_000, here, monthly)
    );
    assert_eq!(found(Some(4_000_000.0), 14_000_000, i64::MAX), (0, here, 0));
}

#[test]
fn rules_that_lend_more_to_worse_risk_are_refused() {
    assert!(compile(&rules(&[("A", 2_000), ("B", 2_500)])).1[0].contains("not rising"));
    assert!(compile(&rules(&[("A", 2_000)])).1[0].contains("names `B`"));
    let extra = rules(&[("A", 2_000), ("B", 1_000), ("X", 1)]);
    assert!(compile(&extra).1[0].contains("`X` is not allowed: a grade of the strategy"));
}

/// The search against every step, for a card whose rate jumps at the breaks and whose floor
/// falls between them.
#[test]
fn the_search_finds_what_trying_every_step_finds() {
    let breaks = [1, 100, 200, 320].map(cny);
    let card = [90_000, 300_000, 60_000, 500_000];
    let rate_at = |amount: Money| -> Result<RatePpm, Refused> {
        let stretch = breaks.partition_point(|at| *at <= amount) - 1;
        if stretch == 2 && amount < cny(240) {
            return Err(refuse(Cause::NoRow, "a hole"));
        }
        let floor = 40_000 + 6_000_000 / amount.minor();
        Ok(RatePpm::new(card[stretch].max(floor)).expect("in range"))
    };
    let service = |rate: RatePpm| monthly_service(Repayment::Annuity, 12, rate);
    let grid = AmountGrid {
        step: cny(5),
        least: cny(1),
        breaks: &breaks,
    };
    for monthly in 0..60 {
        for ceiling in (0..500).step_by(7) {
            let capacity = Capacity {
                ceiling: cny(ceiling),
                bound: Bound::Product,
                monthly: cny(monthly),
                gross_monthly: cny(monthly),
                own_exposure: cny(0),
            };
            let tried = (0..=ceiling)
                .rev()
                .filter(|amount| amount % 5 == 0)
                .find(|amount| {
                    *amount == 0
                        || rate_at(cny(*amount))
                            .is_ok_and(|rate| *amount as f64 * service(rate) <= monthly as f64)
                });
            // A hole inside a stretch ends the stretch for the search: it may only find less.
            let found = largest_affordable(&capacity, grid, rate_at, service)
                .map_or(0, |limit| limit.amount.minor());
            assert!(found <= tried.unwrap_or(0));
            if tried.is_none_or(|tried| !(200..320).contains(&tried)) {
                assert_eq!(Some(found), tried, "ceiling {ceiling}, monthly {monthly}");
            }
        }
    }
}
