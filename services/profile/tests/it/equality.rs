//! The served profile is the one that replay computes: for random histories, spread over source partitions and
//! read back from Redis, every feature of every purpose equals the one from folding the same
//! events in the order of their times.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::Purpose as WirePurpose;
use fairlead_proto::money::v1::Money;
use fairlead_registry::Purpose;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{
    DAY_MS, NOW_MS, Setup, consent, event, fold, on_product, registry, request, update,
};

const PURPOSES: [(WirePurpose, Purpose); 4] = [
    (WirePurpose::Recommend, Purpose::Recommend),
    (WirePurpose::Price, Purpose::Price),
    (WirePurpose::Fraud, Purpose::Fraud),
    (WirePurpose::Analytics, Purpose::Analytics),
];

/// An event without its id and time.
#[derive(Debug, Clone)]
enum Happening {
    OnProduct(EventKind, u8),
    Alone(EventKind),
    Paid(i64),
    Income(f64),
    Region(u8),
    Consent(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    use EventKind as Kind;
    let on_product = prop_oneof![
        4 => Just(Kind::Impression),
        3 => Just(Kind::Click),
        1 => Just(Kind::Application),
        1 => Just(Kind::Conversion),
        1 => Just(Kind::HoldingOpened),
        1 => Just(Kind::HoldingClosed),
    ];
    let alone = prop_oneof![
        Just(Kind::AppOpened),
        Just(Kind::Search),
        Just(Kind::Repayment),
        Just(Kind::Delinquency),
    ];
    prop_oneof![
        6 => (on_product, 0_u8..12).prop_map(|(kind, product)| Happening::OnProduct(kind, product)),
        2 => alone.prop_map(Happening::Alone),
        1 => (1_i64..1_000_000).prop_map(Happening::Paid),
        1 => (0_u32..100_000).prop_map(|income| Happening::Income(f64::from(income))),
        1 => (0_u8..4).prop_map(Happening::Region),
        1 => any::<bool>().prop_map(Happening::Consent),
    ]
}

fn make(number: usize, at_ms: i64, happening: &Happening) -> Event {
    let id = format!("e{number}");
    match happening {
        Happening::OnProduct(kind, product) => Event {
            product_kind: (ProductKind::CashLoan as i32) + i32::from(product % 6),
            ..on_product(&id, *kind, &format!("P-{product}"), at_ms)
        },
        Happening::Alone(kind) => event(&id, *kind, at_ms),
        Happening::Paid(minor) => Event {
            amount: Some(Money {
                minor: *minor,
                currency: "CNY".into(),
            }),
            ..event(&id, EventKind::Payment, at_ms)
        },
        Happening::Income(income) => update(
            &id,
            at_ms,
            &[("income_monthly_minor", Value::Number(*income))],
        ),
        Happening::Region(region) => {
            update(&id, at_ms, &[("region", Value::Text(format!("R{region}")))])
        }
        Happening::Consent(given) => consent(&id, at_ms, *given),
    }
}

/// Events with the partition that each came through, in the order in which they came.
fn history() -> impl Strategy<Value = (Vec<(i32, Event)>, i64)> {
    let one = (happening(), 0_i64..45 * DAY_MS, 0_i32..3);
    (proptest::collection::vec(one, 1..120), 0_i64..DAY_MS).prop_map(|(rows, later_ms)| {
        let events =
            rows.into_iter()
                .enumerate()
                .map(|(number, (happening, age_ms, partition))| {
                    (partition, make(number, NOW_MS - age_ms, &happening))
                });
        (events.collect(), NOW_MS + later_ms)
    })
}

#[test]
fn served_features_equal_replayed_ones() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let setup = runtime.block_on(Setup::start())?;
    let cases = std::cell::Cell::new(0_u32);
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&history(), |(came, as_of_ms)| {
        // A key of its own for each case, also while a failure is being shrunk.
        cases.set(cases.get() + 1);
        let customer = format!("c-{}", cases.get());
        let mut in_time: Vec<Event> = came.iter().map(|(_, event)| event.clone()).collect();
        in_time.sort_by_key(|event| event.event_time_ms);
        let replayed = fold(&in_time);
        let served = runtime.block_on(async {
            for partition in 0..3 {
                let part = came.iter().filter(|(of, _)| *of == partition);
                let part: Vec<Event> = part.map(|(_, event)| event.clone()).collect();
                if !part.is_empty() {
                    setup.write(&customer, partition, &part).await?;
                }
            }
            let mut asked = request(&customer, &PURPOSES.map(|(wire, _)| wire));
            asked.as_of_ms = as_of_ms;
            anyhow::Ok(setup.ask(asked).await?)
        });
        let served = served.map_err(|error| TestCaseError::fail(error.to_string()))?;
        for (set, (_, purpose)) in served.features.iter().zip(PURPOSES) {
            prop_assert_eq!(set, &registry().features_at(&replayed, as_of_ms, purpose));
        }
        prop_assert_eq!(served.last_event_time_ms, replayed.last_event_time_ms);
        Ok(())
    });
    outcome.map_err(|error| anyhow::anyhow!("{error}"))
}
