//! Coverage: finds the part of a box that a union of boxes does not cover.
//!
//! The search goes through the columns depth first. In each, the values fall into classes that
//! match the same rows; below a class only those rows matter. A branch ends where no row is left (a
//! hole), or where it is known to be covered: one row accepts all that remains, or the same branch
//! was searched before, or (if no two rows overlap) the rows' volumes add up to the volume that
//! remains. In that last case the search goes straight to the holes; otherwise it may take
//! exponential time, as the problem is co-NP-complete, and so it has a budget of steps.
//!
//! A hole is grown to a box that touches rows on every side, then counts as a row itself, and the
//! search starts again: so the holes are few, large and disjoint.

use std::collections::{HashMap, HashSet};

use crate::grid::{Grid, ones, words_for};
use crate::set::{Interval, Set};
use crate::table::Table;

/// A query: the part of a box that no row covers.
pub(crate) struct CoverageQuery<'t> {
    /// The box, one set per input.
    pub(crate) within: Vec<&'t Set>,
    /// The rows, by position in the table.
    pub(crate) rows: Vec<usize>,
    /// `true` if no two of the rows overlap.
    pub(crate) disjoint: bool,
    /// The largest number of holes to find.
    pub(crate) limit: usize,
}

/// The answer to a query.
pub(crate) struct Coverage {
    /// Disjoint regions that no row covers; one set per input.
    pub(crate) holes: Vec<Vec<Set>>,
    /// The state of what lies outside them.
    pub(crate) remainder: Remainder,
}

/// The state of the part of a box that lies in no hole found so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remainder {
    /// Rows cover it.
    Covered,
    /// It has holes, more than the query asked for.
    Holes,
    /// The steps did not suffice to tell.
    Unknown,
}

/// Answers a query, taking steps from a budget.
pub(crate) fn holes(table: &Table, query: &CoverageQuery<'_>, steps: &mut u64) -> Coverage {
    // Cutting the columns up is work as well: each elementary interval is looked at once.
    let cost = (0..table.domains.len()).map(|input| Grid::size(&cells_of(table, query, input)));
    let Some(rest) = steps.checked_sub(cost.sum::<usize>() as u64) else {
        *steps = 0;
        return Coverage {
            holes: Vec::new(),
            remainder: Remainder::Unknown,
        };
    };
    *steps = rest;
    let mut search = Search::new(table, query, *steps);
    let mut holes: Vec<Vec<Set>> = Vec::new();
    let remainder = loop {
        let all = search.all_rows();
        match search.first_hole(0, &all) {
            Err(OutOfSteps) => break Remainder::Unknown,
            Ok(None) => break Remainder::Covered,
            Ok(Some(_)) if holes.len() == query.limit => break Remainder::Holes,
            Ok(Some(path)) => {
                let hole = search.grow(path);
                holes.push(search.region(query, &hole));
                search.fill(&hole);
            }
        }
    };
    *steps = search.steps;
    Coverage { holes, remainder }
}

/// A class of values of a column: those that match the same rows.
struct Class {
    values: Vec<Interval>,
    /// Rows first, then the holes that were filled.
    rows: Vec<u64>,
}

impl Class {
    /// Returns `true` if a row accepts the class.
    fn has(&self, row: usize) -> bool {
        (self.rows[row / 64] >> (row % 64)) & 1 == 1
    }
}

/// The error of a search whose budget is used up.
struct OutOfSteps;

/// The most words of covered branches that a search remembers: 32 MiB. A larger search only takes
/// longer.
const MAX_MEMORY: usize = 4 * 1024 * 1024;

/// A part of the box: for each column in the order of the search, the classes of its values.
type Part = Vec<Vec<usize>>;

/// A depth-first search for holes.
struct Search {
    /// The inputs in the order of the search: those with the fewest classes first.
    order: Vec<usize>,
    /// The classes of each input, in the order of the search.
    classes: Vec<Vec<Class>>,
    /// For each row, the depth from which on it accepts all that remains.
    full_from: Vec<usize>,
    /// `Some` if no two rows overlap and the numbers fit.
    volumes: Option<Volumes>,
    /// Depth and rows of branches that are known to be covered.
    covered: HashSet<(usize, Vec<u64>)>,
    steps: u64,
}

/// Volumes, counted in classes, of what remains from each depth on.
struct Volumes {
    /// The volumes of each row.
    rows: Vec<Vec<u128>>,
    /// The volumes of the box.
    total: Vec<u128>,
}

impl Search {
    fn new(table: &Table, query: &CoverageQuery<'_>, steps: u64) -> Self {
        let mut columns: Vec<(usize, Vec<Class>)> = (0..table.domains.len())
            .map(|input| (input, classes_of(table, query, input)))
            .collect();
        columns.sort_by_key(|(_, classes)| classes.len());
        let (order, classes): (Vec<usize>, Vec<Vec<Class>>) = columns.into_iter().unzip();
        let mut search = Self {
            order,
            volumes: query
                .disjoint
                .then(|| Volumes::of_columns(&classes))
                .flatten(),
            classes,
            full_from: Vec::new(),
            covered: HashSet::new(),
            steps,
        };
        (0..query.rows.len()).for_each(|row| search.add(row));
        search
    }

    /// Takes a row (or a filled hole) into account, whose bits the classes already hold.
    fn add(&mut self, row: usize) {
        let is_partial = |column: &Vec<Class>| !column.iter().all(|class| class.has(row));
        let last = self.classes.iter().rposition(is_partial);
        self.full_from.push(last.map_or(0, |last| last + 1));
        if let Some(volumes) = &mut self.volumes {
            volumes.add(&self.classes, row);
        }
    }

    fn all_rows(&self) -> Vec<u64> {
        let count = self.full_from.len();
        let mut rows = vec![0; words_for(count)];
        (0..count).for_each(|row| rows[row / 64] |= 1 << (row % 64));
        rows
    }

    /// Returns the first hole below a path whose `rows` still match, as the classes on the way to
    /// it, or `None` if there is none.
    fn first_hole(&mut self, depth: usize, rows: &[u64]) -> Result<Option<Vec<usize>>, OutOfSteps> {
        if rows.iter().all(|word| *word == 0) {
            return Ok(Some(Vec::new()));
        }
        if self.is_covered(depth, rows) {
            return Ok(None);
        }
        for (class, rows) in self.branches(depth, rows)? {
            if let Some(mut path) = self.first_hole(depth + 1, &rows)? {
                path.insert(0, class);
                return Ok(Some(path));
            }
        }
        if self.volumes.is_none() && self.covered.len() * rows.len() < MAX_MEMORY {
            self.covered.insert((depth, rows.to_vec()));
        }
        Ok(None)
    }

    /// Returns `true` if `rows` are known to cover what remains from `depth` on. At the last depth
    /// any row suffices, as every row accepts what remains there.
    fn is_covered(&self, depth: usize, rows: &[u64]) -> bool {
        if ones(rows).any(|row| self.full_from[row] <= depth) {
            return true;
        }
        match &self.volumes {
            Some(volumes) => {
                let covered: u128 = ones(rows).map(|row| volumes.rows[row][depth]).sum();
                covered == volumes.total[depth]
            }
            None => self.covered.contains(&(depth, rows.to_vec())),
        }
    }

    /// Returns one class of a column for each set of rows that its classes leave, in order of value.
    fn branches(
        &mut self,
        depth: usize,
        rows: &[u64],
    ) -> Result<Vec<(usize, Vec<u64>)>, OutOfSteps> {
        let classes = &self.classes[depth];
        self.steps = self
            .steps
            .checked_sub(classes.len() as u64)
            .ok_or(OutOfSteps)?;
        let mut seen: HashSet<Vec<u64>> = HashSet::new();
        let mut branches = Vec::new();
        for (index, class) in classes.iter().enumerate() {
            let rest: Vec<u64> = rows.iter().zip(&class.rows).map(|(a, b)| a & b).collect();
            if seen.insert(rest.clone()) {
                branches.push((index, rest));
            }
        }
        Ok(branches)
    }

    /// Grows a hole as far as rows allow, column by column.
    fn grow(&self, path: Vec<usize>) -> Part {
        // Below the end of a path every value is in the hole, so the first one is taken.
        let mut part: Part = path.into_iter().map(|class| vec![class]).collect();
        part.resize(self.classes.len(), vec![0]);
        for depth in 0..part.len() {
            // The rows that meet the part in every other column.
            let mut rivals = self.all_rows();
            for (other, chosen) in part.iter().enumerate().filter(|(other, _)| *other != depth) {
                let met = |word: usize| {
                    chosen
                        .iter()
                        .fold(0, |met, class| met | self.classes[other][*class].rows[word])
                };
                rivals
                    .iter_mut()
                    .enumerate()
                    .for_each(|(word, rows)| *rows &= met(word));
            }
            let is_free = |class: &Class| class.rows.iter().zip(&rivals).all(|(a, b)| a & b == 0);
            let column = &self.classes[depth];
            part[depth] = (0..column.len())
                .filter(|class| is_free(&column[*class]))
                .collect();
        }
        part
    }

    /// Converts a part into one set per input.
    fn region(&self, query: &CoverageQuery<'_>, part: &Part) -> Vec<Set> {
        let mut region: Vec<Set> = query.within.iter().map(|set| (*set).clone()).collect();
        for (depth, chosen) in part.iter().enumerate() {
            let values = chosen
                .iter()
                .flat_map(|class| &self.classes[depth][*class].values);
            region[self.order[depth]] = Set::union(values.copied());
        }
        region
    }

    /// Takes a hole into account as if it were a row.
    fn fill(&mut self, hole: &Part) {
        let row = self.full_from.len();
        for (column, chosen) in self.classes.iter_mut().zip(hole) {
            for class in column.iter_mut() {
                class.rows.resize(words_for(row + 1), 0);
            }
            for class in chosen {
                column[*class].rows[row / 64] |= 1 << (row % 64);
            }
        }
        self.add(row);
    }
}

/// Returns an input's cells of the rows of a query.
fn cells_of<'t>(table: &'t Table, query: &CoverageQuery<'_>, input: usize) -> Vec<&'t Set> {
    query
        .rows
        .iter()
        .map(|row| &table.rows[*row].cells[input])
        .collect()
}

/// Returns the classes of an input within the box, in order of value.
fn classes_of(table: &Table, query: &CoverageQuery<'_>, input: usize) -> Vec<Class> {
    let cells = cells_of(table, query, input);
    let grid = Grid::new(&cells, table.domains[input].bounds());
    let mut positions: HashMap<&[u64], usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for (interval, rows) in grid.elementary() {
        let part = query.within[input].intersect(&Set::from(interval));
        if part.is_empty() {
            continue;
        }
        let position = *positions.entry(rows).or_insert_with(|| {
            classes.push(Class {
                values: Vec::new(),
                rows: rows.to_vec(),
            });
            classes.len() - 1
        });
        classes[position].values.extend_from_slice(part.intervals());
    }
    classes
}

impl Volumes {
    /// Computes the volumes of the box, or returns `None` if they, and so sums over disjoint rows,
    /// may exceed 128 bits.
    fn of_columns(classes: &[Vec<Class>]) -> Option<Self> {
        let mut total = vec![1_u128];
        for column in classes.iter().rev() {
            total.push((column.len() as u128).checked_mul(*total.last()?)?);
        }
        total.reverse();
        Some(Self {
            rows: Vec::new(),
            total,
        })
    }

    /// Adds the volumes of a row, which never exceed those of the box, which fit.
    fn add(&mut self, classes: &[Vec<Class>], row: usize) {
        let mut volumes = vec![1_u128];
        let mut volume = 1;
        for column in classes.iter().rev() {
            volume *= column.iter().filter(|class| class.has(row)).count() as u128;
            volumes.push(volume);
        }
        volumes.reverse();
        self.rows.push(volumes);
    }
}
