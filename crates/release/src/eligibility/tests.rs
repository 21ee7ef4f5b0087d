//! The golden table of verdicts: every rule decides some case, and each bound is tried at its edge.

use std::collections::BTreeSet;

use super::*;
use crate::products::tests::{deposit, fund, loan};

const NOW: i64 = 1_000_000;

/// Returns a customer who may be shown every product without bounds.
fn anyone() -> EligibilityFacts<'static> {
    EligibilityFacts {
        age_years: Some(35),
        income_monthly_minor: Some(1_000_000),
        region: "north",
        employment: "salaried",
        suitability_class: 3,
        held: HashSet::new(),
    }
}

fn bounded(bounds: Eligibility) -> Product {
    Product {
        eligibility: Some(bounds),
        ..loan("CL-1")
    }
}

fn adults() -> Product {
    bounded(Eligibility {
        min_age_years: Some(18),
        max_age_years: Some(60),
        ..Eligibility::default()
    })
}

fn earners() -> Product {
    bounded(Eligibility {
        min_income_monthly_minor: Some(500_000),
        ..Eligibility::default()
    })
}

fn northern() -> Product {
    bounded(Eligibility {
        regions: vec!["north".into(), "east".into()],
        ..Eligibility::default()
    })
}

fn salaried() -> Product {
    bounded(Eligibility {
        employment: vec!["salaried".into()],
        ..Eligibility::default()
    })
}

fn welcome() -> Product {
    bounded(Eligibility {
        new_customers_only: true,
        ..Eligibility::default()
    })
}

fn aged(age: i32) -> EligibilityFacts<'static> {
    EligibilityFacts {
        age_years: Some(age),
        ..anyone()
    }
}

fn earning(income: i64) -> EligibilityFacts<'static> {
    EligibilityFacts {
        income_monthly_minor: Some(income),
        ..anyone()
    }
}

fn holding(id: &'static str) -> EligibilityFacts<'static> {
    EligibilityFacts {
        held: HashSet::from([id]),
        ..anyone()
    }
}

fn classed(class: i32) -> EligibilityFacts<'static> {
    EligibilityFacts {
        suitability_class: class,
        ..anyone()
    }
}

type Case = (
    Product,
    EligibilityFacts<'static>,
    Option<(&'static str, &'static str)>,
);

/// Product, customer, and the rule that decides with what it compared; `None` lets it through.
#[expect(clippy::too_many_lines, reason = "a table: one row per case")]
fn table() -> Vec<Case> {
    let unknown = EligibilityFacts::default;
    vec![
        (loan("CL-1"), anyone(), None),
        (loan("CL-1"), unknown(), None),
        (
            Product {
                active: false,
                ..loan("CL-1")
            },
            anyone(),
            Some(("withdrawn", "withdrawn from the catalogue")),
        ),
        (
            Product {
                listed_at_ms: NOW,
                ..loan("CL-1")
            },
            anyone(),
            None,
        ),
        (
            Product {
                listed_at_ms: NOW + 1,
                ..loan("CL-1")
            },
            anyone(),
            Some((
                "not_yet_listed",
                "listed from 1000001 ms, asked at 1000000 ms",
            )),
        ),
        (adults(), aged(18), None),
        (
            adults(),
            aged(17),
            Some(("min_age", "age 17, 18 or older needed")),
        ),
        (
            adults(),
            unknown(),
            Some(("min_age", "age unknown, 18 or older needed")),
        ),
        (adults(), aged(60), None),
        (
            adults(),
            aged(61),
            Some(("max_age", "age 61, 60 or younger needed")),
        ),
        (earners(), earning(500_000), None),
        (
            earners(),
            earning(499_999),
            Some(("min_income", "monthly income 499999, 500000 needed")),
        ),
        (
            earners(),
            unknown(),
            Some(("min_income", "monthly income unknown, 500000 needed")),
        ),
        (northern(), anyone(), None),
        (
            northern(),
            EligibilityFacts {
                region: "south",
                ..anyone()
            },
            Some(("region", "region south, served: north, east")),
        ),
        (
            northern(),
            unknown(),
            Some(("region", "region unknown, served: north, east")),
        ),
        (salaried(), anyone(), None),
        (
            salaried(),
            EligibilityFacts {
                employment: "student",
                ..anyone()
            },
            Some(("employment", "employment student, served: salaried")),
        ),
        (welcome(), anyone(), None),
        (
            welcome(),
            holding("D-7"),
            Some(("new_customers_only", "for new customers, 1 products held")),
        ),
        (fund("F-1", 3), anyone(), None),
        (
            fund("F-1", 4),
            anyone(),
            Some(("suitability", "fund R4, customer C3")),
        ),
        (
            fund("F-1", 2),
            unknown(),
            Some(("suitability", "fund R2, R1 at most before an assessment")),
        ),
        (
            fund("F-1", 1),
            classed(9),
            Some(("suitability", "fund R1, customer C9")),
        ),
        (deposit("D-1"), classed(1), None),
        (loan("CL-1"), holding("CL-2"), None),
        (
            loan("CL-1"),
            holding("CL-1"),
            Some(("already_held", "held already, and not repeatable")),
        ),
        (
            bounded(Eligibility {
                repeatable: true,
                ..Eligibility::default()
            }),
            holding("CL-1"),
            None,
        ),
    ]
}

#[test]
fn the_golden_verdicts_hold() {
    for (position, (product, facts, expected)) in table().into_iter().enumerate() {
        let verdict = judge(&product, &facts, NOW);
        let got = verdict
            .as_ref()
            .err()
            .map(|drop| (drop.rule, drop.detail.as_str()));
        assert_eq!(got, expected, "row {position}");
        assert!(verdict.is_err() || verdict == Ok(&FILTERS));
    }
}

#[test]
fn every_rule_decides_some_case() {
    let decided: BTreeSet<&str> = table()
        .iter()
        .filter_map(|(.., expected)| expected.map(|(rule, _)| rule))
        .collect();
    assert_eq!(decided, rules().collect());
}

#[test]
fn the_first_rule_that_decides_is_the_answer() {
    let product = Product {
        active: false,
        ..adults()
    };
    let drop = judge(&product, &aged(17), NOW).expect_err("withdrawn");
    assert_eq!((drop.rule, drop.cause), ("withdrawn", DropCause::Inactive));
}

/// Rows C1 to C5 and "never assessed", columns R1 to R5.
#[test]
fn the_suitability_matrix() {
    let matrix = [
        (0, [true, false, false, false, false]),
        (1, [true, false, false, false, false]),
        (2, [true, true, false, false, false]),
        (3, [true, true, true, false, false]),
        (4, [true, true, true, true, false]),
        (5, [true, true, true, true, true]),
        (6, [false; 5]),
        (-1, [false; 5]),
    ];
    for (class, row) in matrix {
        for (risk_class, allowed) in (1..).zip(row) {
            let verdict = judge(&fund("F-1", risk_class), &classed(class), NOW);
            assert_eq!(verdict.is_ok(), allowed, "C{class} R{risk_class}");
        }
    }
}

#[test]
fn facts_are_read_from_the_profile() {
    let profile = Profile {
        age_years: Some(40),
        region: "east".to_owned(),
        suitability_class: 2,
        held_product_ids: vec!["CL-1".to_owned()],
        ..Profile::default()
    };
    let facts = EligibilityFacts::from_profile(&profile);
    let drop = judge(&loan("CL-1"), &facts, NOW).expect_err("held");
    assert_eq!(drop.cause, DropCause::AlreadyHeld);
    assert!(
        judge(
            &adults(),
            &EligibilityFacts {
                held: HashSet::new(),
                ..facts
            },
            NOW
        )
        .is_ok()
    );
}
