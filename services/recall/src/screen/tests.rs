//! The verdict on every product: a table, and the promise that classes do not change it.

use std::sync::Arc;

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{DepositTerms, Eligibility, FundTerms, Product};
use fairlead_proto::control::v1::Release;
use fairlead_proto::money::v1::Money;
use fairlead_release::{Live, content_hash};
use proptest::prelude::*;

use super::*;

use DropCause::{AlreadyHeld, Inactive, Ineligible, RepetitionCap, Unsuitable};

const NOW_MS: i64 = 1_760_000_000_000;

fn cny(minor: i64) -> Money {
    Money {
        minor,
        currency: "CNY".into(),
    }
}

fn product(id: &str, kind: ProductKind, terms: Terms) -> Product {
    Product {
        product_id: id.into(),
        name: id.into(),
        kind: kind.into(),
        currency: "CNY".into(),
        active: true,
        listed_at_ms: 1_000,
        terms: Some(terms),
        ..Product::default()
    }
}

fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: Some(cny(5_000)),
    };
    product(id, ProductKind::Deposit, Terms::Deposit(terms))
}

fn fund(id: &str, risk_class: i32) -> Product {
    let terms = FundTerms {
        risk_class,
        min_amount: Some(cny(1_000)),
        ..FundTerms::default()
    };
    product(id, ProductKind::Fund, Terms::Fund(terms))
}

fn assortment(products: Vec<Product>) -> Assortment {
    let mut release = Release {
        revision: 1,
        tenant: "acme".into(),
        catalogue: Some(fairlead_proto::catalogue::v1::Catalogue { products }),
        ..Release::default()
    };
    release.content_hash = content_hash(&release);
    Assortment::of(Arc::new(
        Live::check(release).expect("a release that passes"),
    ))
}

fn shown(id: &str, count: i32) -> ShownCount {
    ShownCount {
        product_id: id.into(),
        count,
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of one product per filter")]
fn each_filter_decides_some_product() {
    let bounded = |id: &str, eligibility| Product {
        eligibility: Some(eligibility),
        ..deposit(id)
    };
    let products = vec![
        deposit("passes"),
        Product {
            active: false,
            ..deposit("withdrawn")
        },
        Product {
            listed_at_ms: NOW_MS + 1,
            ..deposit("tomorrow")
        },
        bounded(
            "adults",
            Eligibility {
                min_age_years: Some(41),
                ..Eligibility::default()
            },
        ),
        bounded(
            "young",
            Eligibility {
                max_age_years: Some(39),
                ..Eligibility::default()
            },
        ),
        bounded(
            "rich",
            Eligibility {
                min_income_monthly_minor: Some(1),
                ..Eligibility::default()
            },
        ),
        bounded(
            "north",
            Eligibility {
                regions: vec!["BJ".into()],
                ..Eligibility::default()
            },
        ),
        bounded(
            "students",
            Eligibility {
                employment: vec!["student".into()],
                ..Eligibility::default()
            },
        ),
        bounded(
            "newcomers",
            Eligibility {
                new_customers_only: true,
                ..Eligibility::default()
            },
        ),
        fund("R3", 3),
        fund("R4", 4),
        deposit("held"),
        bounded(
            "again",
            Eligibility {
                repeatable: true,
                ..Eligibility::default()
            },
        ),
        deposit("seen"),
        deposit("seen-less"),
    ];
    let assortment = assortment(products);
    let shown = [
        shown("seen", 20),
        shown("seen-less", 19),
        shown("unknown", 99),
        shown("held", 99),
    ];
    let screen = Screen {
        facts: EligibilityFacts {
            age_years: Some(40),
            region: "SH",
            employment: "salaried",
            suitability_class: 3,
            held: ["held", "again", "of another tenant"].into(),
            ..EligibilityFacts::default()
        },
        as_of_ms: NOW_MS,
        kinds: &[],
        shown: &shown,
        repetition_cap: Some(20),
    };
    let screened = screen.judge(&assortment);
    let allowed: Vec<&str> = screened
        .allowed
        .iter()
        .map(|number| assortment.id(number))
        .collect();
    assert_eq!(allowed, ["passes", "R3", "again", "seen-less"]);
    let drops: Vec<(&str, DropCause, &str)> = screened
        .drops
        .iter()
        .map(|drop| (&*drop.product_id, drop.cause(), &*drop.detail))
        .collect();
    let tomorrow = format!("listed from {} ms, asked at {NOW_MS} ms", NOW_MS + 1);
    assert_eq!(
        drops,
        [
            ("withdrawn", Inactive, "withdrawn from the catalogue"),
            ("tomorrow", Inactive, &tomorrow),
            ("adults", Ineligible, "age 40, 41 or older needed"),
            ("young", Ineligible, "age 40, 39 or younger needed"),
            ("rich", Ineligible, "monthly income unknown, 1 needed"),
            ("north", Ineligible, "region SH, served: BJ"),
            (
                "students",
                Ineligible,
                "employment salaried, served: student"
            ),
            (
                "newcomers",
                Ineligible,
                "for new customers, 3 products held"
            ),
            ("R4", Unsuitable, "fund R4, customer C3"),
            ("held", AlreadyHeld, "held already, and not repeatable"),
            (
                "seen",
                RepetitionCap,
                "shown 20 times in 7 days, 20 allowed"
            ),
        ]
    );
    let passed = ["active", "eligible", "suitable", "not_held", "repetition"];
    assert_eq!(screen.filters_passed(), passed);
}

#[test]
fn kinds_not_asked_for_are_dropped_and_no_cap_is_no_filter() {
    let assortment = assortment(vec![deposit("D-1"), fund("F-1", 1)]);
    let shown = [shown("F-1", i32::MAX)];
    let screen = Screen {
        facts: EligibilityFacts::default(),
        as_of_ms: NOW_MS,
        kinds: &[ProductKind::Fund as i32, ProductKind::CashLoan as i32],
        shown: &shown,
        repetition_cap: None,
    };
    let screened = screen.judge(&assortment);
    assert_eq!(screened.allowed.iter().collect::<Vec<_>>(), [1]);
    assert_eq!(screened.drops.len(), 1);
    assert_eq!(screened.drops[0].cause(), DropCause::KindNotAsked);
    assert_eq!(
        screened.drops[0].detail,
        "DEPOSIT, asked for FUND, CASH_LOAN"
    );
    assert_eq!(
        screen.filters_passed(),
        ["active", "eligible", "suitable", "not_held"]
    );
}

fn eligibility() -> impl Strategy<Value = Eligibility> {
    let regions = proptest::sample::subsequence(vec!["BJ".to_owned(), "SH".to_owned()], 0..=2);
    (
        proptest::option::of(18_i32..40),
        proptest::option::of(0_i64..3),
        regions,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(age, income, regions, new_only, repeatable)| Eligibility {
            min_age_years: age,
            min_income_monthly_minor: income,
            regions,
            new_customers_only: new_only,
            repeatable,
            ..Eligibility::default()
        })
}

fn any_product() -> impl Strategy<Value = Product> {
    let listed = prop_oneof![4 => Just(1_000), 1 => Just(NOW_MS + 1)];
    let eligibility = proptest::option::of(eligibility());
    (
        0_i32..=5,
        proptest::bool::weighted(0.9),
        listed,
        eligibility,
    )
        .prop_map(|(risk_class, active, listed_at_ms, eligibility)| Product {
            active,
            listed_at_ms,
            eligibility,
            ..if risk_class == 0 {
                deposit("x")
            } else {
                fund("x", risk_class)
            }
        })
}

proptest! {
    /// Products of one class share one verdict; it must be the one that each would get alone.
    #[test]
    fn the_screen_judges_as_eligibility_does_product_by_product(
        mut products in proptest::collection::vec(any_product(), 1..40),
        age_years in proptest::option::of(17_i32..42),
        income_monthly_minor in proptest::option::of(0_i64..4),
        region in prop_oneof![Just(""), Just("BJ"), Just("SH")],
        suitability_class in 0_i32..6,
        held in proptest::collection::vec(0_usize..40, 0..4),
    ) {
        for (number, product) in products.iter_mut().enumerate() {
            product.product_id = format!("P-{number}");
        }
        let assortment = assortment(products.clone());
        let held: Vec<String> = held.iter().map(|number| format!("P-{number}")).collect();
        let screen = Screen {
            facts: EligibilityFacts {
                age_years,
                income_monthly_minor,
                region,
                employment: "",
                suitability_class,
                held: held.iter().map(String::as_str).collect(),
            },
            as_of_ms: NOW_MS,
            kinds: &[],
            shown: &[],
            repetition_cap: Some(20),
        };
        let screened = screen.judge(&assortment);
        let mut drops = screened.drops.iter();
        for (product, number) in products.iter().zip(0_u32..) {
            match eligibility::judge(product, &screen.facts, NOW_MS) {
                Ok(_) => prop_assert!(screened.allowed.contains(number)),
                Err(dropped) => {
                    prop_assert!(!screened.allowed.contains(number));
                    let expected = Drop {
                        product_id: product.product_id.clone(),
                        cause: dropped.cause.into(),
                        detail: dropped.detail,
                    };
                    prop_assert_eq!(drops.next(), Some(&expected));
                }
            }
        }
        prop_assert_eq!(drops.next(), None);
    }
}
