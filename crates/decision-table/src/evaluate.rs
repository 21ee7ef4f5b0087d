//! Evaluation: gives one outcome, or the reason why there is none.

use smallvec::SmallVec;

use crate::domain::{Domain, Outside};
use crate::grid::ones;
use crate::schema::Schema;
use crate::table::Table;
use crate::value::Value;

/// The row of a table that some inputs match, with its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'t> {
    /// The number of the row: 1 is the first after the header. Where several rows with the same
    /// outputs match, it is the first of them.
    pub row: usize,
    /// Its outputs, in the schema's order.
    pub outputs: &'t [Value<'static>],
    schema: &'t Schema,
}

impl<'t> Match<'t> {
    /// Returns an output by its column's name, or `None` if the schema has no such output.
    pub fn output(&self, name: &str) -> Option<&'t Value<'static>> {
        self.outputs.get(self.schema.output(name)?)
    }
}

/// The reason why a table gives no outputs for some inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMatch {
    /// There are more or fewer values than inputs.
    #[error("table {table:?} was given {given} values; allowed: {expected}, one per input")]
    Count {
        /// The table.
        table: String,
        /// The number of values given.
        given: usize,
        /// The number of inputs of the table.
        expected: usize,
    },
    /// An input is missing.
    #[error("table {table:?}: input {input:?} is missing; allowed: {allowed}")]
    Missing {
        /// The table.
        table: String,
        /// The input.
        input: String,
        /// The column's domain.
        allowed: String,
    },
    /// An input is of another kind than its column.
    #[error("table {table:?}: input {input:?} is {value}, {value_type}; allowed: {allowed}")]
    OtherKind {
        /// The table.
        table: String,
        /// The input.
        input: String,
        /// The value.
        value: String,
        /// The type of the value, such as `money`.
        value_type: &'static str,
        /// The column's domain.
        allowed: String,
    },
    /// An input lies outside its column's domain.
    #[error("table {table:?}: input {input:?} is {value}; allowed: {allowed}")]
    OutOfRange {
        /// The table.
        table: String,
        /// The input.
        input: String,
        /// The value.
        value: String,
        /// The column's domain.
        allowed: String,
    },
    /// No row matches.
    #[error("table {table:?} has no row for {inputs}: input {input:?} rules out the last rows")]
    NoRow {
        /// The table.
        table: String,
        /// The inputs.
        inputs: String,
        /// The first input, in the schema's order, after which no row is left; empty for a table
        /// without rows.
        input: String,
    },
    /// Rows with different outputs match.
    #[error("table {table:?} contradicts itself for {inputs}: rows {rows:?} all match")]
    Conflict {
        /// The table.
        table: String,
        /// The inputs.
        inputs: String,
        /// The rows that match.
        rows: Vec<usize>,
    },
}

/// The rows that accept each input, as bits.
type Candidates<'t> = SmallVec<[&'t [u64]; 16]>;

impl Table {
    /// Returns the outputs for some inputs, given in the schema's order.
    ///
    /// The hit policy is unique: exactly one row must match. Several rows may match if their
    /// outputs are equal, as the outcome is then the same; [`lint`](crate::lint) warns of them.
    ///
    /// # Errors
    /// Returns a [`NoMatch`] if an input is missing, of another kind or out of range, if no row
    /// matches, or if rows with different outputs match. There is no default.
    pub fn evaluate(&self, inputs: &[Value<'_>]) -> Result<Match<'_>, NoMatch> {
        let candidates = self.candidates(inputs)?;
        let mut found: Option<usize> = None;
        for word in 0..self.words() {
            let mut rows = self.matching(&candidates, word);
            while rows != 0 {
                let row = word * 64 + rows.trailing_zeros() as usize;
                rows &= rows - 1;
                match found {
                    None => found = Some(row),
                    Some(first) if self.rows[first].outcome == self.rows[row].outcome => {}
                    Some(_) => return Err(self.conflict(&candidates, inputs)),
                }
            }
        }
        let row = found.ok_or_else(|| self.no_row(&candidates, inputs))?;
        Ok(Match {
            row: row + 1,
            outputs: &self.rows[row].outputs,
            schema: &self.schema,
        })
    }

    /// Returns the numbers of all rows that match some inputs, whatever their outputs.
    ///
    /// # Errors
    /// Returns a [`NoMatch`] if an input is missing, of another kind, or out of range.
    pub fn matching_rows(&self, inputs: &[Value<'_>]) -> Result<Vec<usize>, NoMatch> {
        let candidates = self.candidates(inputs)?;
        Ok(self.matching_numbers(&candidates))
    }

    /// Returns the number of words that hold one bit per row.
    fn words(&self) -> usize {
        crate::grid::words_for(self.rows.len())
    }

    /// Looks up the rows that accept each input.
    fn candidates(&self, inputs: &[Value<'_>]) -> Result<Candidates<'_>, NoMatch> {
        if inputs.len() != self.domains.len() {
            return Err(NoMatch::Count {
                table: self.name.clone(),
                given: inputs.len(),
                expected: self.domains.len(),
            });
        }
        let mut candidates = Candidates::new();
        for (input, value) in inputs.iter().enumerate() {
            match self.domains[input].position(value) {
                Ok(position) => candidates.push(self.grids[input].rows_at(position)),
                Err(outside) => return Err(self.outside(input, value, outside)),
            }
        }
        Ok(candidates)
    }

    /// Returns one word of the rows that accept every input; all rows if there are no inputs.
    fn matching(&self, candidates: &Candidates<'_>, word: usize) -> u64 {
        let rest = self.rows.len() - word * 64;
        let all = if rest >= 64 {
            u64::MAX
        } else {
            (1 << rest) - 1
        };
        candidates
            .iter()
            .fold(all, |rows, candidate| rows & candidate[word])
    }

    /// Returns the 1-based numbers of the rows that accept every input.
    fn matching_numbers(&self, candidates: &Candidates<'_>) -> Vec<usize> {
        let rows: Vec<u64> = (0..self.words())
            .map(|word| self.matching(candidates, word))
            .collect();
        ones(&rows).map(|row| row + 1).collect()
    }

    /// Makes the error of a value that is not in its column's domain.
    fn outside(&self, input: usize, value: &Value<'_>, outside: Outside) -> NoMatch {
        let column = &self.schema.inputs()[input];
        let (table, allowed) = (self.name.clone(), column.kind.literals());
        let value_type = value.type_name();
        let (input, value) = (column.name.clone(), value.to_string());
        match outside {
            Outside::Missing => NoMatch::Missing {
                table,
                input,
                allowed,
            },
            Outside::OtherKind => NoMatch::OtherKind {
                table,
                input,
                value,
                value_type,
                allowed,
            },
            Outside::Beyond => NoMatch::OutOfRange {
                table,
                input,
                value,
                allowed,
            },
        }
    }

    /// Makes the error of inputs that no row matches.
    fn no_row(&self, candidates: &Candidates<'_>, inputs: &[Value<'_>]) -> NoMatch {
        let is_empty_up_to = |count: &usize| {
            let some: Candidates<'_> = candidates.iter().take(*count).copied().collect();
            (0..self.words()).all(|word| self.matching(&some, word) == 0)
        };
        // With no input looked at, every row is left; there is none only in a table without rows.
        let count = (0..=candidates.len())
            .find(is_empty_up_to)
            .unwrap_or_default();
        let last = count
            .checked_sub(1)
            .and_then(|last| self.schema.inputs().get(last));
        NoMatch::NoRow {
            table: self.name.clone(),
            inputs: self.written(inputs),
            input: last.map_or_else(String::new, |column| column.name.clone()),
        }
    }

    /// Makes the error of inputs that rows with different outputs match.
    fn conflict(&self, candidates: &Candidates<'_>, inputs: &[Value<'_>]) -> NoMatch {
        NoMatch::Conflict {
            table: self.name.clone(),
            inputs: self.written(inputs),
            rows: self.matching_numbers(candidates),
        }
    }

    /// Writes inputs for messages, such as `grade = C, tenor = 24`.
    pub(crate) fn written(&self, inputs: &[Value<'_>]) -> String {
        let written = |((column, domain), value): ((&crate::Column, &Domain), &Value<'_>)| {
            let value = domain.position(value).map_or_else(
                |_| value.to_string(),
                |position| match value {
                    // An unmentioned label has no position of its own.
                    Value::Label(label) => crate::literal::write_label(label),
                    _ => domain.literal(position),
                },
            );
            format!("{} = {value}", column.name)
        };
        let columns = self.schema.inputs().iter().zip(&self.domains);
        let parts: Vec<String> = columns.zip(inputs).map(written).collect();
        if parts.is_empty() {
            "no inputs".to_owned()
        } else {
            parts.join(", ")
        }
    }
}
