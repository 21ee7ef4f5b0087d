//! Compiles every contract under `fairlead/` without a system `protoc`.

use std::{error::Error, fs, io, path::Path, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=fairlead");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(Path::new("fairlead"), &mut files)?;
    files.sort();

    let descriptors = protox::Compiler::new(["."])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?
        .file_descriptor_set();
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("fairlead.bin"), &encoded)?;

    // BTree maps keep the encoding of a message deterministic: hashes and signatures rest on it.
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .btree_map([".fairlead"])
        .emit_fields()
        .build(&[".fairlead"])?;
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            into.push(path);
        }
    }
    Ok(())
}
