//! Finds out the character between the fields.

use anyhow::Context as _;
use memchr::memchr_iter;

use super::splitter::Splitter;
use crate::columns::Columns;

/// The characters that are tried, each with its name; the first is what a file of one column gets.
const TRIED: [(u8, &str); 4] = [
    (b',', "commas"),
    (b';', "semicolons"),
    (b'\t', "tabs"),
    (b'|', "bars"),
];
/// Begins a first line that table programs write and read: it names the delimiter.
const MARK: &[u8] = b"sep=";

/// Sets the delimiter of `splitter`: the one that was named, or the one that splits the first line
/// into the most columns that are known, and then into the most columns. Returns a note if it is
/// no comma and was not named.
pub(super) fn find(
    splitter: &mut Splitter,
    named: Option<u8>,
    columns: &Columns,
) -> anyhow::Result<Option<String>> {
    let first = splitter.peek_line().context("cannot read it")?;
    let mark = first.strip_prefix(MARK).and_then(|rest| match rest {
        [one] => Some(*one),
        _ => None,
    });
    if mark.is_some() {
        splitter.skip_line(first.len());
    }
    if let Some(delimiter) = named.or(mark) {
        splitter.delimiter = delimiter;
        return Ok(None);
    }
    let line = String::from_utf8_lossy(&first);
    let mut best = (0, 0, TRIED[0]);
    for (delimiter, name) in TRIED {
        let names = line.split(char::from(delimiter));
        let clean = |name: &str| name.trim().trim_matches('"').trim().to_owned();
        let known = names.filter(|name| columns.is_known(&clean(name))).count();
        let all = memchr_iter(delimiter, &first).count();
        if (known, all) > (best.0, best.1) {
            best = (known, all, (delimiter, name));
        }
    }
    let (_, _, (delimiter, name)) = best;
    splitter.delimiter = delimiter;
    Ok((delimiter != TRIED[0].0).then(|| format!("fields are divided by {name}")))
}
