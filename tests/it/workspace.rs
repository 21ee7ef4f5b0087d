//! The workspace as Cargo knows it: its crates and their dependencies.

use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand};

pub(crate) fn root() -> PathBuf {
    fairlead_testkit::checkout_dir()
}

/// Returns the manifests alone: nothing is resolved, so neither network nor lock file is needed.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}
