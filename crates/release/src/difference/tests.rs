//! Each change, as a difference names it.

use std::collections::BTreeSet;

use fairlead_proto::control::v1::{Campaign, Row};

use super::*;
use crate::checks::sample::{model, unhashed};
use crate::sections_changed;

type Edit = fn(&mut Release);

/// Returns the changes in lines: section, object, part, kind, before, after.
fn lines(before: &Release, after: &Release) -> Vec<String> {
    let line = |one: Change| {
        let Change {
            section,
            object,
            part,
            kind,
            before,
            after,
        } = one;
        format!("{section} | {object} | {part} | {kind} | {before} | {after}")
    };
    let found = difference(before, after);
    found.changes.into_iter().map(line).collect()
}

fn rows(release: &mut Release) -> &mut Vec<Row> {
    &mut release.strategies[0]
        .rate_card
        .as_mut()
        .expect("a card")
        .rows
}

fn products(release: &mut Release) -> &mut Vec<fairlead_proto::catalogue::v1::Product> {
    &mut release.catalogue.as_mut().expect("a catalogue").products
}

fn experiment(release: &mut Release) -> &mut fairlead_proto::control::v1::Experiment {
    &mut release.experiments.as_mut().expect("a plan").experiments[0]
}

/// An edit, and the lines that it gives.
const EDITS: &[(Edit, &[&str])] = &[
    (|r| r.comment = "why".to_owned(), &[]),
    (
        |r| r.cost_models[0].lgd_ppm = 0,
        &["cost models | consumer-finance | lgdPpm | changed | 600000 | 0"],
    ),
    (
        |r| r.cost_models[0].ftp[1].rate_ppm = 31_000,
        &["cost models | consumer-finance | ftp[12].ratePpm | changed | 30000 | 31000"],
    ),
    (
        |r| r.guardrails[0].licence = "micro-lender".to_owned(),
        &["guardrails | cash-loan | licence | changed | consumer-finance | micro-lender"],
    ),
    (
        |r| r.guardrails[0].grading.as_mut().expect("grades").grades[4].pd_ppm = 0,
        &["guardrails | cash-loan | grading.grades[E].pdPpm | changed | 127295 | 0"],
    ),
    (
        |r| r.guardrails[0].price_points_ppm = vec![60_000],
        &[
            "guardrails | cash-loan | pricePointsPpm | changed | [\"60000\",\"66000\",\"72000\",\"78000\",\"84000\",\"90000\",\"96000\",\"102000\",\"108000\",\"114000\",\"120000\",\"126000\",\"132000\",\"138000\",\"144000\",\"150000\",\"156000\",\"162000\",\"168000\",\"174000\",\"180000\",\"186000\",\"192000… | [\"60000\"]",
        ],
    ),
    (
        |r| r.rule_packs[0].max_all_in_ppm = None,
        &["rule packs | cn-2025 | maxAllInPpm | removed | 240000 | "],
    ),
    (
        |r| r.risk_models[0].characteristics[0].bins[0].points = 0.5,
        &[
            "risk models | pd | characteristics[bureau_score].bins | changed | [{\"points\":0.8,\"upto\":600.0},{\"points\":0.1,\"upto\":700.0},{\"points\":-0.6}] | [{\"points\":0.5,\"upto\":600.0},{\"points\":0.1,\"upto\":700.0},{\"points\":-0.6}]",
        ],
    ),
    (
        |r| {
            r.strategies[0].version = 3;
            let rows = rows(r);
            rows[4].cells[3] = "10.2%".to_owned();
            rows.truncate(16);
            rows.push(Row {
                cells: ["E", "<= 12", "-", "21.6%", "0%"]
                    .map(str::to_owned)
                    .to_vec(),
            });
        },
        &[
            "strategies | cash-loan | version | changed | 1 | 3",
            "strategies | cash-loan | row 5 (B, <= 12, standard) | changed | 10.8%, 0% | 10.2%, 0%",
            "strategies | cash-loan | row 17 (E, -, -) | removed | 21.6%, 0% | ",
            "strategies | cash-loan | row 17 (E, <= 12, -) | added |  | 21.6%, 0%",
        ],
    ),
    (
        |r| {
            r.strategies.pop();
        },
        &["strategies | cash-loan@2 |  | removed | a challenger | "],
    ),
    (
        |r| {
            let mut third = r.strategies[1].clone();
            third.version = 3;
            third.rate_card.as_mut().expect("a card").rows[16].cells[3] = "20.4%".to_owned();
            r.strategies.push(third);
        },
        &[
            "strategies | cash-loan@3 |  | added |  | a challenger",
            "strategies | cash-loan@3 against cash-loan@1 | row 17 (E, -, -) | changed | 21.6%, 0% | 20.4%, 0%",
        ],
    ),
    (
        |r| {
            r.default_strategies.insert(4, "fund".to_owned());
        },
        &["strategies | default of fund |  | added |  | fund"],
    ),
    (
        |r| products(r)[0].active = false,
        &["products | CL-1 |  | withdrawn | Product CL-1 | "],
    ),
    (
        |r| {
            let removed = products(r).pop().expect("one");
            let mut new = removed;
            new.product_id = "D-2".to_owned();
            products(r).push(new);
        },
        &[
            "products | D-1 |  | removed | Product D-1 | ",
            "products | D-2 |  | added |  | Product D-1",
        ],
    ),
    (
        |r| products(r)[2].margin_minor = 5,
        &["products | D-1 | marginMinor | changed | 0 | 5"],
    ),
    (
        |r| experiment(r).arms[1].weight_ppm = 1,
        &["experiments | cheaper | arms[challenger].weightPpm | changed | 500000 | 1"],
    ),
    (
        |r| {
            let plan = r.experiments.as_mut().expect("a plan");
            plan.holdout_ppm = 5;
            plan.layers[0].salt = "all-2".to_owned();
        },
        &[
            "experiments | the plan | holdoutPpm | changed | 0 | 5",
            "experiments | the plan | layers[all].salt | changed | all-1 | all-2",
        ],
    ),
    (
        |r| {
            r.parameters
                .insert("slate.category_cap".to_owned(), "2".to_owned());
        },
        &["parameters | slate.category_cap |  | changed | 4 | 2"],
    ),
    (
        |r| {
            r.campaigns.push(Campaign {
                campaign_id: "autumn".to_owned(),
                ..Campaign::default()
            });
        },
        &[
            "campaigns | autumn |  | added |  | {\"campaignId\":\"autumn\",\"validFromMs\":\"0\",\"validToMs\":\"0\"}",
        ],
    ),
    (
        |r| r.segmentations[0].segments[0].expression = "known".to_owned(),
        &[
            "segmentations | value | segments[active].expression | changed | clicks_7d > 10.0 | known",
        ],
    ),
    (
        |r| {
            r.models[0].default_for_role = false;
            r.models[1].default_for_role = true;
            r.models.push(model("3", false));
        },
        &[
            "models | ranker 3 |  | added |  | {\"contentHash\":\"abababababababababababababababababababababababababababababababab\",\"defaultForRole\":false,\"name\":\"ranker\",\"path\":\"models/ranker-3\",\"role\":\"ranker\",\"schemaHash\":\"0f\",\"version\":\"3\"}",
            "serving models | ranker |  | changed | ranker 1 | ranker 2",
        ],
    ),
];

#[test]
fn each_edit_is_said_by_section_object_and_part() {
    let mut wrong = Vec::new();
    for (edit, expected) in EDITS {
        let before = unhashed();
        let mut after = before.clone();
        edit(&mut after);
        let said = lines(&before, &after);
        if said != *expected {
            wrong.push((said, expected));
        }
        // Something is said of each section that did change, and of no other.
        let changes = difference(&before, &after).changes;
        let sections: BTreeSet<Section> = changes.iter().map(|one| one.section).collect();
        assert!(sections.into_iter().eq(sections_changed(&before, &after)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_override_is_named() {
    let customers = |ids: std::ops::Range<usize>, arm: &str| -> Vec<(String, String)> {
        ids.map(|id| (format!("c-{id:03}"), arm.to_owned()))
            .collect()
    };
    let mut before = unhashed();
    experiment(&mut before).overrides = customers(0..2, "control").into_iter().collect();
    let mut after = unhashed();
    experiment(&mut after).overrides = customers(1..500, "challenger").into_iter().collect();
    let found = lines(&before, &after);
    assert_eq!(found.len(), 500, "more than other sections list");
    assert_eq!(
        found[0],
        "overrides | cheaper, customer c-000 |  | removed | control | "
    );
    assert_eq!(
        found[1],
        "overrides | cheaper, customer c-001 |  | changed | control | challenger"
    );
    assert_eq!(
        found[499],
        "overrides | cheaper, customer c-499 |  | added |  | challenger"
    );
}

#[test]
fn of_ten_thousand_products_some_are_listed_and_the_rest_is_counted() {
    let before = unhashed();
    let mut after = before.clone();
    let one = products(&mut after)[2].clone();
    let more = (0..10_000).map(|at| fairlead_proto::catalogue::v1::Product {
        product_id: format!("D-{at:05}"),
        ..one.clone()
    });
    products(&mut after).extend(more);
    after.guardrails[0].max_change_ppm = 0;
    let found = difference(&before, &after);
    assert_eq!(found.changes.len(), MOST_LISTED + 1);
    assert_eq!(found.left_out, [(Section::Products, 10_000 - MOST_LISTED)]);
    let last = found.changes.last().expect("one");
    assert_eq!(
        (last.section, &*last.part),
        (Section::Guardrails, "maxChangePpm")
    );
    let sent = proto::Difference::from(found);
    assert_eq!(sent.left_out[0].section, "products");
    assert_eq!(sent.changes[MOST_LISTED].kind(), proto::ChangeKind::Changed);
}

#[test]
fn the_order_of_segments_counts() {
    let mut before = unhashed();
    let mut second = before.segmentations[0].segments[0].clone();
    second.segment_id = "other".to_owned();
    before.segmentations[0].segments.push(second);
    let mut after = before.clone();
    after.segmentations[0].segments.reverse();
    let expected =
        "segmentations | value | order of segments | changed | active, other | other, active";
    assert_eq!(lines(&before, &after), [expected]);
}
