//! No circle of files spans two folders: what needs each other lies side by side.
//!
//! A file names another by a path: `use crate::a::B`, `super::c::D`, `crate::e::f()`. Files that
//! name each other, over however many steps, form a circle. A circle within one folder is one idea
//! in several files; over two folders it means that something lies in the wrong place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::TargetKind;

use crate::modules::{Edges, Modules};
use crate::workspace::{metadata, root};

/// Returns the folders that a file belongs to: the one that it lies in, and for `part.rs` also
/// `part/`, which holds its submodules.
fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::from([file.parent().unwrap().to_owned()]);
    let name = file.file_stem().unwrap();
    if name != "mod" && name != "lib" && name != "main" {
        folders.insert(file.with_extension(""));
    }
    folders
}

/// Returns every file that `file` names over one or more steps.
fn reachable<'e>(edges: &'e Edges, file: &Path) -> BTreeSet<&'e PathBuf> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&PathBuf> = edges.get(file).into_iter().flatten().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(edges.get(file).into_iter().flatten());
        }
    }
    reached
}

/// Returns the circles: the largest sets of files that all reach each other.
fn circles(edges: &Edges) -> BTreeSet<BTreeSet<&PathBuf>> {
    let reached: BTreeMap<_, _> = edges
        .keys()
        .map(|file| (file, reachable(edges, file)))
        .collect();
    let circle_of = |file: &PathBuf| -> BTreeSet<_> {
        let others = reached[file].iter().copied();
        others
            .filter(|other| reached[other].contains(file))
            .collect()
    };
    let circles = edges.keys().map(circle_of);
    circles.filter(|circle| !circle.is_empty()).collect()
}

/// Returns each circle over two folders, with its files and what they name of each other.
fn faults(edges: &Edges, base: &Path) -> Vec<String> {
    let shown = |file: &PathBuf| {
        file.strip_prefix(base)
            .unwrap_or(file)
            .display()
            .to_string()
    };
    let mut faults = Vec::new();
    for circle in circles(edges) {
        let folders = circle.iter().map(|file| folders_of(file));
        let common = folders.reduce(|all, some| all.intersection(&some).cloned().collect());
        if common.is_some_and(|folders| !folders.is_empty()) {
            continue;
        }
        let mut lines = vec!["a circle of files over two folders:".to_owned()];
        for file in &circle {
            let named = edges[*file].iter().filter(|named| circle.contains(named));
            let named: Vec<_> = named.map(shown).collect();
            lines.push(format!("  {} -> {}", shown(file), named.join(", ")));
        }
        faults.push(lines.join("\n"));
    }
    faults
}

/// Returns the root file of every library and every program of the workspace.
fn crate_roots() -> Vec<PathBuf> {
    let packages = metadata().packages;
    let targets = packages.iter().flat_map(|package| &package.targets);
    let of_production = |kind: &TargetKind| matches!(kind, TargetKind::Lib | TargetKind::Bin);
    targets
        .filter(|target| target.kind.iter().any(of_production))
        .map(|target| target.src_path.clone().into_std_path_buf())
        .collect()
}

#[test]
fn no_circle_of_files_spans_two_folders() {
    let faults: Vec<_> = crate_roots()
        .iter()
        .flat_map(|file| faults(&Modules::read(file).edges(), &root()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_sources_are_read() {
    let registry = root().join("feature-store/registry/src");
    assert!(crate_roots().contains(&registry.join("lib.rs")));
    let edges = Modules::read(&registry.join("lib.rs")).edges();
    assert!(edges[&registry.join("apply.rs")].contains(&registry.join("state.rs")));
    assert!(edges.contains_key(&registry.join("input/plan.rs")));
}

/// Writes a crate of these files and returns the circles over two folders in it.
fn faults_in(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    faults(
        &Modules::read(&folder.path().join("lib.rs")).edges(),
        folder.path(),
    )
}

#[test]
fn a_circle_over_two_folders_is_found_whatever_way_it_is_written() {
    let lib = ("lib.rs", "mod one; mod two;");
    let two = ("two.rs", "pub struct Two(crate::one::deep::Deep);");
    for (how, module, deep) in [
        ("use", "pub mod deep;", "use crate::two::Two;"),
        (
            "use of a list",
            "pub mod deep;",
            "use crate::{two::{self, Two as T}};",
        ),
        ("super", "pub mod deep;", "use super::super::two::Two;"),
        (
            "inline path",
            "pub mod deep;",
            "fn f() { g(|| crate::two::two()); }",
        ),
        (
            "inside a macro",
            "pub mod deep;",
            "fn f() { vec![crate::two::two()]; }",
        ),
        (
            "by an import",
            "pub mod deep;",
            "fn f() { use crate::two; two::two(); }",
        ),
        (
            "inline module",
            "pub mod deep;",
            "mod inner { use super::super::super::two::Two; }",
        ),
        (
            "third file",
            "pub mod deep; use crate::two::Two;",
            "use super::Other;",
        ),
    ] {
        let found = faults_in(&[lib, two, ("one/mod.rs", module), ("one/deep.rs", deep)]);
        assert_eq!(found.len(), 1, "{how}");
        assert!(
            found[0].contains("one/deep.rs -> ") && found[0].contains("two.rs -> one/deep.rs"),
            "{how}: {}",
            found[0]
        );
    }
}

#[test]
fn a_re_export_counts_for_its_module_but_not_for_the_root_of_the_crate() {
    let found = faults_in(&[
        ("lib.rs", "mod one; mod two;"),
        ("two.rs", "use crate::one::Deep; pub struct Two;"),
        (
            "one/mod.rs",
            "mod deep; pub use deep::Deep; use crate::two::Two;",
        ),
        ("one/deep.rs", "pub struct Deep;"),
    ]);
    assert_eq!(found.len(), 1);
    let found = faults_in(&[
        (
            "lib.rs",
            "mod error; mod one; pub use error::Error; pub use one::One;",
        ),
        ("error.rs", "pub struct Error;"),
        ("one/mod.rs", "use crate::Error; pub struct One;"),
    ]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_no_circle_over_folders_passes() {
    for (how, files) in [
        (
            "two files of one folder",
            &[
                ("lib.rs", "mod one; mod two;"),
                ("one.rs", "use crate::two::Two;"),
                ("two.rs", "use crate::one::One;"),
            ][..],
        ),
        (
            "a folder's mod.rs and its files",
            &[
                ("lib.rs", "mod one;"),
                ("one/mod.rs", "mod deep; use deep::Deep;"),
                ("one/deep.rs", "use super::One;"),
            ],
        ),
        (
            "a file and the folder of its submodules",
            &[
                ("lib.rs", "mod one;"),
                ("one.rs", "mod deep; use deep::Deep;"),
                ("one/deep.rs", "use super::One;"),
            ],
        ),
        (
            "tests",
            &[
                ("lib.rs", "mod one; mod two;"),
                ("one/mod.rs", "use crate::two::Two; #[cfg(test)] mod tests;"),
                (
                    "two.rs",
                    "pub struct Two; #[cfg(test)] mod tests { use crate::one::One; }",
                ),
            ],
        ),
        (
            "comments, texts and other crates",
            &[
                ("lib.rs", "mod one; mod two;"),
                ("one/mod.rs", "use crate::two::Two;"),
                (
                    "two.rs",
                    "/// See [`crate::one::One`].\nfn f() { g(\"crate::one::One\"); one::h(); }",
                ),
            ],
        ),
    ] {
        let found = faults_in(files);
        assert!(found.is_empty(), "{how}: {}", found.join("\n"));
    }
}
