//! Zimnat's holdings: customers with their attributes and holdings, of which one is hidden.

use anyhow::bail;
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Eligibility, InsuranceTerms, Product, ProductKind};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::money::v1::Money;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::eval::rows::{ColumnIndex, DataTable, TableRow};
use crate::eval::sending::ProfileAttributes;

/// Columns before those of the products.
const BEFORE: [&str; 8] = [
    "ID",
    "join_date",
    "sex",
    "marital_status",
    "birth_year",
    "branch_code",
    "occupation_code",
    "occupation_category_code",
];
/// Every fifth row is a test row, from the first on.
const TEST_EVERY: usize = 5;
/// Step that selects the hidden product.
const HIDDEN_STEP: usize = 7_919;
/// Time between customers: every customer has an own instant, so that training can split by time.
const STEP_MS: i64 = 100;

/// A customer of the data set.
#[derive(Debug)]
pub(crate) struct PolicyHolder {
    /// Number of the row, from 0.
    pub(crate) row: usize,
    pub(crate) id: String,
    /// Products held, in the order of the columns.
    pub(crate) held: Vec<usize>,
    /// The hidden product, if the row is a test row.
    pub(crate) hidden: usize,
    attributes: [String; 5],
    birth_date_ms: Option<i64>,
    joined_ms: Option<i64>,
}

/// The data set.
#[derive(Debug)]
pub(crate) struct Holdings {
    pub(crate) products: Vec<String>,
    pub(crate) customers: Vec<PolicyHolder>,
}

impl PolicyHolder {
    pub(crate) fn is_test(&self) -> bool {
        self.row.is_multiple_of(TEST_EVERY)
    }

    /// Returns the holdings that are not hidden.
    pub(crate) fn known(&self) -> Vec<usize> {
        let hidden = self.is_test().then_some(self.hidden);
        let held = self.held.iter().copied();
        held.filter(|product| Some(*product) != hidden).collect()
    }

    fn of(
        row: usize,
        of: TableRow<'_>,
        columns: &[ColumnIndex; 8],
        products: usize,
    ) -> anyhow::Result<Self> {
        let mut held = Vec::new();
        for product in 0..products {
            match of.at(BEFORE.len() + product) {
                "1" => held.push(product),
                "0" => {}
                _ => bail!(of.wrong(ColumnIndex::at(BEFORE.len() + product), "0 or 1")),
            }
        }
        if held.is_empty() {
            bail!(of.wrong(columns[0], "a customer who holds one product at least"));
        }
        let [id, joined, sex, marital, born, branch, job, jobs] = *columns;
        let text = |column| of.text(column).to_owned();
        Ok(Self {
            row,
            // Rows of other origin may repeat an id: the row number makes it unique.
            id: format!("{row}-{}", of.text(id)),
            hidden: held[row * HIDDEN_STEP % held.len()],
            held,
            attributes: [
                text(sex),
                text(marital),
                text(branch),
                text(job),
                text(jobs),
            ],
            birth_date_ms: birth_date_ms(of, born)?,
            joined_ms: joined_ms(of, joined)?,
        })
    }

    /// Appends the customer's events: profile, consent, and known holdings. A customer who is
    /// recommended to is assumed to have consented.
    fn events(&self, products: &[String], at_ms: i64, into: &mut Vec<Event>) {
        let base = |suffix: &str, step: i64| Event {
            event_id: format!("zimnat-{}-{suffix}", self.row),
            customer_id: self.id.clone(),
            event_time_ms: at_ms + step,
            ..Event::default()
        };
        let mut attributes = ProfileAttributes::default();
        let [sex, marital, branch, job, jobs] = &self.attributes;
        attributes.number("birth_date_ms", self.birth_date_ms.map(|ms| ms as f64));
        attributes.number("customer_since_ms", self.joined_ms.map(|ms| ms as f64));
        attributes.text("gender", sex);
        attributes.text("marital_status", marital);
        attributes.text("branch", branch);
        attributes.text("occupation", job);
        attributes.text("occupation_group", jobs);
        into.extend(attributes.profile(base("profile", 0)));
        into.push(ProfileAttributes::consent(base("consent", 1)));
        for (place, product) in self.known().into_iter().enumerate() {
            into.push(Event {
                kind: EventKind::HoldingOpened.into(),
                product_id: products[product].clone(),
                product_kind: ProductKind::Insurance.into(),
                ..base(&format!("h{product}"), 2 + place as i64)
            });
        }
    }
}

/// Parses a year to the first of January, midnight UTC.
fn birth_date_ms(row: TableRow<'_>, column: ColumnIndex) -> anyhow::Result<Option<i64>> {
    let Some(year) = row.number::<f64>(column)? else {
        return Ok(None);
    };
    let date = Date::new(year as i16, 1, 1).ok().and_then(midnight_ms);
    match date.filter(|_| (1900.0..=2100.0).contains(&year)) {
        Some(ms) => Ok(Some(ms)),
        None => bail!(row.wrong(column, "a year, 1900 to 2100")),
    }
}

/// Parses a date as day/month/year.
fn joined_ms(row: TableRow<'_>, column: ColumnIndex) -> anyhow::Result<Option<i64>> {
    let text = row.text(column);
    if text.is_empty() {
        return Ok(None);
    }
    let parts: Vec<i16> = text
        .split('/')
        .filter_map(|part| part.parse().ok())
        .collect();
    let date = match parts[..] {
        [day, month, year] => Date::new(year, month as i8, day as i8).ok(),
        _ => None,
    };
    match date.and_then(midnight_ms) {
        Some(ms) => Ok(Some(ms)),
        None => bail!(row.wrong(column, "a date as day/month/year, or nothing")),
    }
}

fn midnight_ms(date: Date) -> Option<i64> {
    let midnight = date.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

impl Holdings {
    /// Reads and checks the rows.
    pub(crate) fn of(rows: &DataTable) -> anyhow::Result<Self> {
        let mut columns = Vec::with_capacity(BEFORE.len());
        for name in BEFORE {
            columns.push(rows.column(name)?);
        }
        let header = rows.header();
        let known = header.len() > BEFORE.len() && header[..BEFORE.len()] == BEFORE;
        let Ok(columns) = <[ColumnIndex; 8]>::try_from(columns) else {
            bail!("eight columns come before the products");
        };
        if !known {
            let before = BEFORE.join(", ");
            bail!("the columns are not those of the data set: {before}, then the products");
        }
        let products: Vec<String> = header[BEFORE.len()..]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        let customers = rows
            .iter()
            .enumerate()
            .map(|(row, of)| PolicyHolder::of(row, of, &columns, products.len()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            products,
            customers,
        })
    }

    /// Returns the events of all customers in order of time, ending before `until_ms`.
    pub(crate) fn events(&self, until_ms: i64) -> Vec<Event> {
        let mut events = Vec::with_capacity(self.customers.len() * 5);
        let longest = BEFORE.len() + self.products.len();
        let from_ms = until_ms - (self.customers.len() + longest) as i64 * STEP_MS;
        for customer in &self.customers {
            let at_ms = from_ms + customer.row as i64 * STEP_MS;
            customer.events(&self.products, at_ms, &mut events);
        }
        events
    }

    /// Returns the products. The data set has no terms: they are the same for all, no price is
    /// requested, and the models cannot learn from them.
    pub(crate) fn catalogue(&self) -> Vec<Product> {
        let money = |minor| {
            Some(Money {
                minor,
                currency: "USD".to_owned(),
            })
        };
        let product = |id: &String| Product {
            product_id: id.clone(),
            name: format!("Policy {id}"),
            kind: ProductKind::Insurance.into(),
            category: "policy".to_owned(),
            currency: "USD".to_owned(),
            active: true,
            eligibility: Some(Eligibility::default()),
            terms: Some(Terms::Insurance(InsuranceTerms {
                claim_frequency_ppm: 0,
                claim_severity: money(0),
                filed_min_premium: money(0),
                filed_max_premium: money(1),
                sum_insured: money(1),
            })),
            ..Product::default()
        };
        self.products.iter().map(product).collect()
    }
}

#[cfg(test)]
mod tests {
    use fairlead_registry::Registry;

    use super::*;
    use crate::eval::rows::tests::table;

    const HEADER: &str = "ID,join_date,sex,marital_status,birth_year,branch_code,occupation_code,occupation_category_code,A,B,C\n";

    fn holdings(rows: &str) -> anyhow::Result<Holdings> {
        Holdings::of(&table(&format!("{HEADER}{rows}"))?)
    }

    #[test]
    fn the_hidden_product_follows_the_rule_and_is_not_told() {
        let line = "X,1/2/2019,F,M,1987,1X1H,2A7I,T4MS,1,1,1\n";
        let all = holdings(&line.repeat(7)).expect("holdings");
        for customer in &all.customers {
            assert_eq!(customer.hidden, customer.row * 7_919 % 3);
        }
        let told = |row: usize| all.customers[row].known();
        assert_eq!(told(0), [1, 2]);
        assert_eq!(told(1), [0, 1, 2]);
        assert_eq!(all.customers[5].hidden, 5 * 7_919 % 3);
        assert!(!told(5).contains(&all.customers[5].hidden));
    }

    #[test]
    fn events_pass_the_door_with_the_attributes_of_the_row() {
        let registry = Registry::builtin();
        let all = holdings("X,1/2/2019,F,M,1987,1X1H,2A7I,T4MS,1,1,0\nY,,M,U,1960,a,b,c,0,1,1\n");
        let now_ms = 1_764_000_000_000;
        let mut events = all.expect("holdings").events(now_ms);
        for event in &mut events {
            event.tenant = "t".to_owned();
            registry.check_event(event, now_ms).expect("allowed");
            assert!(event.event_time_ms < now_ms);
        }
        let kinds: Vec<i32> = events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [10, 11, 5, 10, 11, 5, 5]);
        let number = |name: &str| match events[0].attributes[name].value {
            Some(fairlead_proto::event::v1::attribute_value::Value::Number(number)) => number,
            _ => f64::NAN,
        };
        // 1987-01-01 and 2019-02-01, the first of February: day before month.
        assert_eq!(number("birth_date_ms"), 536_457_600_000.0);
        assert_eq!(number("customer_since_ms"), 1_548_979_200_000.0);
        assert!(!events[3].attributes.contains_key("customer_since_ms"));
    }

    #[test]
    fn rows_that_cannot_be_used_are_named() {
        for (row, expected) in [
            ("X,1/2/2019,F,M,x,a,b,c,1,1,0\n", "birth_year `x`"),
            ("X,1/2/2019,F,M,3000,a,b,c,1,1,0\n", "birth_year `3000`"),
            ("X,1-2-2019,F,M,1980,a,b,c,1,1,0\n", "join_date `1-2-2019`"),
            (
                "X,32/1/2019,F,M,1980,a,b,c,1,1,0\n",
                "join_date `32/1/2019`",
            ),
            ("X,,F,M,1980,a,b,c,1,2,0\n", "B `2` is not allowed: 0 or 1"),
            ("X,,F,M,1980,a,b,c,0,0,0\n", "holds one product at least"),
        ] {
            let error = holdings(row).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = Holdings::of(&table("ID,A\nx,1\n").expect("a table")).expect_err("columns");
        assert!(
            error.to_string().contains("no column `join_date`"),
            "{error}"
        );
    }

    #[test]
    fn the_catalogue_passes_the_check_of_a_release() {
        let all = holdings("X,,F,M,1980,a,b,c,1,1,0\n").expect("holdings");
        for product in all.catalogue() {
            assert_eq!(fairlead_release::check_product(&product), []);
        }
    }
}
