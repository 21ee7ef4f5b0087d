//! What a union of boxes leaves of a box.
//!
//! The search walks down the columns. In each, the values fall into classes that match the same
//! rows; below a class only those rows matter. A branch ends where no row is left (a hole), or
//! where it is known to be covered: one row takes all that remains, or the same question was
//! answered before, or (where no two rows overlap) the rows' volumes add up to the whole. In that
//! last case the search goes straight to the holes; otherwise it may take exponential time, as the
//! question is co-NP-complete, and so it has a budget of steps.
//!
//! A hole is grown to a box that touches rows on every side, then counts as a row itself, and the
//! search begins anew: so the holes are few, large, and apart from each other.

use std::collections::{HashMap, HashSet};

use crate::grid::{Grid, ones, words_for};
use crate::set::Set;
use crate::table::Table;

/// What to find out: which part of a box no row covers.
pub(crate) struct Question<'t> {
    /// The box, one set per input.
    pub(crate) within: Vec<&'t Set>,
    /// The rows, by position in the table.
    pub(crate) rows: Vec<usize>,
    /// Whether no two of the rows overlap.
    pub(crate) disjoint: bool,
    /// How many holes are wanted.
    pub(crate) limit: usize,
}

/// The answer.
pub(crate) struct Coverage {
    /// Regions that no row covers, apart from each other; one set per input.
    pub(crate) holes: Vec<Vec<Set>>,
    /// What is known beyond them.
    pub(crate) rest: Rest,
}

/// What is known of the part of a box that lies in no hole found so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Rows cover it.
    Covered,
    /// There are other holes, more than were wanted.
    Holes,
    /// The steps did not suffice to tell.
    Unknown,
}

/// Answers a question, taking `steps` from a budget.
pub(crate) fn holes(table: &Table, question: &Question<'_>, steps: &mut u64) -> Coverage {
    // Cutting the columns up is work as well: looking at each piece once.
    let cost = (0..table.domains.len()).map(|input| Grid::size(&cells_of(table, question, input)));
    let Some(rest) = steps.checked_sub(cost.sum::<usize>() as u64) else {
        *steps = 0;
        return Coverage {
            holes: Vec::new(),
            rest: Rest::Unknown,
        };
    };
    *steps = rest;
    let mut search = Search::new(table, question, *steps);
    let mut holes: Vec<Vec<Set>> = Vec::new();
    let rest = loop {
        let all = search.all_rows();
        match search.first_hole(0, &all) {
            Err(OutOfSteps) => break Rest::Unknown,
            Ok(None) => break Rest::Covered,
            Ok(Some(_)) if holes.len() == question.limit => break Rest::Holes,
            Ok(Some(path)) => {
                let hole = search.grow(path);
                holes.push(search.region(question, &hole));
                search.fill(&hole);
            }
        }
    };
    *steps = search.steps;
    Coverage { holes, rest }
}

/// Values of a column that match the same rows.
struct Class {
    values: Vec<(i64, i64)>,
    /// Rows first, then the holes that were filled.
    rows: Vec<u64>,
}

impl Class {
    fn has(&self, row: usize) -> bool {
        (self.rows[row / 64] >> (row % 64)) & 1 == 1
    }
}

struct OutOfSteps;

/// The most words of answers that a search remembers, 32 MiB. Beyond, it only takes longer.
const MAX_MEMORY: usize = 4 * 1024 * 1024;

/// A part of the box: for each column of the walk, the classes of its values.
type Part = Vec<Vec<usize>>;

struct Search {
    /// The inputs in the order of the walk: those with the fewest classes first.
    order: Vec<usize>,
    /// The classes of each input, in the order of the walk.
    classes: Vec<Vec<Class>>,
    /// For each row, the depth from which on it takes all that remains.
    full_from: Vec<usize>,
    /// Where no two rows overlap and the numbers fit.
    volumes: Option<Volumes>,
    /// Depth and rows of branches that are known to be covered.
    covered: HashSet<(usize, Vec<u64>)>,
    steps: u64,
}

/// Sizes, counted in classes, of what remains from a depth on.
struct Volumes {
    /// Of each row.
    rows: Vec<Vec<u128>>,
    /// Of the whole.
    whole: Vec<u128>,
}

impl Search {
    fn new(table: &Table, question: &Question<'_>, steps: u64) -> Self {
        let mut columns: Vec<(usize, Vec<Class>)> = (0..table.domains.len())
            .map(|input| (input, classes_of(table, question, input)))
            .collect();
        columns.sort_by_key(|(_, classes)| classes.len());
        let (order, classes): (Vec<usize>, Vec<Vec<Class>>) = columns.into_iter().unzip();
        let mut search = Self {
            order,
            volumes: question.disjoint.then(|| Volumes::of(&classes)).flatten(),
            classes,
            full_from: Vec::new(),
            covered: HashSet::new(),
            steps,
        };
        (0..question.rows.len()).for_each(|row| search.add(row));
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

    /// The first hole below a path whose `rows` still match, as the classes on the way to it.
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

    /// Whether what remains from `depth` on is known to be covered by `rows`. At the last depth
    /// any row suffices, as every row is full from there.
    fn is_covered(&self, depth: usize, rows: &[u64]) -> bool {
        if ones(rows).any(|row| self.full_from[row] <= depth) {
            return true;
        }
        match &self.volumes {
            Some(volumes) => {
                let covered: u128 = ones(rows).map(|row| volumes.rows[row][depth]).sum();
                covered == volumes.whole[depth]
            }
            None => self.covered.contains(&(depth, rows.to_vec())),
        }
    }

    /// One class of a column for each set of rows that its classes leave, in order of value.
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
        // Below the end of a path every value is in the hole: the first one will do.
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

    /// A part as one set per input.
    fn region(&self, question: &Question<'_>, part: &Part) -> Vec<Set> {
        let mut region: Vec<Set> = question.within.iter().map(|set| (*set).clone()).collect();
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

/// The cells of the rows in question.
fn cells_of<'t>(table: &'t Table, question: &Question<'_>, input: usize) -> Vec<&'t Set> {
    question
        .rows
        .iter()
        .map(|row| &table.rows[*row].cells[input])
        .collect()
}

/// The classes of an input within the box, in order of value.
fn classes_of(table: &Table, question: &Question<'_>, input: usize) -> Vec<Class> {
    let cells = cells_of(table, question, input);
    let grid = Grid::new(&cells, table.domains[input].bounds());
    let mut positions: HashMap<&[u64], usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for (start, end, rows) in grid.pieces() {
        let part = question.within[input].intersect(&Set::interval(start, end));
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
    /// `None` where the whole, and so every sum of rows apart from each other, may exceed
    /// 128 bits.
    fn of(classes: &[Vec<Class>]) -> Option<Self> {
        let mut whole = vec![1_u128];
        for column in classes.iter().rev() {
            whole.push((column.len() as u128).checked_mul(*whole.last()?)?);
        }
        whole.reverse();
        Some(Self {
            rows: Vec::new(),
            whole,
        })
    }

    /// The row's volumes never exceed the whole's, which fit.
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
