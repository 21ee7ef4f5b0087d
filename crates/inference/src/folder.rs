//! Model folders on disk: written completely or not at all, never changed.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::golden::GoldenCase;
use crate::linear::LinearModel;
use crate::manifest::Manifest;
use crate::model::Model;

/// The TorchScript program.
const TORCHSCRIPT: &str = "model.pt";
/// The weights and points of a linear model, in place of a program.
const SCORECARD: &str = "scorecard.json";
const MANIFEST: &str = "manifest.json";
const GOLDEN: &str = "golden.json";

/// A model's folder, its manifest and golden cases read and checked; the program is not loaded.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    path: PathBuf,
    manifest: Manifest,
    golden: Vec<GoldenCase>,
    program: Program,
}

/// The kind of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    TorchScript,
    Linear,
}

impl Program {
    fn file(self) -> &'static str {
        match self {
            Self::TorchScript => TORCHSCRIPT,
            Self::Linear => SCORECARD,
        }
    }
}

impl ModelFolder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// [`Error::File`] for a file that is missing or unreadable, [`Error::Malformed`] for one that
    /// does not say what it must, with the file and the field.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let manifest = Manifest::read(&path.join(MANIFEST))?;
        let golden = GoldenCase::read(&path.join(GOLDEN))?;
        let program = if path.join(SCORECARD).exists() {
            Program::Linear
        } else {
            Program::TorchScript
        };
        let file = path.join(program.file());
        fs::metadata(&file).map_err(Error::file(&file, "reading"))?;
        Ok(Self {
            path: path.to_path_buf(),
            manifest,
            golden,
            program,
        })
    }

    /// Writes a TorchScript model into the new folder `path`: `save_model` is given the path to
    /// save the program to (`CModule::save`). The model is loaded and must pass its own golden
    /// cases before the folder appears under its name; on any error nothing is left behind.
    pub fn write(
        path: impl AsRef<Path>,
        manifest: &Manifest,
        golden: &[GoldenCase],
        save_model: impl FnOnce(&Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Self, Error> {
        Self::write_program(path.as_ref(), manifest, golden, |draft| {
            let program = draft.join(TORCHSCRIPT);
            save_model(&program).map_err(|source| Error::Save {
                path: program,
                source,
            })
        })
    }

    /// Writes a linear model as [`ModelFolder::write`] writes a TorchScript model.
    pub fn write_linear(
        path: impl AsRef<Path>,
        manifest: &Manifest,
        golden: &[GoldenCase],
        model: &LinearModel,
    ) -> Result<Self, Error> {
        Self::write_program(path.as_ref(), manifest, golden, |draft| {
            write_json(&draft.join(SCORECARD), model)
        })
    }

    fn write_program(
        path: &Path,
        manifest: &Manifest,
        golden: &[GoldenCase],
        save: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        if path.exists() {
            return Err(Error::Exists {
                path: path.to_path_buf(),
            });
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(Error::file(parent, "making the folder"))?;
        let draft = tempfile::Builder::new()
            .prefix(".draft-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .map_err(Error::file(parent, "making a folder"))?;
        write_json(&draft.path().join(MANIFEST), manifest)?;
        write_json(&draft.path().join(GOLDEN), golden)?;
        save(draft.path())?;
        let folder = Self::open(draft.path())?;
        Model::load(&folder, None)?;
        sync(draft.path())?;
        fs::rename(draft.path(), path).map_err(Error::file(path, "renaming into place"))?;
        // Renamed away: there is nothing left to remove.
        let _ = draft.keep();
        sync_file(parent)?;
        Ok(Self {
            path: path.to_path_buf(),
            ..folder
        })
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its manifest: what the model takes and gives.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns its golden cases.
    pub fn golden(&self) -> &[GoldenCase] {
        &self.golden
    }

    pub(crate) fn program(&self) -> (Program, PathBuf) {
        (self.program, self.path.join(self.program.file()))
    }
}

fn write_json(path: &Path, value: &(impl serde::Serialize + ?Sized)) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::malformed(path, error.to_string()))?;
    text.push(b'\n');
    fs::write(path, text).map_err(Error::file(path, "writing"))
}

/// Flushes the files of `folder` to the disk, before the folder gets its name.
fn sync(folder: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "reading"))?;
    for entry in entries {
        let entry = entry.map_err(Error::file(folder, "reading"))?;
        sync_file(&entry.path())?;
    }
    sync_file(folder)
}

fn sync_file(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(Error::file(path, "writing"))
}
