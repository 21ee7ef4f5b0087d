//! A faulty features file is refused with the feature, the key, the value and what is allowed.

use fairlead_registry::{Entity, Error, Purpose, Registry};

pub(crate) const GOOD: &str = r#"
version: 1
entities:
  customer: { idle_days: 90 }
  product: { idle_days: 60 }
events:
  impression: { stated_by: [app, partner, bank] }
  click: { stated_by: [app, partner, bank] }
  application: { stated_by: [app, partner, bank] }
  conversion: { stated_by: [bank] }
  holding_opened: { stated_by: [bank] }
  holding_closed: { stated_by: [bank] }
  repayment: { stated_by: [bank] }
  delinquency: { stated_by: [bank] }
  payment: { stated_by: [bank] }
  profile_updated: { stated_by: [app, partner, bank] }
  consent_changed: { stated_by: [app, partner, bank] }
  app_opened: { stated_by: [app, partner, bank] }
  search: { stated_by: [app, partner, bank] }
features:
  - { name: clicks, entity: customer, source: [click], aggregate: count, windows: [1h, 7d], unit: events, default: 0,
      ttl_days: 60, owner: growth, sensitivity: preference, purposes: [recommend], description: "Clicks." }
"#;

/// Reads the good file with one part of its only feature replaced.
pub(crate) fn changed(from: &str, to: &str) -> Result<Registry, Error> {
    assert!(GOOD.contains(from), "{from} is in the file");
    Registry::from_yaml(&GOOD.replacen(from, to, 1))
}

#[test]
fn the_builtin_file_holds_what_the_services_need() {
    let registry = Registry::builtin();
    let recommend = registry.layout(Purpose::Recommend);
    for name in [
        "age_years",
        "tenure_days",
        "income_monthly_minor",
        "suitability_class",
        "consent_personalisation",
        "impressions_1h",
        "clicks_30d",
        "clicks_cash_loan_7d",
        "clicks_insurance_1d",
        "app_opens_1d",
        "searches_7d",
        "payments_7d",
        "payments_sum_minor_30d",
        "hours_since_last_seen",
    ] {
        assert!(recommend.number(name).is_some(), "{name}");
    }
    for name in ["gender", "occupation", "region", "employment", "device"] {
        assert!(recommend.category(name).is_some(), "{name}");
    }
    for name in ["recent", "engaged", "holdings"] {
        assert!(recommend.sequence(name).is_some(), "{name}");
    }
    for name in ["impressions_1h", "clicks_7d", "conversions_30d"] {
        assert!(registry.product_layout().number(name).is_some(), "{name}");
    }
    assert_eq!(registry.longest_window_ms(), 30 * 86_400_000);
    assert!(registry.idle_ms(Entity::Customer) > registry.longest_window_ms());
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn errors_name_the_feature_the_key_the_value_and_what_is_allowed() {
    let cases = [
        (
            "ttl_days: 60",
            "ttl_day: 60",
            "feature `clicks`: key `ttl_day` is not allowed: name, description, entity",
        ),
        (
            "[recommend]",
            "[recommend, profit]",
            "feature `clicks`: purposes `profit` is not allowed: recommend, price, fraud, analytics",
        ),
        (
            "[1h, 7d]",
            "[1h, 50h]",
            "feature `clicks`: windows `50h` is not allowed: a whole number with m, h or d",
        ),
        (
            "[1h, 7d]",
            "[]",
            "feature `clicks`: windows `[]` is not allowed: a list of",
        ),
        (
            "source: [click]",
            "source: [clicked]",
            "feature `clicks`: source `clicked` is not allowed: impression, click,",
        ),
        (
            "aggregate: count",
            "aggregate: median",
            "feature `clicks`: aggregate `median` is not allowed: count, sum, last",
        ),
        (
            "unit: events, ",
            "",
            "feature `clicks`: unit `` is not allowed: the unit of the value",
        ),
        (
            "default: 0",
            "default: .nan",
            "feature `clicks`: default `.nan` is not allowed: a finite number",
        ),
        (
            "ttl_days: 60",
            "ttl_days: 6",
            "feature `clicks`: ttl_days `6` is not allowed: at least the window, 7d",
        ),
        (
            "ttl_days: 60",
            "ttl_days: -1",
            "feature `clicks`: ttl_days `-1` is not allowed: a whole number, 1 to 36500",
        ),
        (
            "entity: customer",
            "entity: person",
            "feature `clicks`: entity `person` is not allowed: customer, product",
        ),
        (
            "sensitivity: preference",
            "sensitivity: secret",
            "feature `clicks`: sensitivity `secret` is not allowed: public, financial",
        ),
        (
            "name: clicks",
            "name: Clicks",
            "feature number 1: name `Clicks` is not allowed: 1 to 64 characters of [a-z0-9_]",
        ),
        (
            "unit: events",
            "length: 5, unit: events",
            "feature `clicks`: length `5` is not allowed: nothing: count does not take it",
        ),
        (
            "version: 1",
            "version: 2",
            "the file: version `2` is not allowed: a whole number, 1 to 1",
        ),
        (
            "idle_days: 90",
            "idle_days: 3",
            "feature `clicks_7d`: windows `7d` is not allowed: at most idle_days of the entity, 3d",
        ),
        (
            "[recommend]",
            "[price]",
            "feature `clicks`: purposes `price` is not allowed: not `price`: a price rests on public",
        ),
    ];
    for (from, to, message) in cases {
        let error = changed(from, to).expect_err(to).to_string();
        let expected = format!("features file: {message}");
        assert!(
            error.starts_with(&expected),
            "{to}\n  got:      {error}\n  expected: {expected}"
        );
    }
}

#[test]
fn names_are_used_once() {
    let twice = GOOD.to_owned() + GOOD.split("features:\n").nth(1).expect("the list");
    let error = Registry::from_yaml(&twice).unwrap_err().to_string();
    assert_eq!(
        error,
        "features file: feature `clicks_1h`: name `clicks_1h` is not allowed: \
         a name used once for the entity customer"
    );
}

#[test]
fn one_attribute_has_one_type() {
    let both = r#"
  - { name: a, entity: customer, source: [profile_updated], aggregate: last, attribute: x, type: number, unit: u,
      stated_by: [bank], default: 0, ttl_days: 9, owner: o, sensitivity: public, purposes: [price], description: "A." }
  - { name: b, entity: customer, source: [profile_updated], aggregate: last, attribute: x, type: category, unit: u,
      stated_by: [bank], ttl_days: 9, owner: o, sensitivity: public, purposes: [price], description: "B." }
"#;
    let error = Registry::from_yaml(&(GOOD.to_owned() + both))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "features file: feature `b`: attribute `x` is not allowed: \
         the same source, type and origins as in feature `a`, which reads it too"
    );
}

#[test]
fn what_is_no_features_file_is_refused() {
    for junk in [
        "",
        "[]",
        "features: 3",
        "\u{0}",
        "{",
        "version: 1\nversion: 1",
    ] {
        assert!(Registry::from_yaml(junk).is_err(), "{junk:?}");
    }
}

#[test]
fn the_hash_follows_the_meaning() {
    let hash = |from: &str, to: &str| changed(from, to).expect(to).hash();
    let plain = hash("clicks", "clicks");
    assert_eq!(plain, hash("owner: growth", "owner: risk"));
    assert_eq!(plain, hash("Clicks.", "Clicks of all kinds."));
    assert_ne!(plain, hash("[1h, 7d]", "[7d, 1h]"));
    assert_ne!(plain, hash("source: [click]", "source: [click, search]"));
    assert_ne!(plain, hash("[recommend]", "[recommend, analytics]"));
    assert_ne!(plain, hash("default: 0", "default: 1"));
}
