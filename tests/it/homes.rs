//! Each heavy dependency has exactly one home. `deny.toml` says the same of the resolved graph.

use cargo_metadata::Package;

use crate::workspace::{metadata, root};

/// Crate, what it provides, and the crates of ours that may use it.
const HOMES: &[(&str, &str, &[&str])] = &[
    ("rdkafka", "librdkafka", &["fairlead-event-log"]),
    ("redis", "the online store's protocol", &["fairlead-online"]),
    (
        "tch",
        "libtorch",
        &["fairlead-inference", "fairlead-training"],
    ),
    ("faiss", "FAISS and OpenBLAS", &["fairlead-vector-index"]),
    (
        "jsonwebtoken",
        "tokens of other systems",
        &["fairlead-authentication"],
    ),
    ("sqlx", "the control database", &["fairlead-control-plane"]),
    ("datafusion", "SQL over the lake", &["fairlead-lake"]),
    ("object_store", "the lake's files", &["fairlead-lake"]),
    // The lake has it from DataFusion; imports read Parquet without it.
    ("arrow", "a columnar engine", &[]),
    (
        "parquet",
        "Parquet files, for imports",
        &["fairlead-import"],
    ),
];

/// Crates that DataFusion uses too, in a version of its own, and how `deny.toml` names our version;
/// `None` if the versions are the same, so that only the manifests can be checked.
const SHARED_WITH_DATAFUSION: &[(&str, Option<&str>)] = &[
    ("object_store", None),
    ("arrow", None),
    ("parquet", Some("parquet@60")),
];

/// Crates that would bring in the same thing under another name: name or prefix, and the crate in
/// [`HOMES`].
const OTHER_NAMES: &[(&str, &str)] = &[
    ("rdkafka-sys", "rdkafka"),
    ("torch-sys", "tch"),
    ("faiss-sys", "faiss"),
    ("sqlx-", "sqlx"),
    ("datafusion-", "datafusion"),
    ("arrow-", "arrow"),
];

/// Returns the row of a dependency, by its own name or another name of the same thing.
fn row_of(
    dependency: &str,
) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
    let own = OTHER_NAMES
        .iter()
        .find(|(name, _)| {
            dependency == *name || (name.ends_with('-') && dependency.starts_with(name))
        })
        .map_or(dependency, |(_, own)| own);
    HOMES.iter().find(|(name, ..)| *name == own)
}

fn fault(package: &str, dependency: &str) -> Option<String> {
    let (_, brings, homes) = row_of(dependency)?;
    (!homes.contains(&package)).then(|| {
        let home = match homes {
            [] => "no crate: it comes with DataFusion".to_owned(),
            homes => homes.join(" and "),
        };
        format!("{package} -> {dependency}: {brings} has its home in {home}")
    })
}

fn faults_of(package: &Package) -> Vec<String> {
    package
        .dependencies
        .iter()
        .filter_map(|dependency| fault(&package.name, &dependency.name))
        .collect()
}

#[test]
fn each_heavy_dependency_stays_in_its_home() {
    let faults: Vec<_> = metadata().packages.iter().flat_map(faults_of).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_home_uses_its_dependency() {
    let metadata = metadata();
    for (name, _, homes) in HOMES {
        for home in *homes {
            let package = metadata
                .packages
                .iter()
                .find(|package| package.name == *home);
            let uses = package.is_some_and(|package| {
                package
                    .dependencies
                    .iter()
                    .any(|dependency| dependency.name == *name)
            });
            assert!(
                uses,
                "{home} no longer uses {name}: take it off HOMES in tests/it/homes.rs and off deny.toml"
            );
        }
    }
}

#[test]
fn cargo_deny_holds_the_same_homes() {
    let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    for (name, _, homes) in HOMES {
        let shared = SHARED_WITH_DATAFUSION
            .iter()
            .find(|(shared, _)| shared == name);
        let Some(name) = shared.map_or(Some(*name), |(_, spec)| *spec) else {
            continue;
        };
        let wrappers: Vec<_> = homes.iter().map(|home| format!("\"{home}\"")).collect();
        let row = format!(
            "{{ crate = \"{name}\", wrappers = [{}] }}",
            wrappers.join(", ")
        );
        assert!(deny.contains(&row), "deny.toml lacks: {row}");
    }
}

#[test]
fn the_rule_refuses_what_it_should() {
    assert_eq!(fault("fairlead-event-log", "rdkafka"), None);
    assert_eq!(fault("fairlead-gateway", "arrayvec"), None);
    for (package, dependency) in [
        ("fairlead-testkit", "redis"),
        ("fairlead-tests", "rdkafka"),
        ("fairlead-ranking", "tch"),
        ("fairlead-recall", "faiss-sys"),
        ("fairlead-gateway", "sqlx-core"),
        ("fairlead-stream", "arrow-array"),
        ("fairlead", "datafusion-sql"),
        ("fairlead-control-plane", "object_store"),
    ] {
        assert!(
            fault(package, dependency).is_some(),
            "{package} -> {dependency} passed"
        );
    }
}
