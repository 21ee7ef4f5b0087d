//! Every outside crate has one set of features, whichever of our crates is built: so `make build`,
//! `make test` and the tests of one crate compile it once. `make features` mends what this finds.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::workspace::{metadata, root};

/// Outside crates with the sets of features that each is compiled with.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Returns what Cargo would compile for this selection of packages, tests included.
fn compiled(selection: &[&str]) -> Features {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal,build,dev",
        ])
        .args(["--prefix", "none", "--format", "{p}|{f}"])
        .args(selection)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    read(&String::from_utf8(output.stdout).unwrap())
}

fn read(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines() {
        let line = line.trim_end_matches(" (*)");
        let Some((package, set)) = line.split_once('|') else {
            continue;
        };
        // A path in brackets: a crate of ours.
        if package.contains("(/") {
            continue;
        }
        let package = package.trim_end_matches(" (proc-macro)").to_owned();
        features.entry(package).or_default().insert(set.to_owned());
    }
    features
}

/// Returns a line for each outside crate that this selection compiles otherwise than the workspace does.
fn differences(workspace: &Features, selection: &Features) -> Vec<String> {
    let differ = selection.iter().filter_map(|(package, sets)| {
        let all = workspace.get(package).cloned().unwrap_or_default();
        let other: Vec<_> = sets.difference(&all).collect();
        (!other.is_empty()).then(|| format!("{package} with {other:?} instead of {all:?}"))
    });
    differ.collect()
}

#[test]
fn no_crate_of_ours_compiles_an_outside_crate_another_way() {
    let workspace = compiled(&["--workspace"]);
    assert!(workspace.len() > 300, "{} outside crates", workspace.len());
    for package in metadata().packages {
        let name = package.name.as_str();
        let differ = differences(&workspace, &compiled(&["--package", name]));
        assert!(
            differ.is_empty(),
            "`cargo build -p {name}` would compile again, so run `make features`:\n{}",
            differ.join("\n")
        );
    }
}

#[test]
fn another_set_of_features_is_a_difference() {
    let workspace = read(
        "serde v1.0.0|default,derive,std\nours v0.1.0 (/src/ours)|\nserde v1.0.0|default,derive,std (*)",
    );
    assert_eq!(workspace.len(), 1);
    let same = read("serde v1.0.0|default,derive,std");
    assert!(differences(&workspace, &same).is_empty());
    let other = read("serde v1.0.0|default,std\nlibc v0.2.0|std");
    assert_eq!(differences(&workspace, &other).len(), 2);
}
