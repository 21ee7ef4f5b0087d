//! The check of events.

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::money::v1::Money;
use fairlead_registry::{EventError, Registry};

use crate::events::{DAY, MINUTE, NOW, event, number, on, paying, text, with};

fn click() -> Event {
    event("e1", EventKind::Click, NOW)
}

fn profile() -> Event {
    event("e1", EventKind::ProfileUpdated, NOW)
}

#[test]
fn a_good_event_passes() {
    let registry = Registry::builtin();
    let good = [
        click(),
        Event {
            event_time_ms: NOW + 5 * MINUTE,
            ..click()
        },
        Event {
            event_time_ms: NOW - 30 * DAY,
            ..click()
        },
        with("income_monthly_minor", number(1e6), profile()),
        with("never_heard_of", text("x"), profile()),
        paying(-500, event("e1", EventKind::Payment, NOW)),
    ];
    for event in good {
        assert_eq!(registry.check_event(&event, NOW), Ok(()), "{event:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn a_bad_event_is_refused_with_the_field_the_value_and_what_is_allowed() {
    let long = "x".repeat(65);
    let junk = |minor, currency: &str| Event {
        amount: Some(Money {
            minor,
            currency: currency.into(),
        }),
        ..event("e1", EventKind::Payment, NOW)
    };
    let cases = [
        (
            Event {
                event_id: String::new(),
                ..click()
            },
            "event_id `` is not allowed: 1 to 64 characters",
        ),
        (
            Event {
                event_id: long.clone(),
                ..click()
            },
            "event_id `xxxx",
        ),
        (
            Event {
                tenant: String::new(),
                ..click()
            },
            "tenant `` is not allowed: 1 to 64 characters",
        ),
        (
            Event {
                tenant: "a/b".into(),
                ..click()
            },
            "tenant `a/b` is not allowed",
        ),
        (
            Event {
                customer_id: String::new(),
                ..click()
            },
            "customer_id `` is not allowed",
        ),
        (
            Event { kind: 0, ..click() },
            "kind `0` is not allowed: a kind of fairlead.event.v1.EventKind",
        ),
        (
            Event {
                kind: 99,
                ..click()
            },
            "kind `99` is not allowed",
        ),
        (
            Event {
                event_time_ms: NOW + 5 * MINUTE + 1,
                ..click()
            },
            "event_time_ms `1763893350001` is not allowed: 31536000000, the year 1971, to 1763893350000, \
             five minutes from now",
        ),
        (
            Event {
                event_time_ms: 0,
                ..click()
            },
            "event_time_ms `0` is not allowed",
        ),
        (
            Event {
                event_time_ms: i64::MIN,
                ..click()
            },
            "event_time_ms `-9223372036854775808` is not allowed",
        ),
        (
            on("", click()),
            "product_id `` is not allowed: a product id: click is about a product",
        ),
        (on("a b", click()), "product_id `a b` is not allowed"),
        (
            Event {
                product_kind: 7,
                ..click()
            },
            "product_kind `7` is not allowed",
        ),
        (
            Event {
                position: -1,
                ..click()
            },
            "position `-1` is not allowed",
        ),
        (
            event("e1", EventKind::Payment, NOW),
            "amount `` is not allowed: an amount in CNY: payment is summed",
        ),
        (junk(1, "USD"), "amount.currency `USD` is not allowed: CNY"),
        (
            junk(1, "yuan"),
            "amount.currency `yuan` is not allowed: an ISO 4217 code",
        ),
        (
            junk(i64::MIN, "CNY"),
            "amount.minor `-9223372036854775808` is not allowed: -1000000000000 to",
        ),
        (
            profile(),
            "attributes `0` is not allowed: at least one attribute in profile_updated",
        ),
        (
            with("income_monthly_minor", number(f64::NAN), profile()),
            "attributes.income_monthly_minor `NaN` is not allowed: a finite number",
        ),
        (
            with("income_monthly_minor", number(f64::INFINITY), profile()),
            "attributes.income_monthly_minor `inf` is not allowed: a finite number",
        ),
        (
            with("income_monthly_minor", number(-1.0), profile()),
            "attributes.income_monthly_minor `-1` is not allowed: 0 to 1000000000000",
        ),
        (
            with("income_monthly_minor", text("much"), profile()),
            "attributes.income_monthly_minor `much` is not allowed: a number",
        ),
        (
            with("region", number(1.0), profile()),
            "attributes.region `1` is not allowed: a text",
        ),
        (
            with("region", text(&"x".repeat(129)), profile()),
            "attributes.region `xxx",
        ),
        (
            with("", number(1.0), profile()),
            "attributes `` is not allowed: a name",
        ),
    ];
    for (event, message) in cases {
        let error = Registry::builtin()
            .check_event(&event, NOW)
            .expect_err(message);
        assert!(matches!(error, EventError::Refused { .. }), "{error}");
        assert!(
            error.to_string().starts_with(message),
            "\n  got:      {error}\n  expected: {message}"
        );
    }
}

#[test]
fn an_attribute_without_a_value_is_refused() {
    let mut event = profile();
    event
        .attributes
        .insert("region".into(), AttributeValue::default());
    let error = Registry::builtin().check_event(&event, NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "attributes.region `` is not allowed: a number, a text or a flag"
    );
}

#[test]
fn behaviour_before_the_longest_window_is_too_late_but_facts_hold_on() {
    let registry = Registry::builtin();
    let old = NOW - 31 * DAY;
    let late = registry.check_event(&event("e1", EventKind::Click, old), NOW);
    assert_eq!(
        late,
        Err(EventError::TooLate {
            event_time_ms: old,
            earliest_ms: NOW - 30 * DAY
        })
    );
    let held_since_long = event("e1", EventKind::HoldingOpened, NOW - 3_000 * DAY);
    assert_eq!(registry.check_event(&held_since_long, NOW), Ok(()));
    // Now in seconds.
    let seconds = event("e1", EventKind::HoldingOpened, NOW / 1_000);
    let error = registry.check_event(&seconds, NOW).unwrap_err();
    assert!(error.to_string().contains("the year 1971"), "{error}");
    let born = with(
        "birth_date_ms",
        number(0.0),
        event("e1", EventKind::ProfileUpdated, old),
    );
    assert_eq!(registry.check_event(&born, NOW), Ok(()));
}
