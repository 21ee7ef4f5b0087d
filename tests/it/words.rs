//! Field terms only: words that once were a private dialect of this repository do not come back.
//! `docs/glossary.md` holds the terms; a new one enters there first.

use std::path::Path;
use std::process::Command;

use crate::workspace::root;

/// The files that are read: code, contracts, texts and configuration.
const READ: &[&str] = &["*.rs", "*.proto", "*.md", "*.toml", "*.yaml", "*.yml"];

/// The words, with what to say in their place.
const DIALECT: &[(&str, &str)] = &[
    ("house", "the deployment, the server, all services"),
    ("houses", "deployments, servers"),
    ("room", "a crate, a folder, a service"),
    ("rooms", "crates, folders, services"),
    ("furnish", "to set up, to fill"),
    ("furnished", "set up, filled"),
    ("furnishes", "sets up, fills"),
    ("furnishing", "setting up, filling"),
    ("keeper", "what it does: follows, loads, refreshes"),
    ("keepers", "what they do: follow, load, refresh"),
];

/// Two words in a row that are dialect together.
const DIALECT_PAIRS: &[(&str, &str, &str)] = &[("lived", "in", "used")];

/// Words before or after which "room" is space, and "house" a thing that a loan buys.
const NOT_DIALECT: &[(&str, &[&str], &[&str])] = &[
    (
        "room",
        &[
            "no", "has", "have", "is", "leaves", "leave", "make", "makes", "enough", "more", "much",
        ],
        &["for", "to", "left", "in"],
    ),
    ("house", &[], &["loan", "loans", "purchase"]),
];

/// Words with which no description begins: a question is no statement of what is returned or done.
const QUESTIONS: &[&str] = &["What", "Whether"];

/// Returns the line if it is the first of a doc comment and begins as a question does.
fn question<'l>(before: &str, line: &'l str) -> Option<&'l str> {
    let doc = |line: &'l str| {
        let line = line.trim_start();
        let text = line.strip_prefix("///").or(line.strip_prefix("//!"));
        text.filter(|text| !text.starts_with('/'))
    };
    let text = doc(line)?;
    let goes_on = before.trim_start().starts_with("//");
    let first = text.split_whitespace().next()?;
    (!goes_on && QUESTIONS.contains(&first)).then_some(text)
}

/// Splits text into lower-case words, at case changes and underscores too: `RoomTable`, `room_table`.
fn words_of(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower_case = false;
    for letter in text.chars() {
        let starts_word = letter.is_uppercase() && after_lower_case;
        if starts_word || !letter.is_alphabetic() {
            words.push(String::new());
        }
        if letter.is_alphabetic() {
            words.last_mut().unwrap().extend(letter.to_lowercase());
        }
        after_lower_case = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the first word of dialect with what to say in its place, or `None`.
fn fault(text: &str) -> Option<String> {
    let words = words_of(text);
    let word = |at: Option<usize>| at.and_then(|at| words.get(at)).map_or("", String::as_str);
    (0..words.len()).find_map(|at| {
        let (before, this, after) = (word(at.checked_sub(1)), word(Some(at)), word(Some(at + 1)));
        let allowed = NOT_DIALECT.iter().any(|(word, preceding, following)| {
            *word == this && (preceding.contains(&before) || following.contains(&after))
        });
        let single = DIALECT
            .iter()
            .find(|(word, _)| *word == this && !allowed)
            .map(|(_, instead)| format!("`{this}`; say {instead}"));
        let pair = DIALECT_PAIRS
            .iter()
            .find(|(first, second, _)| (*first, *second) == (this, after))
            .map(|(.., instead)| format!("`{this} {after}`; say {instead}"));
        single.or(pair)
    })
}

/// Returns the paths of the tracked files of these kinds, from the root.
fn tracked_files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--"])
        .args(READ)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files = listed.split_terminator('\0').map(str::to_owned);
    files.collect()
}

#[test]
fn no_file_speaks_the_dialect() {
    let files = tracked_files();
    assert!(
        files.iter().any(|file| file == file!()),
        "the list does not hold this very file"
    );
    let mut faults = Vec::new();
    // This file names the words; a file that was deleted and not yet committed is not there.
    for file in files.iter().filter(|file| *file != file!()) {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else {
            continue;
        };
        faults.extend(fault(file).map(|fault| format!("{file}: the name has {fault}")));
        for (line, number) in text.lines().zip(1..) {
            faults.extend(fault(line).map(|fault| format!("{file}:{number}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn doc_comments_state_what_is() {
    let mut faults = Vec::new();
    for file in tracked_files()
        .iter()
        .filter(|file| Path::new(file).extension().is_some_and(|kind| kind == "rs"))
    {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else {
            continue;
        };
        let mut before = "";
        for (line, number) in text.lines().zip(1..) {
            if let Some(question) = question(before, line) {
                faults.push(format!("{file}:{number}:{question}"));
            }
            before = line;
        }
    }
    assert!(
        faults.is_empty(),
        "say what it is or does (`The remedy ...`, `Returns true if ...`):\n{}",
        faults.join("\n")
    );
}

#[test]
fn a_question_is_told_from_a_statement() {
    for (before, line) in [
        ("", "/// What to do."),
        ("}", "    /// Whether it holds."),
        ("", "//! What a model must pass."),
        ("/// Ends.\n", "/// What follows."),
    ] {
        let before = before.trim_end_matches('\n');
        let first_of_its_block = !before.starts_with("//");
        assert_eq!(
            question(before, line).is_some(),
            first_of_its_block,
            "{line}"
        );
    }
    for line in [
        "/// Whatever comes.",
        "// What it was.",
        "/// Returns what it had.",
        "///",
        "let what = 1;",
    ] {
        assert_eq!(question("", line), None, "{line}");
    }
}

#[test]
fn dialect_is_told_from_plain_words() {
    for dialect in [
        "the layers of the house",
        "struct HouseArgs",
        "let house_port = 1;",
        "a table of rooms",
        "each room that the binary opens",
        "pub(crate) struct Keeper {",
        "services/recall/src/keeper.rs",
        "demo::furnish(&config)",
        "fn each_home_is_lived_in()",
    ] {
        assert!(fault(dialect).is_some(), "{dialect}");
    }
    for plain in [
        "a data warehouse",
        "the household's income",
        "a customer with room for any loan",
        "there is no room in the buffer",
        "headroom of the pool",
        "House loans and car loans",
        "who lived abroad",
        "a bookkeeper",
        "roommates",
    ] {
        assert_eq!(fault(plain), None, "{plain}");
    }
}
