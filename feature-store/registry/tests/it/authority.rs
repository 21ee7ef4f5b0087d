//! Who may state which fact.

use fairlead_domain::{Origin, Origins};
use fairlead_proto::event::v1::{EventKind, attribute_value};
use fairlead_registry::{Aggregate, Entity, EventError, Purpose, Registry};

use crate::definitions::{GOOD, changed};
use crate::events::{NOW, event, number, text, with};

const EVERYONE: &str = "app, partner, bank";
const CUSTOMER: &str = "app, bank";
const BANK: &str = "bank";

fn flag(value: bool) -> attribute_value::Value {
    attribute_value::Value::Flag(value)
}

/// The attributes of the file of the crate, each with a value of its type and who may state it.
const ATTRIBUTES: [(&str, &str); 23] = [
    ("birth_date_ms", BANK),
    ("gender", CUSTOMER),
    ("marital_status", CUSTOMER),
    ("occupation", CUSTOMER),
    ("occupation_group", CUSTOMER),
    ("branch", BANK),
    ("region", BANK),
    ("employment", BANK),
    ("customer_since_ms", BANK),
    ("income_monthly_minor", BANK),
    ("debt_service_monthly_minor", BANK),
    ("exposure_elsewhere_minor", BANK),
    ("exposure_own_minor", BANK),
    ("bureau_score", BANK),
    ("bureau_grade", BANK),
    ("debt_to_income_ppm", BANK),
    ("delinquencies_2y", BANK),
    ("inquiries_12m", BANK),
    ("revolving_utilisation_ppm", BANK),
    ("credit_history_months", BANK),
    ("suitability_class", BANK),
    ("device", EVERYONE),
    ("channel_preference", EVERYONE),
];

const KINDS: [(EventKind, &str); 13] = [
    (EventKind::Impression, EVERYONE),
    (EventKind::Click, EVERYONE),
    (EventKind::Application, EVERYONE),
    (EventKind::Conversion, BANK),
    (EventKind::HoldingOpened, BANK),
    (EventKind::HoldingClosed, BANK),
    (EventKind::Repayment, BANK),
    (EventKind::Delinquency, BANK),
    (EventKind::Payment, BANK),
    (EventKind::ProfileUpdated, EVERYONE),
    (EventKind::ConsentChanged, EVERYONE),
    (EventKind::AppOpened, EVERYONE),
    (EventKind::Search, EVERYONE),
];

fn refusal(result: Result<(), EventError>) -> String {
    let error = result.expect_err("a refusal");
    assert!(matches!(error, EventError::Unauthorised { .. }), "{error}");
    error.to_string()
}

#[test]
fn every_kind_of_event_has_its_origins() {
    let registry = Registry::builtin();
    for (kind, allowed) in KINDS {
        for origin in Origin::ALL {
            let judged = registry.check_authority(&event("e", kind, NOW), origin);
            if allowed.contains(origin.name()) {
                assert_eq!(judged, Ok(()), "{kind:?} by {origin}");
            } else {
                let said = refusal(judged);
                let by = format!("may not be stated by {origin}: by {allowed}");
                assert!(said.starts_with("kind `") && said.ends_with(&by), "{said}");
            }
        }
    }
}

#[test]
fn every_attribute_has_its_origins_whatever_event_carries_it() {
    let registry = Registry::builtin();
    for (name, allowed) in ATTRIBUTES {
        for kind in [EventKind::ProfileUpdated, EventKind::AppOpened] {
            for origin in Origin::ALL {
                let told = with(name, number(1.0), event("e", kind, NOW));
                let told = with("not_read", text("x"), told);
                let judged = registry.check_authority(&told, origin);
                if allowed.contains(origin.name()) {
                    assert_eq!(judged, Ok(()), "{name} by {origin}");
                } else {
                    let by = format!("may not be stated by {origin}: by {allowed}");
                    assert_eq!(refusal(judged), format!("attributes.{name} `1` {by}"));
                }
            }
        }
    }
}

#[test]
fn the_table_is_complete() {
    let registry = Registry::builtin();
    let read: Vec<_> = registry
        .features()
        .iter()
        .filter_map(|feature| match &feature.aggregate {
            Aggregate::Last { attribute, .. } if attribute != "personalisation" => {
                Some(attribute.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(read, ATTRIBUTES.map(|(name, _)| name));
}

#[test]
fn consent_is_given_by_app_and_bank_and_withdrawn_by_anyone() {
    let registry = Registry::builtin();
    let consent = |given| {
        let event = event("e", EventKind::ConsentChanged, NOW);
        with("personalisation", flag(given), event)
    };
    for origin in Origin::ALL {
        assert_eq!(registry.check_authority(&consent(false), origin), Ok(()));
    }
    for origin in [Origin::App, Origin::Bank] {
        assert_eq!(registry.check_authority(&consent(true), origin), Ok(()));
    }
    assert_eq!(
        refusal(registry.check_authority(&consent(true), Origin::Partner)),
        "attributes.personalisation `true` may not be stated by partner: by app, bank"
    );
}

#[test]
fn prices_and_fraud_checks_rest_on_the_bank_alone() {
    let registry = Registry::builtin();
    for feature in registry.features() {
        let judged = [Purpose::Price, Purpose::Fraud].map(|one| feature.purposes.contains(one));
        if feature.entity == Entity::Customer
            && judged.contains(&true)
            && let Aggregate::Last { statement, .. } = &feature.aggregate
        {
            assert_eq!(statement.withdrawn_by, Origins::BANK, "{}", feature.name);
        }
    }
}

const SAID: &str = r#"
  - { name: job, entity: customer, source: [profile_updated], aggregate: last, type: category, stated_by: [app], unit: u,
      ttl_days: 9, owner: o, sensitivity: personal, purposes: [recommend], description: "Job." }
"#;

/// (what is replaced, by what, the refusal).
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "stated_by: [app], unit",
        "unit",
        "feature `job`: stated_by `` is not allowed: a list of app, partner, bank (line 24)",
    ),
    (
        "stated_by: [app], unit",
        "stated_by: [app, user], unit",
        "feature `job`: stated_by `user` is not allowed: app, partner, bank (line 24)",
    ),
    (
        "stated_by: [app], unit",
        "stated_by: [], unit",
        "feature `job`: stated_by `[]` is not allowed: a list of app, partner, bank (line 24)",
    ),
    (
        "stated_by: [app], unit",
        "stated_by: [app], withdrawn_by: [bank], unit",
        "feature `job`: withdrawn_by `- bank` is not allowed: nothing: only flags take it (line 24)",
    ),
    (
        "category, stated_by: [app], unit",
        "flag, stated_by: [app], withdrawn_by: [bank], default: 0, unit",
        "feature `job`: withdrawn_by `- bank` is not allowed: at least those of stated_by, app (line 24)",
    ),
    (
        "purposes: [recommend], description: \"Job.\"",
        "purposes: [price], description: \"Job.\"",
        "feature `job`: stated_by `app` is not allowed: bank alone: the feature may be read for price (line 24)",
    ),
    (
        "windows: [1h, 7d], unit",
        "stated_by: [app], windows: [1h, 7d], unit",
        "feature `clicks`: stated_by `- app` is not allowed: nothing: count does not take it (line 21)",
    ),
    (
        "sensitivity: preference, purposes: [recommend]",
        "sensitivity: financial, purposes: [price]",
        "feature `clicks_1h`: source `click, stated by app, partner, bank` is not allowed: bank alone: \
         the feature may be read for price (line 21)",
    ),
    (
        "  payment: { stated_by: [bank] }\n",
        "",
        "events: payment `` is not allowed: a mapping with the key stated_by (line 6)",
    ),
    (
        "  payment: { stated_by: [bank] }",
        "  payment: { stated_by: [owner] }",
        "event `payment`: stated_by `owner` is not allowed: app, partner, bank (line 15)",
    ),
    (
        "  payment: {",
        "  paiment: {",
        "events: key `paiment` is not allowed: impression, click,",
    ),
];

#[test]
fn a_missing_or_unknown_origin_is_refused_with_its_line() {
    let said = GOOD.to_owned() + SAID;
    let with = |from: &str, to: &str| {
        assert!(said.contains(from), "{from}");
        let error = Registry::from_yaml(&said.replacen(from, to, 1)).expect_err(to);
        error.to_string()
    };
    for (from, to, message) in REFUSED {
        let (got, expected) = (with(from, to), format!("features file: {message}"));
        assert!(
            got.starts_with(&expected),
            "{to}\n  got:      {got}\n  expected: {expected}"
        );
    }
}

#[test]
fn one_attribute_has_one_authority() {
    let other = SAID
        .replace("name: job", "name: job_too")
        .replace("stated_by: [app]", "attribute: job, stated_by: [app, bank]");
    let error = Registry::from_yaml(&(GOOD.to_owned() + SAID + &other)).expect_err("two");
    let said = error.to_string();
    assert!(said.contains("`job_too`: attribute `job`"), "{said}");
    assert!(said.contains("origins as in feature `job`"), "{said}");
}

#[test]
fn authority_does_not_change_what_values_mean() {
    let plain = changed("clicks", "clicks").expect("good").hash();
    let other = changed(
        "search: { stated_by: [app, partner, bank] }",
        "search: { stated_by: [bank] }",
    );
    assert_eq!(plain, other.expect("good").hash());
}
