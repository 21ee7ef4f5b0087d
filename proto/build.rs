//! Compiles every contract under `fairlead/` without a system `protoc`.

use std::{error::Error, fmt::Write as _, fs, io, path::Path, path::PathBuf};

use protox::prost_reflect::{DescriptorPool, Value};

/// The method option that says what the caller must be allowed to do.
const REQUIRES: &str = "fairlead.access.v1.requires";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=fairlead");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(Path::new("fairlead"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new(["."])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();
    // With our own options, which the descriptors of `prost` do not keep.
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("fairlead.bin"), &encoded)?;
    fs::write(
        out.join("requirements.rs"),
        requirements(&compiler.descriptor_pool())?,
    )?;

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

/// Returns the table of methods as Rust: path, and what the caller must be allowed to do. A method
/// that does not say it fails the build.
fn requirements(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option = pool
        .get_extension_by_name(REQUIRES)
        .ok_or("no method option says what the caller must be allowed to do")?;
    let mut methods: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    methods.sort_by_key(|method| method.full_name().to_owned());
    let mut table = "&[\n".to_owned();
    for method in methods {
        let name = method.full_name();
        let options = method.options();
        let requirement = options.get_extension(&option);
        let field = |name| {
            let message = requirement.as_message()?;
            Some(message.get_field_by_name(name)?.into_owned())
        };
        let anyone = field("anyone").as_ref().and_then(Value::as_bool) == Some(true);
        let any_of = field("any_of").unwrap_or(Value::List(Vec::new()));
        let any_of = any_of.as_list().unwrap_or_default();
        if anyone != any_of.is_empty() {
            return Err(
                format!("{name}: the option ({REQUIRES}) names permissions, or anyone").into(),
            );
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let any_of: Vec<_> = any_of.iter().filter_map(Value::as_enum_number).collect();
        writeln!(table, "    ({path:?}, &{any_of:?}),")?;
    }
    table.push_str("]\n");
    Ok(table)
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
