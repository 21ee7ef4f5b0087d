//! The table and the struct agree, and what is not allowed is named.

use super::*;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let parameters = Parameters::resolve(&BTreeMap::new()).expect("defaults");
    assert_eq!(parameters.recall.two_tower_limit, 120);
    assert_eq!(parameters.slate.order, SlateOrder::ExpectedValue);
    assert!((parameters.slate.exploration - 0.05).abs() < f64::EPSILON);
    assert!(TABLE.is_sorted_by_key(|declared| declared.name));
}

/// A row that writes to another row's field, or to none, would go unnoticed otherwise.
#[test]
fn every_row_sets_a_field_of_its_own() {
    let base = Parameters::resolve(&BTreeMap::new()).expect("defaults");
    let mut seen = vec![base.clone()];
    for declared in TABLE {
        let other = match declared.kind {
            AllowedValues::Count { .. } => "77",
            AllowedValues::Share => "0.5",
            AllowedValues::Choice(words) => words[1],
            AllowedValues::Text => "v9",
        };
        let changed = base
            .with(&values(&[(declared.name, other)]))
            .expect(declared.name);
        assert!(
            !seen.contains(&changed),
            "{} changes nothing of its own",
            declared.name
        );
        seen.push(changed);
    }
}

#[test]
fn an_arm_changes_only_what_it_names() {
    let release = Parameters::resolve(&values(&[("slate.category_cap", "5")])).expect("valid");
    let arm = release
        .with(&values(&[("slate.order", "conversion")]))
        .expect("valid");
    assert_eq!(arm.slate.category_cap, 5);
    assert_eq!(arm.slate.order, SlateOrder::Conversion);
}

#[test]
fn all_that_is_not_allowed_is_named() {
    let bad = values(&[
        ("recall.two_tower.limit", "1001"),
        ("recall.two_tower.share", "0.5"),
        ("slate.exploration", "NaN"),
        ("slate.max_same_kind_in_a_row", "0"),
        ("slate.order", "random"),
        ("slate.price_depth", "-3"),
        ("ranking.model_version", "a\nb"),
    ]);
    let findings = Parameters::resolve(&bad).expect_err("refused");
    assert_eq!(findings.len(), 7, "{findings:?}");
    assert!(
        findings.iter().any(|finding| finding.to_string()
            == "parameter \"slate.order\" is `random`; allowed: one of \"expected_value\", \"conversion\"")
    );
}
