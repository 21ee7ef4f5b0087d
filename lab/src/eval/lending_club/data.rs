//! Lending Club's loans as applications: the amounts and terms requested, and the applicants'
//! attributes.

use anyhow::bail;
use fairlead_proto::event::v1::Event;
use fairlead_proto::money::v1::Money;

use crate::eval::rows::{ColumnIndex, DataTable, TableRow};
use crate::eval::sending::ProfileAttributes;

/// The year up to which credit histories are counted: all loans were issued in its first quarter.
const ISSUED: i32 = 2018;
/// Time between two applications in the log.
const STEP_MS: i64 = 10;

const COLUMNS: [&str; 14] = [
    "annual_income",
    "debt_to_income",
    "annual_income_joint",
    "debt_to_income_joint",
    "application_type",
    "loan_amount",
    "term",
    "grade",
    "state",
    "delinq_2y",
    "inquiries_last_12m",
    "earliest_credit_line",
    "total_credit_utilized",
    "total_credit_limit",
];

/// One application.
#[derive(Debug)]
pub(crate) struct Application {
    /// Number of the row, from 0.
    row: usize,
    pub(crate) customer_id: String,
    /// The grade that Lending Club assigned.
    pub(crate) grade: String,
    pub(crate) amount: Money,
    pub(crate) months: i32,
    state: String,
    /// Dollars a month.
    income: Option<f64>,
    /// A share; of both applicants' income if two apply together.
    debt_to_income: Option<f64>,
    delinquencies: Option<f64>,
    inquiries: Option<f64>,
    history_months: Option<f64>,
    /// Dollars used of all credit lines, and their limits.
    used: Option<f64>,
    limits: Option<f64>,
}

/// Reads and checks the applications.
pub(crate) fn applications(rows: &DataTable) -> anyhow::Result<Vec<Application>> {
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for name in COLUMNS {
        columns.push(rows.column(name)?);
    }
    let mut all = Vec::with_capacity(rows.len());
    for (row, of) in rows.iter().enumerate() {
        all.push(Application::of(row, of, &columns)?);
    }
    Ok(all)
}

impl Application {
    fn of(row: usize, of: TableRow<'_>, columns: &[ColumnIndex]) -> anyhow::Result<Self> {
        let [
            income,
            debts,
            both_income,
            both_debts,
            kind,
            amount,
            term,
            grade,
            rest @ ..,
        ] = columns
        else {
            bail!("fourteen columns are read");
        };
        let [state, late, inquiries, oldest, used, limits] = rest else {
            bail!("fourteen columns are read");
        };
        let number = |column: &ColumnIndex| -> anyhow::Result<Option<f64>> {
            match of.number::<f64>(*column)? {
                Some(value) if !value.is_finite() || value < 0.0 => {
                    Err(of.wrong(*column, "a number, not negative"))
                }
                value => Ok(value),
            }
        };
        let joint = of.text(*kind) == "joint" && number(both_income)?.is_some();
        let (income, debts) = if joint {
            (both_income, both_debts)
        } else {
            (income, debts)
        };
        let oldest = of.number::<i32>(*oldest)?;
        if of.text(*grade).is_empty() {
            return Err(of.wrong(*grade, "a grade"));
        }
        Ok(Self {
            row,
            customer_id: format!("loan-{row}"),
            grade: of.text(*grade).to_owned(),
            amount: dollars(of, *amount)?,
            months: months(of, *term)?,
            state: of.text(*state).to_owned(),
            income: number(income)?.map(|yearly| yearly / 12.0),
            debt_to_income: number(debts)?.map(|percent| percent / 100.0),
            delinquencies: number(late)?,
            inquiries: number(inquiries)?,
            history_months: oldest.map(|year| f64::from((ISSUED - year).clamp(0, 100) * 12)),
            used: number(used)?,
            limits: number(limits)?,
        })
    }

    /// Returns the profile update of the applicant, or `None` if the row has no attribute.
    pub(crate) fn event(&self, from_ms: i64) -> Option<Event> {
        let cents = |dollars: Option<f64>| dollars.map(|dollars| (dollars * 100.0).round());
        let ppm = |share: Option<f64>| share.map(|share| (share * 1e6).round());
        let service = self
            .income
            .zip(self.debt_to_income)
            .map(|(income, share)| income * share);
        let utilisation = self
            .used
            .zip(self.limits)
            .filter(|(_, limits)| *limits > 0.0);
        let mut attributes = ProfileAttributes::default();
        attributes.text("bureau_grade", &self.grade);
        attributes.text("region", &self.state);
        attributes.number("income_monthly_minor", cents(self.income));
        attributes.number("debt_service_monthly_minor", cents(service));
        attributes.number("debt_to_income_ppm", ppm(self.debt_to_income));
        attributes.number("exposure_elsewhere_minor", cents(self.used));
        let utilisation = utilisation.map(|(used, limits)| used / limits);
        attributes.number("revolving_utilisation_ppm", ppm(utilisation));
        attributes.number("delinquencies_2y", self.delinquencies);
        attributes.number("inquiries_12m", self.inquiries);
        attributes.number("credit_history_months", self.history_months);
        attributes.profile(Event {
            event_id: format!("lending-club-{}", self.row),
            customer_id: self.customer_id.clone(),
            event_time_ms: from_ms + self.row as i64 * STEP_MS,
            ..Event::default()
        })
    }
}

/// Returns the events of all applicants, in order of time, ending before `until_ms`.
pub(crate) fn events(applications: &[Application], until_ms: i64) -> Vec<Event> {
    let from_ms = until_ms - (applications.len() as i64 + 1) * STEP_MS;
    applications
        .iter()
        .filter_map(|one| one.event(from_ms))
        .collect()
}

/// Parses an integer number of dollars.
fn dollars(row: TableRow<'_>, column: ColumnIndex) -> anyhow::Result<Money> {
    let amount: f64 = row.needed(column)?;
    if amount.fract() != 0.0 || !(1.0..1e9).contains(&amount) {
        return Err(row.wrong(column, "whole dollars, 1 or more"));
    }
    Ok(Money {
        minor: amount as i64 * 100,
        currency: "USD".to_owned(),
    })
}

/// Parses "36" or "36 months".
fn months(row: TableRow<'_>, column: ColumnIndex) -> anyhow::Result<i32> {
    let text = row.text(column);
    let digits = text.strip_suffix("months").unwrap_or(text).trim();
    digits
        .parse()
        .map_err(|_| row.wrong(column, "months, as 36"))
}

#[cfg(test)]
mod tests {
    use fairlead_proto::event::v1::attribute_value::Value;
    use fairlead_registry::Registry;

    use super::*;
    use crate::eval::rows::tests::table;

    fn read(row: &str) -> anyhow::Result<Vec<Application>> {
        applications(&table(&format!("{}\n{row}\n", COLUMNS.join(",")))?)
    }

    #[test]
    fn an_application_becomes_a_profile_that_passes_the_door() {
        let row = "90000,18.01,NA,NA,individual,28000,60,C,NJ,0,6,2001,38767,70795";
        let all = read(row).expect("an application");
        assert_eq!((all[0].amount.minor, all[0].months), (2_800_000, 60));
        let now_ms = 1_764_000_000_000;
        let mut events = events(&all, now_ms);
        events[0].tenant = "t".to_owned();
        let registry = Registry::builtin();
        registry.check_event(&events[0], now_ms).expect("allowed");
        let number = |name: &str| match events[0].attributes[name].value {
            Some(Value::Number(number)) => number,
            _ => f64::NAN,
        };
        assert_eq!(number("income_monthly_minor"), 750_000.0);
        assert_eq!(number("debt_service_monthly_minor"), 135_075.0);
        assert_eq!(number("debt_to_income_ppm"), 180_100.0);
        assert_eq!(number("exposure_elsewhere_minor"), 3_876_700.0);
        assert_eq!(number("credit_history_months"), 204.0);
        for name in events[0].attributes.keys() {
            assert!(registry.reads_attribute(events[0].kind(), name), "{name}");
        }
    }

    #[test]
    fn two_who_apply_together_are_judged_together() {
        let row = "35000,57.96,57000,37.66,joint,5000,36,B,HI,0,1,1996,1,2";
        let all = read(row).expect("an application");
        assert_eq!(all[0].income, Some(4_750.0));
        assert_eq!(all[0].debt_to_income, Some(0.3766));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let all = read("0,,,,individual,5000,36 months,B,HI,0,1,1996,,").expect("an application");
        let event = all[0].event(1_000).expect("a profile");
        assert!(!event.attributes.contains_key("debt_service_monthly_minor"));
        assert!(!event.attributes.contains_key("revolving_utilisation_ppm"));
    }

    #[test]
    fn rows_that_cannot_be_used_are_named() {
        for (row, expected) in [
            (
                "x,1,,,individual,5000,36,B,HI,0,1,1996,1,2",
                "annual_income `x`",
            ),
            (
                "-1,1,,,individual,5000,36,B,HI,0,1,1996,1,2",
                "annual_income `-1`",
            ),
            (
                "1,1,,,individual,50.5,36,B,HI,0,1,1996,1,2",
                "loan_amount `50.5`",
            ),
            ("1,1,,,individual,NA,36,B,HI,0,1,1996,1,2", "loan_amount ``"),
            (
                "1,1,,,individual,5000,long,B,HI,0,1,1996,1,2",
                "term `long`",
            ),
            ("1,1,,,individual,5000,36,,HI,0,1,1996,1,2", "grade ``"),
            (
                "1,NaN,,,individual,5000,36,B,HI,0,1,1996,1,2",
                "debt_to_income `NaN`",
            ),
        ] {
            let error = read(row).expect_err(expected).to_string();
            assert!(
                error.contains(expected) && error.contains("line 2"),
                "{error}"
            );
        }
        let error = applications(&table("grade\nA\n").expect("a table")).expect_err("columns");
        assert!(
            error.to_string().contains("no column `annual_income`"),
            "{error}"
        );
    }

    #[test]
    fn the_real_loans_are_read() {
        let Some(folder) = fairlead_testkit::data_dir("lending_club") else {
            return;
        };
        let rows = DataTable::read(&folder, "loans_2018q1").expect("the file");
        let all = applications(&rows).expect("applications");
        assert_eq!(all.len(), 10_000);
        assert_eq!(all.iter().filter(|one| one.grade == "G").count(), 12);
        assert!(all.iter().all(|one| [36, 60].contains(&one.months)));
    }
}
