//! The content hash of a model's folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Error;

/// The file that every model's folder holds.
const MANIFEST: &str = "manifest.json";

/// The deepest folder inside a model's folder, and the most files in it: a model has a handful,
/// and a wrong path (the root of the disk) must not be read through.
const MAX_DEPTH: usize = 4;
const MAX_FILES: usize = 1_000;

/// Returns the SHA-256, in lower-case hex, over every file of a model's folder.
///
/// The rule: the files in the order of their names (paths relative to the folder, `/` between
/// parts, compared byte by byte); of each, the length of the name as 8 bytes little-endian, the
/// name, the length of the content likewise, the content. Names that begin with a dot are left
/// out.
pub fn model_folder_hash(folder: impl AsRef<Path>) -> Result<String, Error> {
    let folder = folder.as_ref();
    let refuse = |reason: String| Error::ModelFolder {
        path: folder.to_path_buf(),
        reason,
    };
    let mut files = Vec::new();
    collect(folder, "", 0, &mut files)?;
    if !files.iter().any(|(name, _)| name == MANIFEST) {
        return Err(refuse(format!("no {MANIFEST} is in it")));
    }
    if files.len() > MAX_FILES {
        return Err(refuse(format!(
            "{} files are in it; allowed: at most {MAX_FILES}",
            files.len()
        )));
    }
    files.sort();
    let mut hash = Sha256::new();
    for (name, path) in &files {
        add(&mut hash, name, path)?;
    }
    Ok(hex::encode(hash.finalize()))
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    into: &mut Vec<(String, PathBuf)>,
) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "reading the folder"))?;
    for entry in entries {
        let entry = entry.map_err(Error::file(folder, "reading the folder"))?;
        let path = entry.path();
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| Error::ModelFolder {
                path: path.clone(),
                reason: "its name is not UTF-8".to_owned(),
            })?;
        if name.starts_with('.') || into.len() > MAX_FILES {
            continue;
        }
        let name = format!("{prefix}{name}");
        // Follows links: a mounted folder often holds links to the files.
        let kind = fs::metadata(&path).map_err(Error::file(&path, "reading"))?;
        if kind.is_file() {
            into.push((name, path));
        } else if kind.is_dir() && depth < MAX_DEPTH {
            collect(&path, &format!("{name}/"), depth + 1, into)?;
        } else {
            return Err(Error::ModelFolder {
                path,
                reason: format!("allowed: files, and folders at most {MAX_DEPTH} deep"),
            });
        }
    }
    Ok(())
}

fn add(hash: &mut Sha256, name: &str, path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::file(path, "opening"))?;
    let length = file.metadata().map_err(Error::file(path, "reading"))?.len();
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(length.to_le_bytes());
    let mut content = file.take(length);
    let mut chunk = vec![0; 1 << 16];
    let mut hashed = 0;
    loop {
        let count = content
            .read(&mut chunk)
            .map_err(Error::file(path, "reading"))?;
        if count == 0 {
            break;
        }
        hash.update(&chunk[..count]);
        hashed += count as u64;
    }
    if hashed != length {
        return Err(Error::ModelFolder {
            path: path.to_path_buf(),
            reason: "it shrank while it was read; allowed: a folder that nobody writes".to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("inside")).expect("made");
            fs::write(path, content).expect("written");
        }
        folder
    }

    /// Returns the hash by the rule written out by hand.
    fn by_hand(files: &[(&str, &str)]) -> String {
        let mut bytes = Vec::new();
        for (name, content) in files {
            for part in [name, content] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part.as_bytes());
            }
        }
        hex::encode(Sha256::digest(bytes))
    }

    #[test]
    fn hashes_names_lengths_and_contents_in_order() {
        let files = [
            ("golden.json", "[]"),
            ("index/part-0", "rows"),
            ("manifest.json", "{}"),
            ("model.pt", "zip"),
        ];
        let made = folder(&files);
        fs::write(made.path().join(".cache"), "left out").expect("written");
        assert_eq!(
            model_folder_hash(made.path()).expect("a model"),
            by_hand(&files)
        );
        // A byte that moves from one file to the next is another model.
        let moved = folder(&[("golden.json", "[]{"), ("manifest.json", "}")]);
        let other = folder(&[("golden.json", "[]"), ("manifest.json", "{}")]);
        assert_ne!(
            model_folder_hash(moved.path()).expect("a model"),
            model_folder_hash(other.path()).expect("a model")
        );
    }

    #[test]
    fn refuses_what_is_no_model() {
        let empty = folder(&[]);
        let refused = model_folder_hash(empty.path()).expect_err("no manifest");
        assert!(
            refused.to_string().contains("no manifest.json"),
            "{refused}"
        );
        let missing = model_folder_hash(empty.path().join("gone")).expect_err("no folder");
        assert!(missing.to_string().contains("gone"), "{missing}");
    }
}
