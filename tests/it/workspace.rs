//! The workspace as Cargo knows it: its crates and their dependencies.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Returns the manifests alone: nothing is resolved, so neither network nor lock file is needed.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}
