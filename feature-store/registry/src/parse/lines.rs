//! The lines of a features file: the parser of YAML keeps none, so they are found in the text.

/// Returns the line of a key of the file itself, from 1, or `None` if it is not there.
pub(super) fn of_key(text: &str, key: &str) -> Option<usize> {
    position(text, |line| names(line, key))
}

/// Returns the line of a kind of event under `events`.
pub(super) fn of_event(text: &str, kind: &str) -> Option<usize> {
    let start = of_key(text, "events")?;
    let rest = text.lines().skip(start);
    let inside = rest.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let mut lines = inside.enumerate();
    let found = lines.find(|(_, line)| names(line.trim_start(), kind));
    found.map(|(index, _)| start + index + 1)
}

/// Returns the line on which the feature of this index, from 0, begins.
pub(super) fn of_feature(text: &str, index: usize) -> Option<usize> {
    let start = of_key(text, "features")?;
    let item = |line: &str| line.trim_start().starts_with("- ");
    let indent = |line: &str| line.len() - line.trim_start().len();
    let list = || text.lines().enumerate().skip(start);
    let (_, first) = list().find(|(_, line)| item(line))?;
    let mut items = list().filter(|(_, line)| item(line) && indent(line) == indent(first));
    items.nth(index).map(|(number, _)| number + 1)
}

fn names(line: &str, key: &str) -> bool {
    line.strip_prefix(key)
        .is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn position(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().position(is_it).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a file\nversion: 1\nevents:\n  # some\n  click: {}\n\n  search : {}\n\
                        features:\n\n  - name: a\n    source:\n      - click\n  - { name: b,\n      x: 1 }\n";

    #[test]
    fn lines_are_counted_from_1_as_an_editor_does() {
        assert_eq!(of_key(FILE, "events"), Some(3));
        assert_eq!(of_event(FILE, "click"), Some(5));
        assert_eq!(of_event(FILE, "search"), Some(7));
        assert_eq!(of_event(FILE, "version"), None);
        assert_eq!(of_feature(FILE, 0), Some(10));
        assert_eq!(of_feature(FILE, 1), Some(13));
        assert_eq!(of_feature(FILE, 2), None);
    }
}
