//! Tables of a thousand rows: lint decides them exactly within its budget.

use fairlead_decision_table::{Schema, Table, TableFinding, Value, lint};
use proptest::prelude::*;

use crate::schema;

const INPUTS: usize = 6;

/// A box of whole numbers, one inclusive range per input.
type Ranges = [(i64, i64); INPUTS];

fn large_schema() -> Schema {
    let inputs: Vec<String> = (0..INPUTS)
        .map(|n| format!("n{n}: integer(0..999)"))
        .collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    schema(&inputs, &["id: integer(0..100000)"])
}

/// Cuts the domain into `count` disjoint boxes that cover it: `choose` picks a box and the input in
/// which it is cut, until there are enough.
fn partition(count: usize, mut choose: impl FnMut(usize) -> usize) -> Vec<Ranges> {
    let mut boxes: Vec<Ranges> = vec![[(0, 999); INPUTS]];
    while boxes.len() < count {
        let at = choose(boxes.len());
        let input = choose(INPUTS);
        let (start, end) = boxes[at][input];
        if start == end {
            continue;
        }
        let width = usize::try_from(end - start).expect("it is positive");
        let cut = start + i64::try_from(choose(width)).expect("it is small");
        let mut upper = boxes[at];
        boxes[at][input].1 = cut;
        upper[input].0 = cut + 1;
        boxes.push(upper);
    }
    boxes
}

/// Returns a linear congruential generator of numbers below a bound.
fn chooser(mut state: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

fn parse(boxes: &[Ranges]) -> Table {
    let schema = large_schema();
    let names = schema
        .inputs()
        .iter()
        .chain(schema.outputs())
        .map(|column| column.name.clone());
    let mut rows = vec![names.collect::<Vec<String>>()];
    for (id, ranges) in boxes.iter().enumerate() {
        let cells = ranges
            .iter()
            .map(|(start, end)| format!("[{start}..{end}]"));
        rows.push(cells.chain([id.to_string()]).collect());
    }
    Table::parse("large", &schema, &rows).expect("the table parses")
}

fn middle(ranges: &Ranges) -> Vec<Value<'static>> {
    ranges
        .iter()
        .map(|(start, end)| Value::Integer(start.midpoint(*end)))
        .collect()
}

#[test]
fn a_thousand_rows_that_fit_together_have_no_findings() {
    let boxes = partition(1_000, chooser(7));
    let table = parse(&boxes);
    assert_eq!(lint(&table), []);
    for (id, ranges) in boxes.iter().enumerate() {
        assert_eq!(
            table.evaluate(&middle(ranges)).map(|found| found.row),
            Ok(id + 1)
        );
    }
}

#[test]
fn a_row_that_is_missing_among_a_thousand_is_found() {
    for missing in [0, 137, 999] {
        let mut boxes = partition(1_000, chooser(11));
        let gone = boxes.remove(missing);
        let table = parse(&boxes);
        let findings = lint(&table);
        let [TableFinding::Hole { example, region }] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        let cells = gone.map(|(start, end)| match (start, end) {
            (0, 999) => "-".to_owned(),
            _ if start == end => start.to_string(),
            _ => format!("[{start}..{end}]"),
        });
        assert_eq!(region.cells, cells, "just the row that is gone");
        assert!(table.evaluate(&example.inputs).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_hole_means_that_every_input_matches(
        seed in any::<u64>(),
        count in 1_usize..120,
        points in prop::collection::vec(prop::array::uniform6(0_i64..1_000), 50),
    ) {
        let table = parse(&partition(count, chooser(seed)));
        prop_assert_eq!(lint(&table), vec![]);
        for point in points {
            prop_assert!(table.evaluate(&point.map(Value::Integer)).is_ok());
        }
    }

    #[test]
    fn a_row_grown_over_its_neighbours_conflicts_with_them(
        seed in any::<u64>(), count in 2_usize..60
    ) {
        let mut boxes = partition(count, chooser(seed));
        boxes[0] = [(0, 999); INPUTS];
        let table = parse(&boxes);
        let findings = lint(&table);
        let conflicts = findings.iter().filter(|f| matches!(f, TableFinding::Conflict { .. })).count();
        prop_assert_eq!(conflicts, (count - 1).min(100));
        // Every other row lies within the first, which differs from it.
        let unreachable: Vec<usize> = findings
            .iter()
            .filter_map(|f| if let TableFinding::Unreachable { row, .. } = f { Some(*row) } else { None })
            .collect();
        prop_assert_eq!(unreachable, (2..=count).collect::<Vec<_>>());
        let has_hole = findings.iter().any(|f| matches!(f, TableFinding::Hole { .. }));
        prop_assert!(!has_hole);
    }
}
