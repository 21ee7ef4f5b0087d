//! Each field of a release has a section, and each section its permission.

use fairlead_proto::DESCRIPTORS;
use fairlead_proto::control::v1::{Experiment, Strategy};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, Value};

use super::*;
use crate::checks::sample::unhashed;

/// The fields that say which release it is, and nothing of its content.
const HEADING: [&str; 6] = [
    "revision",
    "tenant",
    "content_hash",
    "published_at_ms",
    "published_by",
    "comment",
];

/// Returns a value of a field that is not its default.
fn some(field: &FieldDescriptor) -> Value {
    if field.is_map() {
        let kind = field.kind();
        let entry = kind.as_message().expect("an entry");
        let key = match entry.map_entry_key_field().kind() {
            Kind::String => MapKey::String("x".to_owned()),
            Kind::Int32 => MapKey::I32(7),
            other => panic!("a map by {other:?}"),
        };
        return Value::Map([(key, single(&entry.map_entry_value_field()))].into());
    }
    if field.is_list() {
        return Value::List(vec![single(field)]);
    }
    single(field)
}

fn single(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::String => Value::String("x".to_owned()),
        Kind::Int64 => Value::I64(7),
        Kind::Int32 => Value::I32(7),
        Kind::Message(message) => {
            let mut value = DynamicMessage::new(message.clone());
            let first = message.fields().next().expect("a field");
            value.set_field(&first, some(&first));
            Value::Message(value)
        }
        other => panic!("{}: a field of kind {other:?}", field.full_name()),
    }
}

#[test]
fn every_field_of_a_release_is_of_the_heading_or_of_a_section() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the contracts");
    let release = pool.get_message_by_name("fairlead.control.v1.Release");
    let release = release.expect("a release");
    let mut reached = BTreeSet::new();
    for field in release.fields() {
        let mut changed = DynamicMessage::new(release.clone());
        changed.set_field(&field, some(&field));
        let changed = Release::decode(&*changed.encode_to_vec()).expect("a release");
        assert_ne!(changed, Release::default(), "{}", field.name());
        let there = sections_changed(&Release::default(), &changed);
        assert_eq!(there, sections_changed(&changed, &Release::default()));
        if HEADING.contains(&field.name()) {
            assert_eq!(there, [], "{}", field.name());
        } else {
            assert_eq!(there.len(), 1, "{} has no section of its own", field.name());
        }
        reached.extend(there);
    }
    // Two sections are parts of others' fields.
    reached.extend([S::Overrides, S::ServingModels]);
    assert!(Section::all().eq(reached), "a section that no field has");
}

#[test]
fn the_table_is_in_the_order_of_the_sections() {
    for (place, (section, name, permission)) in TABLE.into_iter().enumerate() {
        assert_eq!(section as usize, place);
        assert_eq!((section.name(), section.permission()), (name, permission));
    }
    assert_eq!(S::CostModels.permission(), Permission::GuardrailEdit);
    assert_eq!(S::Overrides.to_string(), "overrides");
}

type Change = fn(&mut Release);

/// A change, and the sections that it reaches.
const CHANGES: &[(Change, &[Section])] = &[
    (|_| {}, &[]),
    (|r| r.comment = "why".to_owned(), &[]),
    (|r| r.cost_models[0].lgd_ppm = 0, &[S::CostModels]),
    (|r| r.guardrails[0].max_change_ppm = 0, &[S::Guardrails]),
    (|r| r.guardrails[0].strategies.clear(), &[S::Guardrails]),
    (|r| r.strategies[0].version = 9, &[S::Strategies]),
    (|r| r.default_strategies.clear(), &[S::Strategies]),
    (|r| r.catalogue = None, &[S::Products]),
    (
        |r| experiment(r).overrides = [("c-1".to_owned(), "control".to_owned())].into(),
        &[S::Overrides],
    ),
    (|r| experiment(r).coverage_ppm = 1, &[S::Experiments]),
    (
        |r| {
            experiment(r).coverage_ppm = 1;
            experiment(r).overrides = [("c-1".to_owned(), "control".to_owned())].into();
        },
        &[S::Experiments, S::Overrides],
    ),
    (|r| r.models[0].path = "elsewhere".to_owned(), &[S::Models]),
    (|r| r.models[1].default_for_role = true, &[S::ServingModels]),
    (
        |r| {
            r.models.remove(0);
        },
        &[S::Models, S::ServingModels],
    ),
];

fn experiment(release: &mut Release) -> &mut Experiment {
    &mut release.experiments.as_mut().expect("a plan").experiments[0]
}

#[test]
fn a_change_reaches_its_sections_and_no_other() {
    for (place, (change, sections)) in CHANGES.iter().enumerate() {
        let before = unhashed();
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(sections_changed(&before, &after), *sections, "{place}");
    }
}

/// The parts that a strategy was stored with are cost and guardrails, also where it is in the old form.
#[test]
fn a_strategy_of_the_old_form_reaches_cost_and_guardrails() {
    let old = |lgd_ppm| Release {
        strategies: vec![Strategy {
            strategy_id: "loan".to_owned(),
            version: 1,
            cost: Some(fairlead_proto::control::v1::CostModel {
                lgd_ppm,
                ..Default::default()
            }),
            jurisdiction: "CN".to_owned(),
            ..Strategy::default()
        }],
        ..Release::default()
    };
    assert_eq!(sections_changed(&old(1), &old(1)), []);
    assert_eq!(sections_changed(&old(1), &old(2)), [S::CostModels]);
    assert_eq!(sections_changed(&old(1), &current_form(&old(1))), []);
}
