//! A file has one subject, so it is short; and it knows no path of the machine that compiled it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::workspace::root;

/// The most lines of a file; under 400 is the aim.
const LONGEST: usize = 500;

/// Endings of hand-written files.
const WRITTEN: &[&str] = &["rs", "proto", "ts", "tsx", "py", "sh", "sql"];

/// Folders of generated files. Hidden ones are left out as well.
const MADE: &[&str] = &["target", "node_modules", "dist", "data"];

fn written_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            if !name.starts_with('.') && !MADE.contains(&name.as_ref()) {
                written_files(&path, found);
            }
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|e| WRITTEN.iter().any(|w| e == *w))
        {
            found.push(path);
        }
    }
}

#[test]
fn no_file_is_long() {
    let mut files = Vec::new();
    written_files(&root(), &mut files);
    assert!(
        files.contains(&root().join(file!())),
        "the walk does not find this very file"
    );
    let long: Vec<_> = files
        .iter()
        .filter_map(|file| {
            let lines = fs::read_to_string(file).unwrap().lines().count();
            let shown = file.strip_prefix(root()).unwrap_or(file).display();
            (lines > LONGEST).then(|| format!("{shown}: {lines} lines, {LONGEST} at most"))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Checkouts with one target folder share what they build: a path that is compiled in is that of the
/// checkout which was built first.
#[test]
fn no_path_of_a_checkout_is_compiled_in() {
    let mut files = Vec::new();
    written_files(&root(), &mut files);
    let path = concat!("env!(\"", "CARGO_MANIFEST_DIR\")");
    let found: Vec<_> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
        .filter(|file| fs::read_to_string(file).unwrap().contains(path))
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        found.is_empty(),
        "{}: take fairlead_testkit::crate_dir(), checkout_dir() or data_dir()",
        found.join(", ")
    );
}
