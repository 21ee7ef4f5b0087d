//! Saving and loading: damaged files are refused with the problem named.

use std::fs;
use std::path::{Path, PathBuf};

use fairlead_vector_index::{Error, IndexBuilder, IndexKind, Searchable, VectorIndex};

use crate::data::random;

fn build(kind: IndexKind, seed: u64) -> VectorIndex {
    let mut builder = IndexBuilder::new(8).unwrap();
    builder.extend(&random(seed, 2_000, 8)).unwrap();
    builder.kind(kind).build().unwrap()
}

fn answers(index: &VectorIndex) -> Vec<Vec<fairlead_vector_index::Hit>> {
    index.search_batch(&random(99, 20, 8), 30, None).unwrap()
}

fn data_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "faiss"))
        .collect();
    assert_eq!(files.len(), 1, "one data file in {files:?}");
    files.remove(0)
}

#[test]
fn what_was_saved_answers_the_same() {
    for kind in [IndexKind::Flat, IndexKind::Hnsw] {
        let folder = tempfile::tempdir().unwrap();
        let index = build(kind, 1);
        index.save(folder.path()).unwrap();
        let loaded = VectorIndex::load(folder.path()).unwrap();
        assert_eq!(loaded.kind(), kind);
        assert_eq!(answers(&loaded), answers(&index));
    }
}

#[test]
fn saving_again_replaces_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    build(IndexKind::Hnsw, 1).save(folder.path()).unwrap();
    let second = build(IndexKind::Flat, 2);
    second.save(folder.path()).unwrap();
    assert_eq!(
        answers(&VectorIndex::load(folder.path()).unwrap()),
        answers(&second)
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn an_empty_index_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    IndexBuilder::new(3)
        .unwrap()
        .build()
        .unwrap()
        .save(folder.path())
        .unwrap();
    let loaded = VectorIndex::load(folder.path()).unwrap();
    assert_eq!((loaded.rows(), loaded.dimension()), (0, 3));
    assert_eq!(loaded.search(&[1.0; 3], 4, None).unwrap(), []);
}

type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: [Damage; 8] = [
    (
        "truncated data",
        |folder| {
            let path = data_file(folder);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        },
        "the header says",
    ),
    (
        "one byte altered",
        |folder| {
            let path = data_file(folder);
            let mut bytes = fs::read(&path).unwrap();
            bytes[5_000] ^= 1;
            fs::write(&path, bytes).unwrap();
        },
        "SHA-256",
    ),
    (
        "no data",
        |folder| fs::remove_file(data_file(folder)).unwrap(),
        "No such file",
    ),
    (
        "no header",
        |folder| fs::remove_file(folder.join("header.json")).unwrap(),
        "No such file",
    ),
    (
        "truncated header",
        |folder| fs::write(folder.join("header.json"), "{\"format\": 1, \"ki").unwrap(),
        "not the header of an index",
    ),
    (
        "foreign header",
        |folder| fs::write(folder.join("header.json"), "{\"name\": \"x\"}").unwrap(),
        "unknown field `name`",
    ),
    (
        "header of a later format",
        |folder| edit_header(folder, "\"format\": 1", "\"format\": 2"),
        "format is 2; this version reads 1",
    ),
    (
        "header of another kind",
        |folder| edit_header(folder, "\"flat\"", "\"hnsw\""),
        "setting a parameter",
    ),
];

#[test]
fn damage_is_named_with_its_file() {
    for (name, damage, expected) in DAMAGES {
        let folder = tempfile::tempdir().unwrap();
        build(IndexKind::Flat, 1).save(folder.path()).unwrap();
        damage(folder.path());
        let error = VectorIndex::load(folder.path()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(
            message.contains(folder.path().to_str().unwrap()),
            "{name}: {message}"
        );
    }
}

/// A file that is not one of FAISS, with a header that names its checksum.
#[test]
fn a_foreign_data_file_with_a_right_checksum_is_refused() {
    use sha2::Digest;
    let folder = tempfile::tempdir().unwrap();
    build(IndexKind::Flat, 1).save(folder.path()).unwrap();
    let old = data_file(folder.path());
    let old_sum = old.file_stem().unwrap().to_str().unwrap()["vectors-".len()..].to_owned();
    let length = fs::metadata(&old).unwrap().len();
    let foreign = vec![b'x'; usize::try_from(length).unwrap()];
    let sum = hex::encode(sha2::Sha256::digest(&foreign));
    fs::write(folder.path().join(format!("vectors-{sum}.faiss")), &foreign).unwrap();
    edit_header(folder.path(), &old_sum, &sum);
    let error = VectorIndex::load(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn saving_where_a_file_stands_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    fs::write(&path, "").unwrap();
    let error = build(IndexKind::Flat, 1).save(&path).unwrap_err();
    assert!(error.to_string().contains("making the folder"), "{error}");
}

fn edit_header(folder: &Path, from: &str, to: &str) {
    let path = folder.join("header.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replace(from, to)).unwrap();
}
