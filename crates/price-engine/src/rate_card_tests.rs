//! Tests of rate cards: the columns that they take, the cells that they refuse, their offers.

use super::*;

fn card(inputs: &[(&str, &str)], outputs: &[(&str, &str)], rows: &[&[&str]]) -> pb::RateCard {
    let columns = |columns: &[(&str, &str)]| {
        let column = |(name, kind): &(&str, &str)| pb::Column {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
        };
        columns.iter().map(column).collect()
    };
    pb::RateCard {
        inputs: columns(inputs),
        outputs: columns(outputs),
        rows: rows
            .iter()
            .map(|cells| pb::Row {
                cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
            })
            .collect(),
    }
}

const GRADE: (&str, &str) = ("grade", "ordered(A, B)");
const AMOUNT: (&str, &str) = ("amount", "money(CNY, 0..1000)");
const RATE: (&str, &str) = ("rate", "rate(0%..36%)");
const DISCOUNT: (&str, &str) = ("discount", "rate(0%..36%)");

fn compile(card: &pb::RateCard, outputs: Outputs) -> (Option<RateCard>, Vec<String>) {
    let mut checks = Checks::new("strategy s@1");
    let compiled = RateCard::compile(card, outputs, Currency::CNY, &mut checks);
    let grades = ["A", "B"].map(|name| pb::Grade {
        grade: name.to_owned(),
        max_pd_ppm: 0,
        pd_ppm: 0,
    });
    if let Some(card) = &compiled {
        let grades = Grades::compile(&grades, false, &mut Checks::new("grades"));
        card.check_grades(&grades, &mut checks);
    }
    (
        compiled,
        checks
            .into_errors()
            .iter()
            .map(ToString::to_string)
            .collect(),
    )
}

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn inputs(grade: &'static str, amount: i64) -> CardInputs<'static> {
    CardInputs {
        product: "P1",
        grade: Some(grade),
        tenor: None,
        amount: cny(amount),
        channel: "app",
        segment: None,
        campaign: "none",
    }
}

#[test]
fn offers_and_breaks() {
    let rows: [&[&str]; 3] = [
        &["A", "< 500", "8%", "1%"],
        &["A", ">= 500", "7%", "0%"],
        &["B", "-", "9%", "0%"],
    ];
    let (card, errors) = compile(
        &card(&[GRADE, AMOUNT], &[RATE, DISCOUNT], &rows),
        Outputs::Rate,
    );
    assert!(errors.is_empty(), "{errors:?}");
    let card = card.expect("compiled");
    assert_eq!(card.breaks(), [0, 50_000, 100_001].map(cny));
    let offer = card.look_up(&inputs("A", 49_999)).expect("a row");
    assert_eq!(
        (offer.row, offer.rate.ppm(), offer.net_rate().ppm()),
        (1, 80_000, 70_000)
    );
    assert_eq!(card.look_up(&inputs("B", 0)).expect("a row").row, 3);
}

#[test]
fn no_offer_without_a_row_or_an_input() {
    let rows: [&[&str]; 1] = [&["A", "8%"]];
    let segment = ("segment", "category(standard)");
    let (plain, _) = compile(&card(&[GRADE], &[RATE], &rows), Outputs::Rate);
    let cause = |card: &RateCard, inputs: &CardInputs<'_>| {
        card.look_up(inputs).expect_err("refused").cause()
    };
    let plain = plain.expect("compiled");
    assert_eq!(cause(&plain, &inputs("B", 0)), Cause::NoRow);
    assert_eq!(cause(&plain, &inputs("C", 0)), Cause::InputOutOfRange);
    let (segmented, _) = compile(
        &card(&[segment], &[RATE], &[&["standard", "8%"]]),
        Outputs::Rate,
    );
    let segmented = segmented.expect("compiled");
    assert_eq!(cause(&segmented, &inputs("A", 0)), Cause::MissingInput);
    let other = CardInputs {
        segment: Some("other"),
        ..inputs("A", 0)
    };
    assert_eq!(cause(&segmented, &other), Cause::InputOutOfRange);
}

#[test]
fn only_allow_listed_inputs_reach_a_card() {
    for forbidden in [
        "device",
        "income_monthly_minor",
        "clicks_7d",
        "customer_id",
        "gender",
    ] {
        let card = card(
            &[GRADE, (forbidden, "category")],
            &[RATE],
            &[&["A", "-", "8%"]],
        );
        let (compiled, errors) = compile(&card, Outputs::Rate);
        assert!(compiled.is_none());
        let expected = format!(
            "strategy s@1: rate_card.inputs `{forbidden}` is not allowed: one of product, grade, \
             tenor, amount, channel, segment, campaign"
        );
        assert_eq!(errors, [expected]);
    }
}

#[test]
fn columns_hold_what_their_name_says() {
    let wrong = [
        (("grade", "category(A, B)"), "ordered(...)"),
        (("tenor", "category(12)"), "integer(1..60 months)"),
        (("amount", "money(USD, 0..5)"), "money(CNY, ...)"),
        (("channel", "integer(1..2)"), "category(...)"),
    ];
    for (column, wanted) in wrong {
        let (_, errors) = compile(&card(&[column], &[RATE], &[&["-", "8%"]]), Outputs::Rate);
        assert!(
            errors.iter().any(|error| error.ends_with(wanted)),
            "{column:?}: {errors:?}"
        );
    }
    let (_, errors) = compile(&card(&[GRADE], &[DISCOUNT], &[&["A", "1%"]]), Outputs::Rate);
    assert!(errors[0].contains("`rate` among them"), "{errors:?}");
    let (_, errors) = compile(
        &card(&[], &[RATE, ("limit", "rate")], &[&["1%", "1%"]]),
        Outputs::Rate,
    );
    assert!(
        errors[0].contains("`limit` is not allowed: one of rate, discount"),
        "{errors:?}"
    );
    let fund = card(&[], &[RATE], &[&["1%"]]);
    assert!(
        compile(&fund, Outputs::Discount)
            .1
            .iter()
            .any(|error| error.contains("one of discount"))
    );
}

#[test]
fn discounts_only_lower_and_never_below_nothing() {
    let rows: [&[&str]; 1] = [&["-", "1%", "1.5%"]];
    let (_, errors) = compile(&card(&[GRADE], &[RATE, DISCOUNT], &rows), Outputs::Rate);
    assert_eq!(
        errors,
        ["strategy s@1: rate card: row 1: discount `15000 ppm` is not allowed: 0 to 10000 ppm"]
    );
    let raising = ("discount", "rate(-5%..5%)");
    let (_, errors) = compile(
        &card(&[], &[RATE, raising], &[&["8%", "-1%"]]),
        Outputs::Rate,
    );
    assert!(!errors.is_empty(), "a negative discount raises");
}

/// Rates rise with the grade, but a discount reverses the order.
#[test]
fn a_worse_grade_never_pays_less_after_its_discount() {
    let rows: [&[&str]; 2] = [&["A", "8%", "0%"], &["B", "9%", "2%"]];
    let (_, errors) = compile(&card(&[GRADE], &[RATE, DISCOUNT], &rows), Outputs::Rate);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("not monotone: along grade"),
        "{errors:?}"
    );
    let wrong_order = card(&[("grade", "ordered(B, A)")], &[RATE], &[&["-", "8%"]]);
    let (_, errors) = compile(&wrong_order, Outputs::Rate);
    assert!(
        errors[0].ends_with("the strategy's grades, best first: A, B"),
        "{errors:?}"
    );
}

#[test]
fn cells_that_do_not_parse_name_their_row() {
    let rows: [&[&str]; 2] = [&["A", "8"], &["X", "8%"]];
    let mut checks = Checks::new("strategy s@1");
    RateCard::compile(
        &card(&[GRADE], &[RATE], &rows),
        Outputs::Rate,
        Currency::CNY,
        &mut checks,
    );
    let rows: Vec<_> = checks
        .into_errors()
        .into_iter()
        .map(|error| match error {
            Error::RateCard { row, .. } => row,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(rows, [Some(1), Some(2)]);
}
