//! Pure crates compute: they name nothing that reaches outside of the process, nor its clock.

use std::path::Path;

use cargo_metadata::{DependencyKind, Package, TargetKind};

use crate::layers::{Layer, layer_of};
use crate::modules::Modules;
use crate::workspace::metadata;

/// Outside crates that do I/O, or run it; with `-` at its end, all whose names begin so.
const IO_CRATES: &[&str] = &[
    "axum",
    "hyper",
    "hyper-",
    "mio",
    "object_store",
    "rdkafka",
    "redb",
    "redis",
    "reqwest",
    "rustix",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "tokio-",
    "tonic",
    "tonic-",
];

/// Parts of the standard library that do I/O, read the clock or the environment.
const IO_PATHS: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "os"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

/// The contracts: their clients and servers are generated for tonic, and do nothing by themselves.
const CONTRACTS: (&str, &[&str]) = ("fairlead-proto", &["tonic", "tonic-prost"]);

fn is_pure(package: &str) -> bool {
    layer_of(package).is_some_and(|layer| layer <= Layer::Pure)
}

/// Returns what is wrong with a dependency of a pure crate, or `None`.
fn dependency_fault(package: &str, dependency: &str, kind: DependencyKind) -> Option<String> {
    let does_io = IO_CRATES
        .iter()
        .any(|name| dependency == *name || (name.ends_with('-') && dependency.starts_with(name)));
    let generated = package == CONTRACTS.0 && CONTRACTS.1.contains(&dependency);
    (does_io && !generated && kind == DependencyKind::Normal)
        .then(|| format!("{package} -> {dependency}: a pure crate does no I/O"))
}

/// Returns what is wrong with a path in a pure crate, or `None`.
fn path_fault(path: &[String]) -> Option<String> {
    let shown = path.join("::");
    if path == ["std"] {
        return Some(format!("`{shown}` as a whole: name the module"));
    }
    let begins = |io: &&[&str]| path.len() >= io.len() && path.iter().zip(*io).all(|(a, b)| a == b);
    let reached = IO_PATHS.iter().any(begins);
    reached.then(|| format!("`{shown}`: a pure crate does no I/O and has no clock"))
}

fn path_faults(root: &Path) -> Vec<String> {
    let modules = Modules::read(root);
    let faults = modules.paths().filter_map(|(file, path)| {
        let fault = path_fault(&path)?;
        Some(format!("{}: {fault}", file.display()))
    });
    faults.collect()
}

fn faults_of(package: &Package) -> Vec<String> {
    let dependencies = package.dependencies.iter();
    let mut faults: Vec<String> = dependencies
        .filter_map(|one| dependency_fault(&package.name, &one.name, one.kind))
        .collect();
    for target in &package.targets {
        if target.kind.contains(&TargetKind::Lib) {
            faults.extend(path_faults(target.src_path.as_std_path()));
        }
    }
    faults
}

#[test]
fn pure_crates_do_no_io() {
    let packages = metadata().packages;
    let pure: Vec<_> = packages.iter().filter(|one| is_pure(&one.name)).collect();
    assert!(
        pure.len() > 5,
        "the crates of the lowest layers are not found"
    );
    let faults: Vec<String> = pure.into_iter().flat_map(faults_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_rule_refuses_what_it_should() {
    use DependencyKind::{Build, Development, Normal};
    for (package, dependency, kind) in [
        ("fairlead-price-engine", "smallvec", Normal),
        ("fairlead-registry", "tempfile", Development),
        ("fairlead-proto", "tonic", Normal),
        ("fairlead-proto", "tonic-prost-build", Build),
    ] {
        assert_eq!(dependency_fault(package, dependency, kind), None);
    }
    for (package, dependency) in [
        ("fairlead-domain", "tokio"),
        ("fairlead-release", "tonic"),
        ("fairlead-proto", "tokio-stream"),
        ("fairlead-registry", "hyper-util"),
    ] {
        let fault = dependency_fault(package, dependency, Normal);
        assert!(fault.is_some(), "{package} -> {dependency} passed");
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lib.rs");
    for (text, faults) in [
        (
            "use std::collections::BTreeMap; use std::time::Duration;",
            0,
        ),
        (
            "/// Like `std::fs::read`.\nfn read() { let s = \"std::fs\"; }",
            0,
        ),
        ("#[cfg(test)] mod tests { use std::fs; }", 0),
        ("use std::{fmt, fs};", 1),
        ("fn home() { let _ = std::env::var(\"HOME\"); }", 1),
        ("use std::time::{Duration, SystemTime};", 1),
        ("fn now() { let _ = ::std::time::Instant::now(); }", 1),
        ("use std::time; fn now() { time::Instant::now(); }", 1),
        ("use std as s; fn end() { s::process::exit(1); }", 2),
        ("use std::*;", 1),
    ] {
        std::fs::write(&root, text).unwrap();
        assert_eq!(path_faults(&root).len(), faults, "{text}");
    }
}
