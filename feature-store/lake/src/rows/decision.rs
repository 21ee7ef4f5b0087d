//! The tables of decisions: one row per decision record, and one per candidate of it.

use bytes::Bytes;
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use fairlead_domain::TenantId;
use fairlead_proto::decision::v1::{DecidedCandidate, DecisionRecord};
use fairlead_proto::pricing::v1::priced::Outcome;
use fairlead_proto::pricing::v1::{Price, RefusalCause};
use fairlead_proto::recall::v1::DropCause;
use prost::Message as _;

use super::column::Column;
use super::event::product_kind;
use super::{Appended, LogRow, json, log_columns, non_empty, short_name};
use crate::name::{Day, Folder};
use crate::table::Table;

type DecisionColumn = Column<'static, LogRow<DecisionRecord>>;
type ItemColumn<'r> = Column<'r, ItemRow<'r>>;

/// A candidate of a decision.
pub(super) struct ItemRow<'r> {
    appended: Appended,
    record: &'r DecisionRecord,
    item: &'r DecidedCandidate,
}

impl ItemRow<'_> {
    fn price(&self) -> Option<&Price> {
        match self.item.priced.as_ref()?.outcome.as_ref()? {
            Outcome::Price(price) => Some(price),
            Outcome::Refusal(_) => None,
        }
    }

    fn refusal_cause(&self) -> Option<String> {
        match self.item.priced.as_ref()?.outcome.as_ref()? {
            Outcome::Price(_) => None,
            Outcome::Refusal(refusal) => {
                let cause = RefusalCause::try_from(refusal.cause).unwrap_or_default();
                Some(short_name(cause.as_str_name(), "REFUSAL_CAUSE_"))
            }
        }
    }

    fn drop_cause(&self) -> Option<String> {
        let cause = DropCause::try_from(self.item.drop_cause).ok()?;
        (cause != DropCause::Unspecified).then(|| short_name(cause.as_str_name(), "DROP_CAUSE_"))
    }
}

/// Decodes a decision record and returns it with its folder, or `None` if it is unreadable or
/// belongs to no folder.
pub(super) fn decode(payload: &Bytes) -> Option<(Folder, DecisionRecord)> {
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
        kind: if record.acceptance.is_some() {
            "acceptance".into()
        } else {
            "decision".into()
        },
        day: Day::from_ms(record.decided_at_ms)?,
    };
    Some((folder, record))
}

/// Returns the folder of the candidates of the decisions in `decisions`.
pub(super) fn items_folder(decisions: &Folder) -> Folder {
    Folder {
        table: Table::DecisionItems,
        kind: "decision_item".into(),
        ..decisions.clone()
    }
}

/// Returns the candidates of all decisions.
pub(super) fn items(rows: &[LogRow<DecisionRecord>]) -> Vec<ItemRow<'_>> {
    let items = rows.iter().flat_map(|row| {
        row.message.candidates.iter().map(move |item| ItemRow {
            appended: row.appended,
            record: &row.message,
            item,
        })
    });
    items.collect()
}

pub(super) fn columns() -> Vec<DecisionColumn> {
    let mut columns = vec![
        DecisionColumn::text("request_id", |row| &row.message.request_id),
        DecisionColumn::text("customer_id", |row| &row.message.customer_id),
        DecisionColumn::instant("decided_at", |row| row.message.decided_at_ms),
        DecisionColumn::number::<Int64Type>("release_revision", |row| row.message.release_revision),
        DecisionColumn::boolean("personalised", |row| row.message.personalised),
        DecisionColumn::optional_text("channel", |row| non_empty(&row.message.channel)),
        DecisionColumn::optional_text("campaign", |row| non_empty(&row.message.campaign)),
        DecisionColumn::optional_text("client_reference", |row| {
            non_empty(&row.message.client_reference)
        }),
        DecisionColumn::number::<Int32Type>("candidates", |row| {
            row.message.candidates.len() as i32
        }),
        DecisionColumn::texts("slate", |row| &row.message.slate),
        DecisionColumn::texts("model_versions", |row| &row.message.model_versions),
        DecisionColumn::optional_text("quote_id", |row| {
            row.message
                .quote
                .as_ref()
                .map(|quote| quote.quote_id.as_str())
        }),
        DecisionColumn::number::<Int64Type>("seed", |row| row.message.seed.cast_signed()),
        DecisionColumn::number::<Float64Type>("took_ms", |row| {
            row.message.stage_ms.values().sum::<f64>()
        }),
        DecisionColumn::made_text("stage_ms", |row| json(&row.message.stage_ms)),
        DecisionColumn::made_text("segments", |row| json(&row.message.segments)),
        DecisionColumn::made_text("exposures", |row| json(&row.message.exposures)),
        DecisionColumn::made_text("degraded", |row| json(&row.message.degraded)),
        DecisionColumn::made_text("drops", |row| json(&row.message.drops)),
        DecisionColumn::made_text("features", |row| json(&row.message.features)),
        DecisionColumn::optional_made_text("quote", |row| row.message.quote.as_ref().map(json)),
        DecisionColumn::optional_made_text("refusal", |row| row.message.refusal.as_ref().map(json)),
        DecisionColumn::optional_made_text("acceptance", |row| {
            row.message.acceptance.as_ref().map(json)
        }),
    ];
    columns.extend(log_columns(|row: &LogRow<DecisionRecord>| row.appended));
    columns
}

pub(super) fn item_columns<'r>() -> Vec<ItemColumn<'r>> {
    let mut columns = vec![
        ItemColumn::text("request_id", |row| &row.record.request_id),
        ItemColumn::text("customer_id", |row| &row.record.customer_id),
        ItemColumn::instant("decided_at", |row| row.record.decided_at_ms),
        ItemColumn::number::<Int64Type>("release_revision", |row| row.record.release_revision),
        ItemColumn::text("product_id", |row| &row.item.product_id),
        ItemColumn::optional_number::<Int32Type>("position", |row| {
            (row.item.position != 0).then_some(row.item.position)
        }),
        ItemColumn::optional_made_text("drop_cause", ItemRow::drop_cause),
        ItemColumn::number::<Float64Type>("p_click", |row| row.item.p_click),
        ItemColumn::number::<Float64Type>("p_convert", |row| row.item.p_convert),
        ItemColumn::number::<Float64Type>("p_convert_at_price", |row| row.item.p_convert_at_price),
        ItemColumn::number::<Float64Type>("expected_value", |row| row.item.expected_value),
        ItemColumn::number::<Float64Type>("propensity", |row| row.item.propensity),
    ];
    columns.extend(price_columns());
    columns.extend([
        ItemColumn::optional_made_text("refusal_cause", ItemRow::refusal_cause),
        ItemColumn::made_text("sources", |row| json(&row.item.sources)),
        ItemColumn::optional_made_text("priced", |row| row.item.priced.as_ref().map(json)),
    ]);
    columns.extend(log_columns(|row: &ItemRow<'r>| row.appended));
    columns
}

/// Returns the columns of a candidate's price, which are null without one.
fn price_columns<'r>() -> [ItemColumn<'r>; 11] {
    [
        ItemColumn::optional_text("product_kind", |row| {
            row.price().and_then(|price| product_kind(price.kind))
        }),
        ItemColumn::optional_number::<Int64Type>("amount_minor", |row| {
            row.price()?.amount.as_ref().map(|amount| amount.minor)
        }),
        ItemColumn::optional_text("currency", |row| {
            let amount = row.price()?.amount.as_ref();
            amount.map(|amount| amount.currency.as_str())
        }),
        ItemColumn::optional_number::<Int32Type>("tenor_months", |row| {
            row.price().map(|price| price.tenor_months)
        }),
        ItemColumn::optional_number::<Int64Type>("rate_ppm", |row| {
            row.price().map(|price| price.rate_ppm)
        }),
        ItemColumn::optional_number::<Int64Type>("all_in_ppm", |row| {
            row.price().map(|price| price.all_in_ppm)
        }),
        ItemColumn::optional_number::<Int64Type>("instalment_minor", |row| {
            row.price()?.instalment.as_ref().map(|amount| amount.minor)
        }),
        ItemColumn::optional_text("grade", |row| non_empty(&row.price()?.grade)),
        ItemColumn::optional_number::<Float64Type>("pd", |row| row.price().map(|price| price.pd)),
        ItemColumn::optional_text("strategy", |row| {
            row.price().map(|price| price.strategy.as_str())
        }),
        ItemColumn::optional_number::<Int64Type>("expected_margin_minor", |row| {
            row.price().map(|price| price.expected_margin_minor)
        }),
    ]
}
