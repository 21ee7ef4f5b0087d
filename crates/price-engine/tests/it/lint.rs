//! Lint: every way in which a strategy can be wrong is named with its row and a counter-example.

use fairlead_price_engine::{LintContext, lint};
use fairlead_proto::control::v1::{Finding, Release, Row, Strategy as PricingStrategy};
use proptest::prelude::*;

use crate::support::{NOW_MS, ask, compile, customer, release, step};

fn findings(release: &Release, strategy: &PricingStrategy) -> Vec<Finding> {
    let catalogue = release.catalogue.as_ref().expect("a catalogue");
    let context = LintContext {
        risk_models: &release.risk_models,
        rule_packs: &release.rule_packs,
        products: &catalogue.products,
        default_strategies: &release.default_strategies,
        as_of_ms: NOW_MS,
    };
    lint(strategy, &context)
}

/// The errors of the cash-loan strategy with its card changed, over products without a fee.
fn changed(change: impl FnOnce(&mut Vec<Row>)) -> Vec<Finding> {
    let mut release = release();
    let catalogue = release.catalogue.as_mut().expect("a catalogue");
    catalogue
        .products
        .retain(|product| !product.product_id.ends_with("-FEE"));
    let mut strategy = release.strategies[0].clone();
    change(&mut strategy.rate_card.as_mut().expect("a card").rows);
    findings(&release, &strategy)
        .into_iter()
        .filter(|finding| finding.severity == "error")
        .collect()
}

fn only(findings: &[Finding]) -> (&str, &[i32], &str) {
    let [finding] = findings else {
        panic!("one finding, not {findings:#?}")
    };
    (&finding.rule, &finding.rows, &finding.counter_example)
}

#[test]
fn each_mistake_is_named_with_its_row_and_a_counter_example() {
    let found = changed(|rows| drop(rows.remove(4)));
    let (rule, _, example) = only(&found);
    assert_eq!(
        (rule, example),
        ("hole", "grade = B, tenor = 1, segment = standard")
    );

    let found = changed(|rows| rows[4].cells[1] = "<= 18".to_owned());
    let (rule, rows, example) = only(&found);
    assert_eq!((rule, rows), ("overlap", &[5, 7][..]));
    assert_eq!(example, "grade = B, tenor = 13, segment = standard");

    let found = changed(|rows| rows[0].cells[3] = "7.2".to_owned());
    let (rule, rows, _) = only(&found);
    assert_eq!((rule, rows), ("parse", &[1][..]));
    assert!(
        found[0].message.contains("\"7.2\" has no unit"),
        "{}",
        found[0].message
    );

    let found = changed(|rows| rows[16].cells[3] = "22.2%".to_owned());
    let (rule, rows, example) = only(&found);
    assert_eq!((rule, rows), ("beyond-cap", &[17][..]));
    assert_eq!(
        example,
        "product = BULLET, grade = E, tenor = 3, amount = 1,000.00 CNY"
    );

    let found = changed(|rows| rows[1].cells[4] = "1.8%".to_owned());
    let (rule, rows, example) = only(&found);
    assert_eq!((rule, rows), ("below-floor", &[2][..]));
    assert!(
        example.contains("grade = A, tenor = 3, amount = 1,000.00 CNY"),
        "{example}"
    );

    let found = changed(|rows| rows[4].cells[3] = "15%".to_owned());
    let (rule, rows, example) = only(&found);
    assert_eq!((rule, rows), ("not-monotone", &[5, 9][..]));
    assert!(example.contains("grade = C"), "{example}");

    let found = changed(|rows| {
        let cells = ["B", "[5..6]", "standard", "10.8%", "0%"];
        rows.push(Row {
            cells: cells.map(str::to_owned).to_vec(),
        });
    });
    assert!(
        found
            .iter()
            .any(|finding| finding.rule == "unreachable" && finding.rows == [18]),
        "{found:#?}"
    );
}

#[test]
fn a_strategy_without_law_or_with_holes_in_its_parts_does_not_pass() {
    let release = release();
    let mut strategy = release.strategies[0].clone();
    strategy.jurisdiction = "XX".to_owned();
    let found = findings(&release, &strategy);
    assert!(
        found.iter().any(|finding| finding.rule == "no-rule-pack"),
        "{found:#?}"
    );

    let mut strategy = release.strategies[0].clone();
    strategy.cost = None;
    strategy.limit = None;
    let found = findings(&release, &strategy);
    let said: Vec<&str> = found
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert!(
        said.iter().any(|message| message.contains("cost `absent`")),
        "{said:#?}"
    );
    assert!(
        said.iter()
            .any(|message| message.contains("limit `absent`")),
        "{said:#?}"
    );
}

/// "product = P, grade = G, tenor = T, amount = 1,000.00 CNY", read back.
fn read(example: &str) -> (String, String, i32, i64) {
    let part = |name: &str| {
        let start = example.find(name).expect("the part") + name.len();
        let rest = &example[start..];
        rest.split(", ").next().expect("a value").to_owned()
    };
    let amount = example.rsplit("amount = ").next().expect("an amount");
    let minor: String = amount.chars().filter(char::is_ascii_digit).collect();
    (
        part("product = "),
        part("grade = "),
        part("tenor = ").parse().expect("months"),
        minor.parse().expect("minor units"),
    )
}

/// A score that gives each grade to the test's customer.
fn score_of(grade: &str) -> f64 {
    [
        ("A", 800.0),
        ("B", 700.0),
        ("C", 650.0),
        ("D", 610.0),
        ("E", 560.0),
    ]
    .into_iter()
    .find(|(name, _)| *name == grade)
    .expect("a grade")
    .1
}

/// The cash-loan strategy with random rates by grade, rising, and a random cap.
fn releases() -> impl Strategy<Value = Release> {
    (
        60_000_i64..130_000,
        prop::collection::vec(0_i64..70_000, 4),
        180_000_i64..420_000,
    )
        .prop_map(|(first, rises, cap)| {
            let mut release = release();
            for pack in &mut release.rule_packs {
                pack.max_all_in_ppm = pack.max_all_in_ppm.map(|_| cap);
            }
            let strategy = &mut release.strategies[0];
            strategy.price_points_ppm.clear();
            let mut rates = vec![first];
            for rise in rises {
                rates.push(rates[rates.len() - 1] + rise);
            }
            for row in &mut strategy.rate_card.as_mut().expect("a card").rows {
                let grade = "ABCDE".find(&row.cells[0]).expect("a grade");
                row.cells[3] = format!("{}ppm", rates[grade].min(360_000));
                // The same for all grades, so that what rises before it rises after it.
                if row.cells[2] == "established" {
                    row.cells[4] = "0.6%".to_owned();
                }
            }
            release
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Each finding is true at its counter-example; and without findings, neither floor nor cap
    /// ever has to move a price.
    #[test]
    fn lint_is_right_about_floor_and_cap(
        release in releases(), score in 500.0_f64..850.0, steps in 10_i64..2_000,
        tenor in prop_oneof![Just(3), Just(6), Just(12), Just(24), Just(36)],
        segment in prop_oneof![Just("standard"), Just("established")],
    ) {
        let found = findings(&release, &release.strategies[0]);
        let errors: Vec<&Finding> = found.iter().filter(|finding| finding.severity == "error").collect();
        let engine = compile(&release);
        let rich = customer().with_number("income_monthly_minor", 2e7);
        for finding in &errors {
            let (product, grade, tenor, amount) = read(&finding.counter_example);
            let features = rich.clone().with_number("bureau_score", score_of(&grade));
            let moved = ["standard", "established"].iter().any(|segment| {
                let mut inputs = ask(&product, Some(amount), Some(tenor), &features);
                inputs.segment = Some(segment);
                engine.price(&inputs).map_or(true, |price| {
                    step(&price, "guardrail floor") != 0 || step(&price, "guardrail cap") != 0
                })
            });
            prop_assert!(moved, "{:?}", finding);
        }
        if errors.is_empty() {
            let features = rich.with_number("bureau_score", score);
            for product in ["LOAN", "LOAN-FEE", "BULLET"] {
                let mut inputs = ask(product, Some(steps * 10_000), Some(tenor), &features);
                inputs.segment = Some(segment);
                if let Ok(price) = engine.price(&inputs) {
                    prop_assert_eq!((step(&price, "guardrail floor"), step(&price, "guardrail cap")), (0, 0));
                }
            }
        }
    }

    /// Any row left out is a hole, any row repeated with another rate an overlap.
    #[test]
    fn any_row_missing_or_contradicted_is_found(row in 0_usize..17, other in 1_i64..1_000) {
        let found = changed(|rows| drop(rows.remove(row)));
        prop_assert!(found.iter().any(|finding| finding.rule == "hole"), "{:?}", found);
        let found = changed(|rows| {
            let mut copy = rows[row].clone();
            copy.cells[3] = format!("{}ppm", 100_000 + other);
            rows.push(copy);
        });
        let named = found
            .iter()
            .any(|finding| finding.rule == "overlap" && finding.rows == [row as i32 + 1, 18]);
        prop_assert!(named, "{:?}", found);
    }
}
