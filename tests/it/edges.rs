//! Edges point down only: domain <- pure crates <- I/O crates <- services <- server <- lab <- binary
//! and tests.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::{
    layers::{Layer, SERVICE_TESTKIT, TESTKIT, WORKSPACE_HACK, entered, layer_of},
    workspace::metadata,
};

/// Names that do not say what a crate is for, so that everything ends up in it.
const EMPTY_NAMES: &[&str] = &[
    "common", "core", "util", "utils", "helpers", "shared", "types", "misc",
];

/// Returns what is wrong with an edge, or `None`.
fn fault(from: &str, to: &str, kind: DependencyKind) -> Option<String> {
    if to == WORKSPACE_HACK {
        return None;
    }
    if to == TESTKIT || to == SERVICE_TESTKIT {
        return testkit_fault(from, to, kind);
    }
    if from == TESTKIT {
        return Some(format!(
            "{from} -> {to}: every crate may use the testkit, so it may use none"
        ));
    }
    if from == SERVICE_TESTKIT {
        return (layer_of(to)? > Layer::Io).then(|| {
            format!("{from} -> {to}: every service may use the service testkit, so it may use none")
        });
    }
    let (Some(above), Some(below)) = (layer_of(from), layer_of(to)) else {
        // `every_crate_has_a_layer` reports it.
        return None;
    };
    if below < above || (below == above && above.has_inner_edges()) {
        return None;
    }
    Some(if above == Layer::Service && below == Layer::Service {
        format!("{from} -> {to}: services never import each other, they meet in fairlead-proto")
    } else {
        format!("{from} ({above:?}) -> {to} ({below:?}): edges point down only")
    })
}

/// Returns what is wrong with the use of a testkit, or `None`.
fn testkit_fault(from: &str, to: &str, kind: DependencyKind) -> Option<String> {
    if from == SERVICE_TESTKIT && to == TESTKIT {
        return None;
    }
    // `fairlead-tests` is a test, its library included.
    if kind != DependencyKind::Development && from != "fairlead-tests" {
        return Some(format!(
            "{from} -> {to}: a testkit is a dev-dependency only"
        ));
    }
    let below = layer_of(from).is_none_or(|layer| layer < Layer::Service);
    (to == SERVICE_TESTKIT && below).then(|| {
        format!("{from} -> {to}: it uses crates as low as this one; only services test with it")
    })
}

fn faults_of(package: &Package) -> impl Iterator<Item = String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .filter_map(|Dependency { name, kind, .. }| fault(&package.name, name, *kind))
}

#[test]
fn edges_point_down_only() {
    let faults: Vec<_> = metadata()
        .packages
        .iter()
        .flat_map(|package| faults_of(package).collect::<Vec<_>>())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_crate_has_a_layer() {
    let metadata = metadata();
    let here: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let listed: BTreeSet<_> = entered().collect();
    let unknown: Vec<_> = here.difference(&listed).collect();
    assert!(
        unknown.is_empty(),
        "{unknown:?}: no layer yet; enter the crate in LAYERS of tests/it/layers.rs, at the lowest layer that holds"
    );
    let gone: Vec<_> = listed.difference(&here).collect();
    assert!(
        gone.is_empty(),
        "{gone:?}: in LAYERS of tests/it/layers.rs, but not in the workspace"
    );
}

#[test]
fn crates_are_named_after_what_they_are_for() {
    for package in metadata().packages {
        let name = package
            .name
            .strip_prefix("fairlead-")
            .unwrap_or(&package.name);
        let folder = package
            .manifest_path
            .parent()
            .and_then(|folder| folder.file_name());
        for said in [Some(name), folder].into_iter().flatten() {
            assert!(
                !EMPTY_NAMES.contains(&said),
                "{}: '{said}' says nothing",
                package.manifest_path
            );
        }
    }
}

#[test]
fn the_rule_refuses_what_it_should() {
    use DependencyKind::{Build, Development, Normal};
    let allowed = [
        ("fairlead-price-engine", "fairlead-domain", Normal),
        ("fairlead-price-engine", "fairlead-decision-table", Normal),
        ("fairlead-pricing", "fairlead-chassis", Normal),
        ("fairlead-server", "fairlead-pricing", Normal),
        ("fairlead-lab", "fairlead-server", Normal),
        ("fairlead", "fairlead-lab", Normal),
        ("fairlead-online", TESTKIT, Development),
        ("fairlead-recall", SERVICE_TESTKIT, Development),
        (SERVICE_TESTKIT, "fairlead-release", Normal),
        (SERVICE_TESTKIT, TESTKIT, Normal),
    ];
    for (from, to, kind) in allowed {
        assert_eq!(fault(from, to, kind), None);
    }
    let refused = [
        ("fairlead-domain", "fairlead-proto", Normal),
        ("fairlead-registry", "fairlead-chassis", Normal),
        ("fairlead-chassis", "fairlead-gateway", Development),
        ("fairlead-gateway", "fairlead-pricing", Normal),
        ("fairlead-gateway", "fairlead-pricing", Development),
        ("fairlead-pricing", "fairlead-training", Build),
        ("fairlead-pricing", "fairlead", Development),
        ("fairlead-import", "fairlead-gateway", Development),
        ("fairlead-server", "fairlead-lab", Development),
        ("fairlead-tests", "fairlead", Normal),
        ("fairlead-online", TESTKIT, Normal),
        (TESTKIT, "fairlead-domain", Normal),
        (TESTKIT, SERVICE_TESTKIT, Normal),
        ("fairlead-recall", SERVICE_TESTKIT, Normal),
        ("fairlead-release", SERVICE_TESTKIT, Development),
        (SERVICE_TESTKIT, "fairlead-recall", Normal),
    ];
    for (from, to, kind) in refused {
        assert!(
            fault(from, to, kind).is_some(),
            "{from} -> {to} ({kind}) passed"
        );
    }
}
