//! The columns of each kind of file, and which of them a column of a file is.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::str::FromStr;

use anyhow::bail;

/// All columns of a catalogue.
pub(super) const CATALOGUE: &[&str] = &[
    "product_id",
    "name",
    "kind",
    "category",
    "currency",
    "active",
    "strategy_id",
    "listed_at_ms",
    "margin_minor",
    "tags",
    "eligibility.min_age_years",
    "eligibility.max_age_years",
    "eligibility.min_income_monthly_minor",
    "eligibility.regions",
    "eligibility.employment",
    "eligibility.new_customers_only",
    "eligibility.repeatable",
    "loan.min_amount.minor",
    "loan.min_amount.currency",
    "loan.max_amount.minor",
    "loan.max_amount.currency",
    "loan.amount_step_minor",
    "loan.tenors_months",
    "loan.repayment",
    "loan.origination_fee_ppm",
    "card.min_limit.minor",
    "card.min_limit.currency",
    "card.max_limit.minor",
    "card.max_limit.currency",
    "card.limit_step_minor",
    "card.annual_fee.minor",
    "card.annual_fee.currency",
    "fund.risk_class",
    "fund.subscription_fee_ppm",
    "fund.min_amount.minor",
    "fund.min_amount.currency",
    "fund.redemption_fees",
    "fund.trailing_fee_ppm",
    "deposit.yield_ppm",
    "deposit.tenor_months",
    "deposit.min_amount.minor",
    "deposit.min_amount.currency",
    "insurance.claim_frequency_ppm",
    "insurance.claim_severity.minor",
    "insurance.claim_severity.currency",
    "insurance.filed_min_premium.minor",
    "insurance.filed_min_premium.currency",
    "insurance.filed_max_premium.minor",
    "insurance.filed_max_premium.currency",
    "insurance.sum_insured.minor",
    "insurance.sum_insured.currency",
];

/// Columns that a catalogue must have.
pub(super) const CATALOGUE_NEEDED: &[&str] = &["product_id", "name", "kind", "currency"];

/// All columns of an events file, except `attributes.NAME`.
pub(super) const EVENTS: &[&str] = &[
    "event_id",
    "tenant",
    "customer_id",
    "kind",
    "event_time_ms",
    "product_id",
    "product_kind",
    "request_id",
    "position",
    "amount.minor",
    "amount.currency",
    "channel",
];

/// Columns that an events file must have.
pub(super) const EVENTS_NEEDED: &[&str] = &["customer_id", "kind"];

/// Columns that a customers file must have.
pub(super) const CUSTOMERS_NEEDED: &[&str] = &["customer_id"];

/// The columns that a rejects file has besides those of the rejected rows.
pub(crate) const REJECT: [&str; 3] = ["reject.line", "reject.cause", "reject.allowed"];
/// The text of a rejected row that is no object, in a rejects file of JSON lines.
pub(crate) const REJECT_ROW: &str = "reject.row";
/// Ending of the names of columns of numbers that are Unix milliseconds.
const MS: &str = "_ms";

/// A name of the file for a column: `--map COLUMN=FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The name in the file.
    pub column: String,
    /// The column that it is.
    pub field: String,
}

impl FromStr for ColumnMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.rsplit_once('=').map(|(column, field)| Self {
            column: column.trim().to_owned(),
            field: field.trim().to_owned(),
        });
        pair.filter(|pair| !pair.column.is_empty() && !pair.field.is_empty())
            .ok_or_else(|| "allowed: COLUMN=FIELD, as --map customer_number=customer_id".to_owned())
    }
}

/// A column that is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name in this crate.
    pub(crate) name: String,
    /// Its name in the file.
    source: String,
}

impl Column {
    /// Creates a column.
    pub(crate) fn new(name: &str, source: &str) -> Self {
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
        }
    }

    /// Returns whether the file's name of the column says that numbers are milliseconds.
    pub(crate) fn is_ms(&self) -> bool {
        // In proto JSON, the type of an attribute follows its name.
        let name = self.source.strip_suffix(".number");
        name.unwrap_or(&self.source).ends_with(MS)
    }
}

/// The columns that a kind of file may have.
#[derive(Debug, Clone)]
pub(crate) struct KnownColumns {
    /// Their names.
    pub(crate) names: Vec<String>,
    /// Beginnings of names that may go on in any way.
    pub(crate) open: &'static [&'static str],
}

impl KnownColumns {
    /// Creates the columns of these names.
    pub(crate) fn new(names: &[&str], open: &'static [&'static str]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            open,
        }
    }

    fn has(&self, name: &str) -> bool {
        let is_open = |open: &&str| name.len() > open.len() && name.starts_with(open);
        self.names.iter().any(|known| known == name) || self.open.iter().any(is_open)
    }

    /// Returns whether any name begins so.
    fn has_prefix(&self, prefix: &str) -> bool {
        let mut open = self.open.iter();
        self.names.iter().any(|name| name.starts_with(prefix))
            || open.any(|open| open.starts_with(prefix) || prefix.starts_with(open))
    }
}

/// Finds the columns of a file among those that are known.
pub(crate) struct Columns {
    known: KnownColumns,
    mapping: Vec<ColumnMapping>,
    found: HashMap<String, Option<Rc<Column>>>,
    ignored: BTreeSet<String>,
}

impl Columns {
    /// Creates a finder. A mapping to a column that is not known is an error.
    pub(crate) fn new(known: KnownColumns, mapping: &[ColumnMapping]) -> anyhow::Result<Self> {
        for ColumnMapping { column, field } in mapping {
            if !known.has(field) {
                bail!("--map {column}={field}: there is no field `{field}`; --help lists them");
            }
        }
        Ok(Self {
            known,
            mapping: mapping.to_vec(),
            found: HashMap::new(),
            ignored: BTreeSet::new(),
        })
    }

    /// Returns the column that a name of the file stands for, or `None` if it is not read.
    pub(crate) fn find(&mut self, source: &str) -> Option<Rc<Column>> {
        if let Some(found) = self.found.get(source) {
            return found.clone();
        }
        let found = self.look_up(source);
        self.found.insert(source.to_owned(), found.clone());
        found
    }

    fn look_up(&mut self, source: &str) -> Option<Rc<Column>> {
        let mapped = self.mapping.iter().find(|pair| pair.column == source);
        if let Some(pair) = mapped {
            return Some(Rc::new(Column::new(&pair.field, source)));
        }
        let name = snake(source);
        if self.known.has(&name) || name == REJECT[0] {
            return Some(Rc::new(Column::new(&name, &name)));
        }
        if !source.is_empty() && !REJECT.contains(&source) && source != REJECT_ROW {
            self.ignored.insert(source.to_owned());
        }
        None
    }

    /// Returns whether a name of the file stands for a column.
    pub(crate) fn is_known(&self, source: &str) -> bool {
        let is_mapped = self.mapping.iter().any(|pair| pair.column == source);
        is_mapped || self.known.has(&snake(source))
    }

    /// Returns whether the name of a column that is read may begin so in the file.
    pub(crate) fn may_begin(&self, prefix: &str) -> bool {
        let mut mapping = self.mapping.iter();
        mapping.any(|pair| pair.column.starts_with(prefix)) || self.known.has_prefix(&snake(prefix))
    }

    /// Finds the columns of a header. One that is needed and not there, one that is there twice,
    /// and a mapping of a column that is not there are errors.
    pub(crate) fn of_header(
        &mut self,
        header: &[String],
        needed: &[&str],
    ) -> anyhow::Result<Vec<Option<Rc<Column>>>> {
        let found: Vec<_> = header.iter().map(|name| self.find(name)).collect();
        let has = |name: &str| found.iter().flatten().any(|column| column.name == name);
        if let Some(pair) = self
            .mapping
            .iter()
            .find(|pair| !header.contains(&pair.column))
        {
            bail!(
                "--map {}={}: there is no column `{}`; there are {}",
                pair.column,
                pair.field,
                pair.column,
                header.join(", ")
            );
        }
        let missing: Vec<&str> = needed.iter().copied().filter(|name| !has(name)).collect();
        if !missing.is_empty() {
            bail!(
                "it lacks the columns {}; it has {} (--map COLUMN=FIELD says which is which)",
                missing.join(", "),
                header.join(", ")
            );
        }
        for (place, column) in found.iter().enumerate() {
            let Some(column) = column else { continue };
            let before = found[..place].iter().flatten();
            if before.into_iter().any(|other| other.name == column.name) {
                bail!("two columns are named `{}`", column.name);
            }
        }
        Ok(found)
    }

    /// Returns the names of the file that are not read.
    pub(crate) fn ignored(&self) -> impl Iterator<Item = &String> {
        self.ignored.iter()
    }
}

/// Converts `loan.minAmount` to `loan.min_amount`. The names of attributes are the sender's and
/// stay.
fn snake(name: &str) -> String {
    const OWN: &str = "attributes.";
    let (path, own) = match name.strip_prefix(OWN) {
        Some(own) => (OWN, own),
        None => (name, ""),
    };
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in path.chars() {
        let begins = snake.is_empty() || snake.ends_with('.');
        if letter.is_ascii_uppercase() && !begins {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake.push_str(own);
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(mapping: &[&str]) -> anyhow::Result<Columns> {
        let mapping: Vec<ColumnMapping> = mapping
            .iter()
            .map(|pair| pair.parse().expect("a pair"))
            .collect();
        Columns::new(KnownColumns::new(EVENTS, &["attributes."]), &mapping)
    }

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_column_is_found_by_its_name_in_either_case_or_by_a_mapping() {
        let mut columns = columns(&["Kundennr.=customer_id"]).expect("known fields");
        let names = [
            "Kundennr.",
            "kind",
            "amount.minor",
            "eventTimeMs",
            "attributes.someName",
            "Note",
        ];
        let found = columns
            .of_header(&header(&names), EVENTS_NEEDED)
            .expect("columns");
        let found: Vec<&str> = found
            .iter()
            .flatten()
            .map(|one| one.name.as_str())
            .collect();
        let expected = [
            "customer_id",
            "kind",
            "amount.minor",
            "event_time_ms",
            "attributes.someName",
        ];
        assert_eq!(found, expected);
        assert_eq!(columns.ignored().collect::<Vec<_>>(), ["Note"]);
        assert!(columns.find("eventTimeMs").expect("found").is_ms());
        let typed = columns.find("attributes.birth_date_ms.number");
        assert!(typed.expect("found").is_ms());
        assert!(!columns.find("Kundennr.").expect("found").is_ms());
        assert_eq!(columns.find("reject.cause"), None);
        assert_eq!(
            columns.ignored().count(),
            1,
            "rejects files are imported again"
        );
    }

    #[test]
    fn a_mapping_that_cannot_be_is_named() {
        let unknown = columns(&["a=shoe_size"]).err().expect("no such field");
        assert!(
            unknown.to_string().contains("no field `shoe_size`"),
            "{unknown}"
        );
        let mut absent = columns(&["a=customer_id"]).expect("a known field");
        let error = absent
            .of_header(&header(&["b", "kind"]), EVENTS_NEEDED)
            .expect_err("no a");
        assert!(
            error
                .to_string()
                .contains("no column `a`; there are b, kind"),
            "{error}"
        );
        let mut twice = columns(&["a=kind"]).expect("a known field");
        let names = header(&["customer_id", "kind", "a"]);
        let error = twice.of_header(&names, EVENTS_NEEDED).expect_err("twice");
        assert!(
            error.to_string().contains("two columns are named `kind`"),
            "{error}"
        );
        assert!("a".parse::<ColumnMapping>().is_err() && "=b".parse::<ColumnMapping>().is_err());
        let pair: ColumnMapping = "a=b=kind".parse().expect("a pair");
        assert_eq!((pair.column.as_str(), pair.field.as_str()), ("a=b", "kind"));
    }
}
