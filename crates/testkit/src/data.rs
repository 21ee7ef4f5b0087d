//! Files that tests read: those of the checkout, and the real data sets, which are no part of it.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
};

/// Returns the folder of a real data set (`zimnat_insurance`, `vectors`, ...), or `None` where the
/// machine has none: then a line on standard error says that the test was skipped, also for tests
/// that pass.
///
/// Looks in `$FAIRLEAD_DATA` where that is set, else in `shared/data` beside the checkout.
pub fn data_dir(name: &str) -> Option<PathBuf> {
    let sets = env::var_os("FAIRLEAD_DATA").map_or_else(beside_the_checkout, PathBuf::from);
    let found = find(&sets, name);
    if found.is_none() {
        let test = thread::current();
        // Written to the stream itself: the harness swallows what `eprintln!` says in a test that passes.
        let _ = writeln!(
            io::stderr(),
            "skipped: no data: {} wants {name} in {} (FAIRLEAD_DATA names another place)",
            test.name().unwrap_or("a test"),
            sets.display()
        );
    }
    found
}

fn find(sets: &Path, name: &str) -> Option<PathBuf> {
    Some(sets.join(name)).filter(|set| set.is_dir())
}

/// Returns the folder of the crate whose test runs.
///
/// It is asked of the runner at run time. A path compiled in would be that of the checkout in which the
/// test was built, and checkouts with one target folder share what they build.
///
/// # Panics
/// The test was started by neither `cargo test` nor `cargo nextest`.
pub fn crate_dir() -> PathBuf {
    let folder = env::var_os("CARGO_MANIFEST_DIR");
    PathBuf::from(folder.expect("cargo tells a test the folder of its crate"))
}

/// Returns the root of the checkout whose test runs.
///
/// # Panics
/// As [`crate_dir`], or no folder above it holds a `Cargo.lock`.
pub fn checkout_dir() -> PathBuf {
    let inside = crate_dir();
    let root = inside
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file());
    root.expect("the checkout holds Cargo.lock").to_owned()
}

fn beside_the_checkout() -> PathBuf {
    checkout_dir().with_file_name("shared").join("data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_found_where_it_is_a_folder() {
        let sets = tempfile::tempdir().unwrap();
        std::fs::create_dir(sets.path().join("vectors")).unwrap();
        std::fs::write(sets.path().join("README.md"), "").unwrap();
        assert_eq!(
            find(sets.path(), "vectors"),
            Some(sets.path().join("vectors"))
        );
        assert_eq!(find(sets.path(), "README.md"), None);
        assert_eq!(find(sets.path(), "no_such_set"), None);
    }

    #[test]
    fn the_sets_are_looked_for_beside_the_checkout() {
        let sets = beside_the_checkout();
        let neighbours = sets.parent().and_then(Path::parent).unwrap();
        assert!(crate_dir().starts_with(neighbours));
        assert!(sets.ends_with("shared/data"));
    }
}
