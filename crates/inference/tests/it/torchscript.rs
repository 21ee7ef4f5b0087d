//! TorchScript as PyTorch writes it: source, which can do what tracing cannot.

use std::path::Path;

use fairlead_inference::{Batch, Dtype, Error, Manifest, Model, ModelFolder, RowGroup, Scale};

use crate::fixtures::{input, manifest, output};

/// Saves a program without parameters whose `forward` is `body`: the archive that
/// `torch.jit.script(module).save(path)` writes, a zip of source and pickled (here empty) state.
fn save(path: &Path, body: &str) -> std::io::Result<()> {
    let source = format!(
        "class Model(Module):\n  __parameters__ = []\n  __buffers__ = []\n  \
         def forward(self: __torch__.Model, x: Tensor, id: Tensor) -> {body}\n"
    );
    // An object of class `__torch__.Model` with an empty dictionary; an empty tuple.
    let object = b"\x80\x02c__torch__\nModel\nq\x00)\x81}(ubq\x01.";
    std::fs::write(
        path,
        zip(&[
            ("m/data.pkl", object),
            ("m/code/__torch__.py", source.as_bytes()),
            ("m/constants.pkl", b"\x80\x02)."),
            ("m/version", b"3\n"),
            ("m/byteorder", b"little"),
        ]),
    )
}

/// A zip archive of uncompressed files (APPNOTE 4.3).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let offset = archive.len() as u32;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        // Version needed, flags, method, time, date; then checksum, sizes, lengths of the name
        // and of the extra field.
        let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(*content);
        directory.extend(b"PK\x01\x02\x0a\x00");
        directory.extend(&common);
        // Comment, disk, attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = archive.len() as u32;
    let count = (files.len() as u16).to_le_bytes();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend(count);
    archive.extend(count);
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

fn two_outputs() -> Manifest {
    let inputs = vec![
        input("x", Dtype::F32, Some(2), RowGroup::Row),
        input("id", Dtype::I64, None, RowGroup::Row),
    ];
    let outputs = vec![
        output("sum", RowGroup::Row, None, Scale::Value),
        output("double", RowGroup::Row, Some(2), Scale::Value),
    ];
    manifest("two", inputs, outputs)
}

fn batch() -> Batch {
    Batch::new()
        .f32("x", 2, vec![1.0, 2.0, 3.0, 4.0])
        .index("id", vec![1, 2])
}

fn write(folder: &Path, body: &str) -> Result<ModelFolder, Error> {
    let manifest = two_outputs();
    let golden = [
        ("sum", [4.0, 9.0].as_slice()),
        ("double", [2.0, 4.0, 6.0, 8.0].as_slice()),
    ];
    let case = fairlead_inference::GoldenCase::record("sums", &manifest, &batch(), &golden, 1e-6)?;
    ModelFolder::write(folder.join("m"), &manifest, &[case], |path| {
        Ok(save(path, body)?)
    })
}

fn message(body: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), body).unwrap_err().to_string()
}

const SUM: &str = "torch.add(torch.sum(x, [1]), id)";
const DOUBLE: &str = "torch.mul(x, 2.)";

#[test]
fn tuples_lists_dictionaries_and_columns_are_understood() {
    let list = format!("List[Tensor]:\n    return [{SUM}, {DOUBLE}]");
    let tuple = format!("Tuple[Tensor, Tensor]:\n    return ({SUM}, {DOUBLE})");
    let dictionary =
        format!("Dict[str, Tensor]:\n    return {{\"double\": {DOUBLE}, \"sum\": {SUM}}}");
    let columns =
        format!("Tensor:\n    return torch.cat([torch.unsqueeze({SUM}, 1), {DOUBLE}], 1)");
    for body in [list, tuple, dictionary, columns] {
        let folder = tempfile::tempdir().unwrap();
        let folder = write(folder.path(), &body).unwrap_or_else(|error| panic!("{body}: {error}"));
        let outputs = Model::load(&folder, None)
            .unwrap()
            .forward_once(&batch())
            .unwrap();
        assert_eq!(outputs.get("sum").unwrap(), [4.0, 9.0], "{body}");
        assert_eq!(
            outputs.get("double").unwrap(),
            [2.0, 4.0, 6.0, 8.0],
            "{body}"
        );
    }
}

#[test]
fn results_that_do_not_fit_are_named() {
    for (body, expected) in [
        (
            format!("Dict[str, Tensor]:\n    return {{\"sum\": {SUM}}}"),
            "output \"double\": the result, a dictionary, has no such tensor",
        ),
        (
            format!("Tuple[Tensor, int]:\n    return ({SUM}, 3)"),
            "an element is a number; the manifest says 2 tensors",
        ),
        (
            format!("Tuple[Tensor, Tensor, Tensor]:\n    return ({SUM}, {SUM}, {SUM})"),
            "the result has 3 tensors; the manifest says 2",
        ),
        (
            format!("Tuple[Tensor, Tensor]:\n    return ({SUM}, {SUM})"),
            "output \"double\": [2]; the manifest says [2, 2]",
        ),
        (
            format!("Tensor:\n    return {SUM}"),
            "one tensor of [2]; the manifest says [2, 3]",
        ),
        (
            "str:\n    return \"high\"".to_owned(),
            "the result is text; the manifest says 2",
        ),
    ] {
        let message = message(&body);
        assert!(message.contains(expected), "{body}: {message}");
    }
}

/// An exception that a program raises is an error of one line with its message.
#[test]
fn an_exception_in_the_program_is_an_error() {
    let raised = message(
        "Tuple[Tensor, Tensor]:\n    ops.prim.RaiseException(\"no such branch\")\n    return (x, x)",
    );
    assert!(
        raised.starts_with("two v1: running TorchScript: "),
        "{raised}"
    );
    assert!(
        raised.contains("no such branch") && !raised.contains('\n'),
        "{raised}"
    );
    let unparsable = message("Tensor:\n    return torch.no_such_function(x)");
    assert!(
        unparsable.contains("model.pt: loading TorchScript: "),
        "{unparsable}"
    );
    assert!(unparsable.contains("no_such_function"), "{unparsable}");
}
