//! Targeting: keeps units in or out, with the reason, and never returns an error to the caller.

use fairlead_experiments::{Attributes, Error, NotTargetedReason, Plan, PlanSpec};

use crate::{one_experiment, plan};

fn targeted(expression: &str, attributes: Option<&[&str]>) -> Result<Plan, Error> {
    let mut spec = one_experiment();
    spec.experiments[0].targeting = Some(expression.to_owned());
    let attributes = attributes.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    Plan::new(PlanSpec { attributes, ..spec })
}

fn customer() -> Attributes {
    Attributes::default()
        .with("age", 34)
        .with("income", 5_200.5)
        .with("grade", "B")
        .with("employed", true)
        .with("holds", vec!["loan", "fund"])
        .with("home.city", "Zürich")
}

/// Returns `Ok` if the customer is in, else the reason.
fn verdict(expression: &str) -> Result<(), NotTargetedReason> {
    let plan = targeted(expression, None).expect("the expression compiles");
    let assignment = plan.assign("customer-1", &customer());
    let Some(out) = assignment.not_targeted.first() else {
        assert_eq!(assignment.arms.len(), 1);
        return Ok(());
    };
    assert!(assignment.arms.is_empty());
    assert_eq!(out.experiment, "x");
    Err(out.reason.clone())
}

#[test]
fn expressions_over_every_kind_of_attribute() {
    let inside = [
        "age >= 21 && age < 65",
        "income > 5000",
        "income > 5000.0 && age == 34.0",
        r#"grade in ["A", "B"]"#,
        "employed",
        r#""fund" in holds && size(holds) == 2"#,
        r#"holds.exists(product, product.startsWith("lo"))"#,
        r#"has(profile.grade) && profile.grade == "B""#,
        r#"profile["income"] > 1.0"#,
        r#""grade" in profile && !("limit" in profile)"#,
        "!has(profile.delinquent) || !profile.delinquent",
        r#"home.city == "Zürich""#,
        "true",
        // CEL: an operand that decides the result absorbs the failure of the other.
        "delinquent || employed",
    ];
    for expression in inside {
        assert_eq!(verdict(expression), Ok(()), "{expression}");
    }
    let outside = [
        "age > 40",
        r#"grade == "C""#,
        "!employed",
        "employed && age < 18",
        "false",
    ];
    for expression in outside {
        assert_eq!(
            verdict(expression),
            Err(NotTargetedReason::Excluded),
            "{expression}"
        );
    }
}

#[test]
fn what_cannot_be_evaluated_excludes_with_the_reason() {
    let reason = |expression| {
        verdict(expression)
            .expect_err("the unit is out")
            .to_string()
    };
    assert_eq!(reason("delinquent"), r#"attribute "delinquent" is missing"#);
    assert_eq!(
        reason("profile.segment == \"new\""),
        r#"attribute "segment" is missing"#
    );
    assert_eq!(
        reason("age"),
        "the targeting expression gives int, not bool"
    );
    assert_eq!(
        reason("1 / (age - 34) > 0"),
        "the targeting expression fails: division by zero"
    );
    let mixed = reason("grade > 3");
    assert!(mixed.contains("string") && mixed.contains("int"), "{mixed}");
    assert!(
        !mixed.contains('B'),
        "no attribute values in a reason: {mixed}"
    );
}

#[test]
fn a_number_that_is_none_excludes() {
    let plan = targeted("income > 5000.0", None).expect("the expression compiles");
    let assignment = plan.assign("u", &Attributes::default().with("income", f64::NAN));
    assert_eq!(
        (assignment.arms.len(), assignment.not_targeted.len()),
        (0, 1)
    );
}

#[test]
fn only_units_that_the_hash_chose_are_asked() {
    let mut spec = one_experiment();
    spec.experiments[0].targeting = Some("missing".to_owned());
    spec.experiments[0].coverage = 0.0;
    let plan = plan(spec);
    assert!(
        plan.assign("customer-1", &customer())
            .not_targeted
            .is_empty()
    );
}

#[test]
fn expressions_that_cannot_work_are_refused_with_what_is_allowed() {
    let cases: [(&str, &[&str]); 10] = [
        ("age >=", &["experiment \"x\"", "age >="]),
        ("", &["a CEL expression that gives a bool"]),
        ("1 + 1", &["gives int, not bool"]),
        ("1 / 0 > 1", &["division by zero"]),
        ("profile", &["gives map, not bool"]),
        (
            "agee > 3",
            &["\"agee\"", "\"age\", \"grade\", \"home.city\""],
        ),
        ("profile.agee > 3", &["\"agee\"", "\"age\""]),
        (r#"profile["agee"] > 3"#, &["\"agee\""]),
        (
            "grade.matches(\"A|B\")",
            &["calls \"matches\"", "startsWith"],
        ),
        ("Customer{age: 3} == 3", &["calls \"Customer\""]),
    ];
    for (expression, expected) in cases {
        let error = targeted(expression, Some(&["age", "grade", "home.city"]))
            .expect_err(expression)
            .to_string();
        for part in expected {
            assert!(error.contains(part), "{expression}: {error} lacks {part}");
        }
    }
    for expression in [
        "age > 3 && has(profile.grade)",
        "home.city == \"Bern\"",
        "[1, 2].exists(n, n == age)",
        "type(age) == int",
    ] {
        targeted(expression, Some(&["age", "grade", "home.city"])).expect(expression);
    }
}

#[test]
fn hostile_expressions_are_refused_not_followed() {
    let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let hostile = [
        (
            format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000)),
            "CEL expression",
        ),
        (
            format!("age{} == 1", "[0]".repeat(1_300)),
            "at most 128 operators",
        ),
        (
            format!("size(age){} == 1", ".b".repeat(2_000)),
            "at most 128 operators",
        ),
        (
            format!("1{} == 1", "+1".repeat(2_000)),
            "at most 128 operators",
        ),
        (
            format!("age{} == 1", ".size()".repeat(500)),
            "at most 128 operators",
        ),
        (
            format!("grade == \"{}\"", "A".repeat(5_000)),
            "at most 4096 bytes",
        ),
        (
            format!("{list}.all(x, {list}.all(y, x < y))"),
            "side by side",
        ),
    ];
    for (expression, expected) in hostile {
        let error = targeted(&expression, None)
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
    }
}

#[test]
fn long_expressions_of_ordinary_shape_are_taken() {
    let grades: Vec<String> = (0..300).map(|n| format!("\"G{n}\"")).collect();
    let ordinary = [
        format!("grade == \"B\" || grade in [{}]", grades.join(", ")),
        format!("true{}", " && age > 1".repeat(100)),
        "holds.filter(h, h != \"card\").exists(h, h == \"fund\")".to_owned(),
    ];
    for expression in ordinary {
        assert_eq!(verdict(&expression), Ok(()), "{expression}");
    }
}
