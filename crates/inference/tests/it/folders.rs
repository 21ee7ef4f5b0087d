//! Model folders: written completely or not at all; the fault of a damaged one is named.

use std::fs;
use std::path::Path;

use fairlead_inference::{Error, Model, ModelFolder};

use crate::fixtures::{golden, ranker_manifest, trace_ranker, write_ranker};

#[test]
fn what_was_written_opens_the_same() {
    let parent = tempfile::tempdir().unwrap();
    let written = write_ranker(&parent.path().join("a/ranker-v1"), "v1", 0.0).unwrap();
    let opened = ModelFolder::open(written.path()).unwrap();
    assert_eq!(opened.manifest(), &ranker_manifest());
    assert_eq!(opened.golden(), [golden(&ranker_manifest(), 0.0)]);
}

#[test]
fn a_folder_is_never_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("ranker");
    let first = write_ranker(&path, "v1", 0.0).unwrap();
    let program = fs::read(path.join("model.pt")).unwrap();
    let error = write_ranker(&path, "v2", 1.0).unwrap_err();
    assert!(matches!(&error, Error::Exists { path: named } if named == &path));
    let kept = ModelFolder::open(&path).unwrap();
    assert_eq!(kept.manifest(), first.manifest());
    assert_eq!(fs::read(path.join("model.pt")).unwrap(), program);
}

/// A model that cannot be saved, or does not pass its own golden cases, leaves nothing behind.
#[test]
fn a_failed_write_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("ranker");
    let manifest = ranker_manifest();
    let cases = [golden(&manifest, 0.0)];
    let full = ModelFolder::write(&path, &manifest, &cases, |path| {
        fs::write(path, "half a mod")?;
        Err("the disk is full".into())
    });
    assert!(full.unwrap_err().to_string().ends_with("the disk is full"));
    let nothing = ModelFolder::write(&path, &manifest, &cases, |_| Ok(()));
    assert!(nothing.unwrap_err().to_string().contains("model.pt"));
    let wrong = ModelFolder::write(&path, &manifest, &cases, |path| {
        Ok(trace_ranker(0.5).save(path)?)
    });
    assert!(matches!(wrong, Err(Error::GoldenMismatch { .. })));
    let empty = ModelFolder::write(&path, &manifest, &[], |path| {
        Ok(trace_ranker(0.0).save(path)?)
    });
    assert!(matches!(empty, Err(Error::Malformed { .. })));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: [Damage; 9] = [
    (
        "no manifest",
        |folder| fs::remove_file(folder.join("manifest.json")).unwrap(),
        "manifest.json: reading: No such file",
    ),
    (
        "manifest cut off",
        |folder| fs::write(folder.join("manifest.json"), "{\"name\": \"ra").unwrap(),
        "manifest.json: EOF while parsing a string at line 1",
    ),
    (
        "manifest without a field",
        |folder| edit(folder, "manifest.json", "\"kind\": \"ranker\",", ""),
        "manifest.json: missing field `kind`",
    ),
    (
        "golden cases are not a list",
        |folder| fs::write(folder.join("golden.json"), "{}").unwrap(),
        "golden.json: invalid type: map, expected a sequence",
    ),
    (
        "golden shape does not fit its values",
        |folder| {
            edit(
                folder,
                "golden.json",
                "\"item_dense\": {\n        \"shape\": [\n          3,",
                "\"item_dense\": {\n        \"shape\": [\n          4,",
            );
        },
        "golden.json: [0].inputs.item_dense.shape is [4, 3] for 9 values",
    ),
    (
        "no program",
        |folder| fs::remove_file(folder.join("model.pt")).unwrap(),
        "model.pt: reading: No such file",
    ),
    (
        "program cut off",
        |folder| {
            let program = fs::read(folder.join("model.pt")).unwrap();
            fs::write(folder.join("model.pt"), &program[..program.len() / 2]).unwrap();
        },
        "model.pt: loading TorchScript: ",
    ),
    (
        "foreign program",
        |folder| fs::write(folder.join("model.pt"), "#!/bin/sh\necho model\n").unwrap(),
        "model.pt: loading TorchScript: ",
    ),
    (
        "empty program",
        |folder| fs::write(folder.join("model.pt"), "").unwrap(),
        "model.pt: loading TorchScript: ",
    ),
];

#[test]
fn damage_is_named_with_its_file() {
    let parent = tempfile::tempdir().unwrap();
    for (at, (name, damage, expected)) in DAMAGES.iter().enumerate() {
        let path = parent.path().join(format!("model-{at}"));
        write_ranker(&path, "v1", 0.0).unwrap();
        damage(&path);
        let error = ModelFolder::open(&path)
            .and_then(|folder| Model::load(&folder, None))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains(path.to_str().unwrap()), "{name}: {error}");
    }
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}
