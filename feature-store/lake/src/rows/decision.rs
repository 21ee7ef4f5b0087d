//! Decision records as columns: one row per decision, and one per candidate.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use fairlead_domain::TenantId;
use fairlead_proto::decision::v1::{DecidedCandidate, DecisionRecord};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::priced::Outcome;
use fairlead_proto::pricing::v1::{Price, RefusalCause};
use fairlead_proto::recall::v1::DropCause;
use prost::Message as _;

use super::event::product_kind;
use super::{Placed, instants, json_of, lists, optional, plain};
use crate::error::Error;
use crate::name::{Day, Folder};
use crate::table::Table;

/// The record and where it belongs; nothing where it cannot be read, or names no place.
pub(super) fn read(payload: &Bytes) -> Option<(Folder, DecisionRecord)> {
    if payload.is_empty() {
        return None;
    }
    let record = DecisionRecord::decode(payload.clone()).ok()?;
    if record.request_id.is_empty() {
        return None;
    }
    let folder = Folder {
        table: Table::Decisions,
        tenant: TenantId::new(&record.tenant).ok()?.to_string(),
        kind: "decision".into(),
        day: Day::of_ms(record.decided_at_ms)?,
    };
    Some((folder, record))
}

/// Where the candidates of a folder's decisions lie.
pub(super) fn items_folder(decisions: &Folder) -> Folder {
    Folder {
        table: Table::DecisionItems,
        kind: "decision_item".into(),
        ..decisions.clone()
    }
}

pub(super) fn columns(
    partition: i32,
    rows: &[Placed<DecisionRecord>],
) -> Result<RecordBatch, Error> {
    let records = || rows.iter().map(|row| &row.message);
    let texts = |get: fn(&DecisionRecord) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(records().map(get)))
    };
    let or_null = |get: fn(&DecisionRecord) -> &str| optional(records().map(get));
    let quotes = || records().map(|record| record.quote.as_ref());
    let count = |record: &DecisionRecord| record.candidates.len() as i32;
    let columns: Vec<ArrayRef> = vec![
        texts(|record| record.request_id.clone()),
        texts(|record| record.customer_id.clone()),
        instants(records().map(|record| record.decided_at_ms)),
        Arc::new(Int64Array::from_iter_values(
            records().map(|record| record.release_revision),
        )),
        Arc::new(
            records()
                .map(|record| Some(record.personalised))
                .collect::<BooleanArray>(),
        ),
        or_null(|record| &record.channel),
        or_null(|record| &record.campaign),
        Arc::new(Int32Array::from_iter_values(records().map(count))),
        lists(records().map(|record| record.slate.as_slice())),
        lists(records().map(|record| record.model_versions.as_slice())),
        Arc::new(
            quotes()
                .map(|quote| quote.map(|quote| quote.quote_id.as_str()))
                .collect::<StringArray>(),
        ),
        Arc::new(Int64Array::from_iter_values(
            records().map(|record| record.seed.cast_signed()),
        )),
        Arc::new(Float64Array::from_iter_values(
            records().map(|record| record.stage_ms.values().sum::<f64>()),
        )),
        texts(|record| json_of(&record.stage_ms)),
        texts(|record| json_of(&record.segments)),
        texts(|record| json_of(&record.exposures)),
        texts(|record| json_of(&record.degraded)),
        texts(|record| json_of(&record.drops)),
        texts(|record| json_of(&record.features)),
        Arc::new(
            quotes()
                .map(|quote| quote.map(json_of))
                .collect::<StringArray>(),
        ),
        instants(rows.iter().map(|row| row.appended_ms)),
        Arc::new(Int32Array::from_value(partition, rows.len())),
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| row.offset),
        )),
    ];
    Ok(RecordBatch::try_new(
        Table::Decisions.file_schema(),
        columns,
    )?)
}

type Item<'a> = (&'a Placed<DecisionRecord>, &'a DecidedCandidate);

pub(super) fn items(partition: i32, rows: &[Placed<DecisionRecord>]) -> Result<RecordBatch, Error> {
    let items: Vec<Item<'_>> = rows
        .iter()
        .flat_map(|row| row.message.candidates.iter().map(move |item| (row, item)))
        .collect();
    let mut columns = decided(&items);
    columns.extend(priced(&items));
    columns.extend([
        instants(items.iter().map(|(row, _)| row.appended_ms)),
        Arc::new(Int32Array::from_value(partition, items.len())),
        Arc::new(Int64Array::from_iter_values(
            items.iter().map(|(row, _)| row.offset),
        )) as ArrayRef,
    ]);
    Ok(RecordBatch::try_new(
        Table::DecisionItems.file_schema(),
        columns,
    )?)
}

fn decided(items: &[Item<'_>]) -> Vec<ArrayRef> {
    let reals = |get: fn(&DecidedCandidate) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            items.iter().map(|(_, item)| get(item)),
        ))
    };
    let records = || items.iter().map(|(row, _)| &row.message);
    let all = || items.iter().map(|(_, item)| *item);
    vec![
        Arc::new(StringArray::from_iter_values(
            records().map(|record| &record.request_id),
        )),
        Arc::new(StringArray::from_iter_values(
            records().map(|record| &record.customer_id),
        )),
        instants(records().map(|record| record.decided_at_ms)),
        Arc::new(Int64Array::from_iter_values(
            records().map(|record| record.release_revision),
        )),
        Arc::new(StringArray::from_iter_values(
            all().map(|item| &item.product_id),
        )),
        Arc::new(
            all()
                .map(|item| (item.position != 0).then_some(item.position))
                .collect::<Int32Array>(),
        ),
        Arc::new(all().map(drop_cause).collect::<StringArray>()),
        reals(|item| item.p_click),
        reals(|item| item.p_convert),
        reals(|item| item.p_convert_at_price),
        reals(|item| item.expected_value),
        reals(|item| item.propensity),
    ]
}

fn priced(items: &[Item<'_>]) -> Vec<ArrayRef> {
    let prices = || items.iter().map(|(_, item)| price(item));
    let texts = |get: fn(&Price) -> Option<&str>| -> ArrayRef {
        Arc::new(
            prices()
                .map(|price| price.and_then(get))
                .collect::<StringArray>(),
        )
    };
    let wholes = |get: fn(&Price) -> Option<i64>| -> ArrayRef {
        Arc::new(
            prices()
                .map(|price| price.and_then(get))
                .collect::<Int64Array>(),
        )
    };
    let minor = |money: &Option<Money>| money.as_ref().map(|money| money.minor);
    vec![
        Arc::new(
            prices()
                .map(|price| price.and_then(|price| product_kind(price.kind)))
                .collect::<StringArray>(),
        ),
        Arc::new(
            prices()
                .map(|price| price.and_then(|price| minor(&price.amount)))
                .collect::<Int64Array>(),
        ),
        texts(|price| price.amount.as_ref().map(|amount| amount.currency.as_str())),
        Arc::new(
            prices()
                .map(|price| price.map(|price| price.tenor_months))
                .collect::<Int32Array>(),
        ),
        wholes(|price| Some(price.rate_ppm)),
        wholes(|price| Some(price.all_in_ppm)),
        Arc::new(
            prices()
                .map(|price| price.and_then(|price| minor(&price.instalment)))
                .collect::<Int64Array>(),
        ),
        texts(|price| (!price.grade.is_empty()).then_some(price.grade.as_str())),
        Arc::new(
            prices()
                .map(|price| price.map(|price| price.pd))
                .collect::<Float64Array>(),
        ),
        texts(|price| Some(price.strategy.as_str())),
        wholes(|price| Some(price.expected_margin_minor)),
        Arc::new(
            items
                .iter()
                .map(|(_, item)| refusal(item))
                .collect::<StringArray>(),
        ),
        Arc::new(StringArray::from_iter_values(
            items.iter().map(|(_, item)| json_of(&item.sources)),
        )),
        Arc::new(
            items
                .iter()
                .map(|(_, item)| item.priced.as_ref().map(json_of))
                .collect::<StringArray>(),
        ),
    ]
}

fn drop_cause(item: &DecidedCandidate) -> Option<String> {
    let cause = DropCause::try_from(item.drop_cause).ok()?;
    (cause != DropCause::Unspecified).then(|| plain(cause.as_str_name(), "DROP_CAUSE_"))
}

fn price(item: &DecidedCandidate) -> Option<&Price> {
    match item.priced.as_ref()?.outcome.as_ref()? {
        Outcome::Price(price) => Some(price),
        Outcome::Refusal(_) => None,
    }
}

fn refusal(item: &DecidedCandidate) -> Option<String> {
    match item.priced.as_ref()?.outcome.as_ref()? {
        Outcome::Price(_) => None,
        Outcome::Refusal(refusal) => {
            let cause = RefusalCause::try_from(refusal.cause).unwrap_or_default();
            Some(plain(cause.as_str_name(), "REFUSAL_CAUSE_"))
        }
    }
}
