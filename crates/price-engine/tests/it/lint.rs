//! Lint: every way in which a strategy can be wrong is named with its row and a counter-example.

use std::collections::BTreeMap;

use fairlead_price_engine::{Engine, LintContext, Source, lint};
use fairlead_proto::control::v1::{
    CostModel, Finding, Guardrails, Release, Row, Strategy as PricingStrategy,
};
use proptest::prelude::*;

use crate::support::{NOW_MS, ask, compile, customer, release, step};

fn findings(release: &Release, strategy: &PricingStrategy) -> Vec<Finding> {
    lint(strategy, &LintContext::of_draft(release, NOW_MS))
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
    let whole = release();
    let mut release = whole.clone();
    let strategy = release.strategies[0].clone();
    release.guardrails[0].jurisdiction = "XX".to_owned();
    let found = findings(&release, &strategy);
    assert!(
        found.iter().any(|finding| finding.rule == "no-rule-pack"),
        "{found:#?}"
    );

    let mut release = whole.clone();
    release.cost_models.clear();
    release.guardrails[0].limit = None;
    let said = messages(&findings(&release, &strategy));
    for part in ["cost_models `absent`", "\"cash-loan\": limit `absent`"] {
        assert!(said.iter().any(|one| one.contains(part)), "{said:#?}");
    }
    release.guardrails.clear();
    let said = messages(&findings(&release, &strategy));
    let part =
        "guardrails `absent` is not allowed: guardrails of the release that name the strategy";
    assert!(said.iter().any(|one| one.contains(part)), "{said:#?}");
}

fn messages(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|one| one.message.clone()).collect()
}

/// Guardrails of prices belong to sections of others: no strategy carries its own.
#[test]
fn a_strategy_that_brings_what_holds_it_does_not_pass() {
    let release = release();
    let guardrails = release.guardrails[0].clone();
    type Change = fn(&mut PricingStrategy, &Guardrails);
    let changes: [(&str, Change); 8] = [
        ("cost", |one, _| one.cost = Some(CostModel::default())),
        ("limit", |one, held| one.limit = held.limit.clone()),
        ("grading", |one, held| one.grading = held.grading.clone()),
        ("jurisdiction", |one, held| {
            one.jurisdiction = held.jurisdiction.clone();
        }),
        ("licence", |one, held| one.licence = held.licence.clone()),
        ("max_change_ppm", |one, _| one.max_change_ppm = 1),
        ("price_points_ppm", |one, _| one.price_points_ppm = vec![1]),
        ("quote_valid_seconds", |one, _| one.quote_valid_seconds = 1),
    ];
    for (field, change) in changes {
        let mut strategy = release.strategies[0].clone();
        change(&mut strategy, &guardrails);
        let said = messages(&findings(&release, &strategy));
        let section = if field == "cost" {
            "cost_models"
        } else {
            "guardrails"
        };
        let part = format!(
            "{field} `present` is not allowed: absent: it belongs to the section {section}"
        );
        assert!(
            said.iter().any(|one| one.contains(&part)),
            "{field}: {said:#?}"
        );
    }
}

/// Guardrails and cost of one version come before those of the strategy.
#[test]
fn a_version_may_have_guardrails_of_its_own() {
    let mut release = release();
    let mut second = release.strategies[0].clone();
    (second.version, second.champion) = (2, false);
    release.strategies.push(second);
    let mut own = release.guardrails[0].clone();
    own.guardrails_id = "cash-loan-tight".to_owned();
    own.strategies = vec!["cash-loan@2".to_owned()];
    own.price_points_ppm = vec![96_000];
    release.guardrails.push(own);
    let engine = compile(&release);
    let features = customer();
    let versions = BTreeMap::from([("cash-loan".to_owned(), 2)]);
    let mut inputs = ask("LOAN", Some(1_200_000), Some(12), &features);
    assert_eq!(engine.price(&inputs).expect("a price").rate_ppm, 108_000);
    inputs.strategy_versions = &versions;
    assert_eq!(engine.price(&inputs).expect("a price").rate_ppm, 96_000);

    release.guardrails[9].strategies = vec!["cash-loan".to_owned()];
    let errors = Engine::compile(&Source::of_release(&release)).expect_err("twice");
    let said = errors[0].to_string();
    assert!(
        said.contains("strategies `cash-loan` is not allowed: each strategy once"),
        "{said}"
    );
}

#[test]
fn amounts_of_cost_and_guardrails_are_in_the_currency_of_the_strategy() {
    let mut release = release();
    let strategy = release.strategies[0].clone();
    release.guardrails[0].currency = "JPY".to_owned();
    release.cost_models[0].currency = "USD".to_owned();
    let said = messages(&findings(&release, &strategy));
    for part in ["guardrails.currency `JPY`", "cost_models.currency `USD`"] {
        assert!(said.iter().any(|one| one.contains(part)), "{said:#?}");
    }
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
            release.guardrails[0].price_points_ppm.clear();
            let strategy = &mut release.strategies[0];
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
