//! A saved index: a folder with `header.json` and the FAISS file that it names.
//!
//! The FAISS file's name holds its own checksum, and the header, renamed into place last, says
//! which one is meant. So a save that is cut off at any point leaves the index that was there, and
//! a reader sees the old one or the new one. FAISS reads a file only after its checksum was found
//! right: its reader trusts what it reads.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::builder::MAX_DIMENSION;
use crate::error::Error;
use crate::index::{Kind, Native, Searchable, VectorIndex};
use crate::vectors::MAX_ROWS;

const HEADER: &str = "header.json";
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// Version of this layout.
    format: u32,
    kind: Kind,
    dimension: usize,
    rows: u32,
    /// The largest Euclidean norm of a row.
    max_norm: f64,
    ef_search: u32,
    /// The FAISS file; none when there are no rows.
    data: Option<Data>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    bytes: u64,
    sha256: String,
}

impl Data {
    fn file_name(&self) -> String {
        format!("vectors-{}.faiss", self.sha256)
    }

    fn of(path: &Path) -> Result<Self, Error> {
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
    /// Saves into `folder`, made if absent; an index saved there before is replaced as one step.
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

    /// Loads what [`save`](Self::save) wrote.
    ///
    /// Errors: [`Error::File`] when a file is missing or unreadable, [`Error::Corrupt`] when one
    /// is truncated, altered, or not a saved index of this version.
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

fn write_data(native: &Native, folder: &Path) -> Result<Data, Error> {
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
    let data = Data::of(&path)?;
    persist(draft, &folder.join(data.file_name()))?;
    Ok(data)
}

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

/// A file that disappears unless it is persisted.
fn draft(folder: &Path) -> Result<NamedTempFile, Error> {
    tempfile::Builder::new()
        .prefix(".draft-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(Error::file(folder, "making a file"))
}

fn persist(draft: NamedTempFile, path: &Path) -> Result<(), Error> {
    draft
        .persist(path)
        .map_err(|failed| Error::file(path, "renaming into place")(failed.error))?;
    Ok(())
}

/// Removes the data of earlier saves. A failure leaves a file that nothing refers to.
fn remove_others(folder: &Path, kept: Option<&Data>) {
    let kept = kept.map(Data::file_name);
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

fn read_data(header: &Header, expected: &Data, path: &Path) -> Result<Native, Error> {
    let found = Data::of(path)?;
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

fn utf8(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .ok_or_else(|| Error::corrupt(path, "FAISS takes only paths in UTF-8"))
}
