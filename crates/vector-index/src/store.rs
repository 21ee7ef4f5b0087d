//! A saved index: a folder with `header.json` and the FAISS file that it names.
//!
//! The FAISS file's name contains its own checksum, and the header, which is renamed last, names the
//! file. So a save that is interrupted at any point leaves the previous index intact, and a reader
//! sees either the old one or the new one. FAISS reads a file only after its checksum was verified,
//! as its reader does not validate its input.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::builder::MAX_DIMENSION;
use crate::error::Error;
use crate::index::{IndexKind, Native, Searchable, VectorIndex};
use crate::vectors::MAX_ROWS;

const HEADER: &str = "header.json";
const FORMAT: u32 = 1;

/// The content of `header.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// Version of this layout.
    format: u32,
    kind: IndexKind,
    dimension: usize,
    rows: u32,
    /// The largest Euclidean norm of a row.
    max_norm: f64,
    ef_search: u32,
    /// The FAISS file; `None` if there are no rows.
    data: Option<DataFile>,
}

/// The length and the checksum of a FAISS file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFile {
    bytes: u64,
    sha256: String,
}

impl DataFile {
    fn file_name(&self) -> String {
        format!("vectors-{}.faiss", self.sha256)
    }

    /// Reads a file and computes both.
    fn read(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::file(path, "opening"))?;
        let mut hash = Sha256::new();
        let mut bytes = 0;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(Error::file(path, "reading"))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
        Ok(Self {
            bytes,
            sha256: hex::encode(hash.finalize()),
        })
    }
}

impl VectorIndex {
    /// Saves the index into `folder`, which is made if absent; it replaces an index saved there before
    /// atomically.
    ///
    /// # Errors
    /// Returns [`Error::File`] if a file cannot be written, [`Error::Faiss`] if FAISS fails.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder).map_err(Error::file(folder, "making the folder"))?;
        let data = match &self.native {
            None => None,
            Some(native) => Some(write_data(native, folder)?),
        };
        let header = Header {
            format: FORMAT,
            kind: self.kind,
            dimension: self.dimension,
            rows: self.rows,
            max_norm: self.max_norm,
            ef_search: self.ef_search,
            data,
        };
        write_header(&header, folder)?;
        remove_others(folder, header.data.as_ref());
        Ok(())
    }

    /// Loads an index that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// Returns [`Error::File`] if a file is missing or unreadable, [`Error::Corrupt`] if one is
    /// truncated, altered, or not a saved index of this version.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let header = read_header(&folder.join(HEADER))?;
        let native = match &header.data {
            None => None,
            Some(data) => Some(read_data(&header, data, &folder.join(data.file_name()))?),
        };
        let index = Self {
            kind: header.kind,
            dimension: header.dimension,
            rows: header.rows,
            max_norm: header.max_norm,
            ef_search: header.ef_search,
            native,
        };
        tracing::debug!(
            rows = index.rows(),
            dimension = index.dimension(),
            "vector index loaded"
        );
        Ok(index)
    }
}

/// Writes the FAISS file, named by its checksum.
fn write_data(native: &Native, folder: &Path) -> Result<DataFile, Error> {
    let draft = draft(folder)?;
    let path = draft.path().to_path_buf();
    let name = utf8(&path)?;
    native
        .write(name)
        .map_err(Error::faiss("writing the index"))?;
    draft
        .as_file()
        .sync_all()
        .map_err(Error::file(&path, "writing"))?;
    let data = DataFile::read(&path)?;
    persist(draft, &folder.join(data.file_name()))?;
    Ok(data)
}

/// Writes the header, and syncs the folder.
fn write_header(header: &Header, folder: &Path) -> Result<(), Error> {
    let path = folder.join(HEADER);
    let mut draft = draft(folder)?;
    serde_json::to_writer_pretty(&mut draft, header)
        .map_err(io::Error::from)
        .and_then(|()| draft.write_all(b"\n"))
        .and_then(|()| draft.as_file().sync_all())
        .map_err(Error::file(&path, "writing"))?;
    persist(draft, &path)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::file(folder, "writing"))
}

/// Makes a temporary file, which is removed unless it is persisted.
fn draft(folder: &Path) -> Result<NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".draft-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(Error::file(folder, "making a file"))
}

/// Renames a temporary file.
fn persist(draft: NamedTempFile, path: &Path) -> Result<(), Error> {
    draft
        .persist(path)
        .map_err(|failed| Error::file(path, "renaming into place")(failed.error))?;
    Ok(())
}

/// Removes the data of earlier saves. A failure leaves a file that no header names.
fn remove_others(folder: &Path, kept: Option<&DataFile>) {
    let kept = kept.map(DataFile::file_name);
    let stale = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| {
                name.starts_with("vectors-")
                    && Path::new(name)
                        .extension()
                        .is_some_and(|end| end == "faiss")
                    && Some(name) != kept.as_deref()
            })
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()).filter(stale) {
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "stale index data not removed");
        }
    }
}

/// Reads and checks the header.
fn read_header(path: &Path) -> Result<Header, Error> {
    let text = fs::read(path).map_err(Error::file(path, "reading"))?;
    let header: Header = serde_json::from_slice(&text)
        .map_err(|error| Error::corrupt(path, format!("not the header of an index: {error}")))?;
    let problem = if header.format != FORMAT {
        Some(format!(
            "format is {}; this version reads {FORMAT}",
            header.format
        ))
    } else if header.dimension == 0 || header.dimension > MAX_DIMENSION {
        Some(format!(
            "dimension is {}; 1 to {MAX_DIMENSION} are allowed",
            header.dimension
        ))
    } else if header.rows as usize > MAX_ROWS || (header.rows == 0) != header.data.is_none() {
        Some(format!(
            "rows is {}, which does not go with {} data file",
            header.rows,
            if header.data.is_some() { "a" } else { "no" }
        ))
    } else if !header.max_norm.is_finite() || header.max_norm < 0.0 {
        Some(format!(
            "max_norm is {}; a finite value from 0 is allowed",
            header.max_norm
        ))
    } else if let Some(data) = &header.data
        && !(data.sha256.len() == 64 && data.sha256.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        Some(format!(
            "sha256 is {:?}; 64 hex digits are allowed",
            data.sha256
        ))
    } else {
        None
    };
    problem.map_or(Ok(header), |reason| Err(Error::corrupt(path, reason)))
}

/// Verifies the checksum of the FAISS file, then reads it.
fn read_data(header: &Header, expected: &DataFile, path: &Path) -> Result<Native, Error> {
    let found = DataFile::read(path)?;
    if found.bytes != expected.bytes {
        return Err(Error::corrupt(
            path,
            format!(
                "has {} bytes; the header says {}",
                found.bytes, expected.bytes
            ),
        ));
    }
    if found.sha256 != expected.sha256 {
        return Err(Error::corrupt(
            path,
            format!("has SHA-256 {}, not the one in its name", found.sha256),
        ));
    }
    let index =
        faiss::read_index(utf8(path)?).map_err(|error| Error::corrupt(path, error.to_string()))?;
    let native = Native::from_read(index, header.kind, header.ef_search)
        .map_err(|error| Error::corrupt(path, error.to_string()))?;
    let (dimension, rows) = native.shape();
    if (dimension, rows) != (header.dimension, u64::from(header.rows)) {
        return Err(Error::corrupt(
            path,
            format!(
                "holds {rows} rows of {dimension}; the header says {} of {}",
                header.rows, header.dimension
            ),
        ));
    }
    Ok(native)
}

/// Returns a path as text, or an error if it is not UTF-8.
fn utf8(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .ok_or_else(|| Error::corrupt(path, "FAISS takes only paths in UTF-8"))
}
