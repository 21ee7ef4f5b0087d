//! Models in memory: checked when they are loaded, never changed after.

use std::sync::Arc;

use crate::batch::{Batch, CheckedBatch};
use crate::concat::{Raw, concat};
use crate::error::Error;
use crate::folder::{ModelFolder, Program};
use crate::linear::LinearModel;
use crate::manifest::{Manifest, RowGroup};
use crate::outputs::Outputs;
use crate::torchscript::TorchScript;

/// The computation of a model's outputs: a TorchScript program or a [`LinearModel`].
pub trait Forward: Send + Sync {
    /// Returns one flat vector per output of the manifest, in its order, each `rows x columns`
    /// long for the output's row group. The caller checks that the values are finite.
    fn forward(&self, manifest: &Manifest, batch: &CheckedBatch) -> Result<Vec<Vec<f32>>, Error>;
}

/// The copies of a golden case that each warm-up pass runs, and the runs of each: TorchScript's
/// profiling executor records the first runs of a graph and optimises it then, and its plan
/// generalises over batch sizes only after it saw several.
const WARM_UP_COPIES: [usize; 4] = [1, 2, 8, 32];
const WARM_UP_RUNS: usize = 3;

/// A loaded model. Immutable: any number of threads may run it.
pub struct Model {
    manifest: Arc<Manifest>,
    program: Box<dyn Forward>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Loads the program of `folder` onto the CPU, runs its golden cases and warms it up. Takes
    /// from milliseconds to seconds: call it on a blocking thread, after
    /// [`one_thread`](crate::one_thread), so that what is warmed is what will run.
    ///
    /// # Errors
    /// [`Error::SchemaMismatch`] when `expected_schema_hash` is given and is not the
    /// manifest's, [`Error::Torch`] for a truncated or foreign program, [`Error::GoldenMismatch`],
    /// [`Error::OutputNotFinite`] and [`Error::OutputShape`] from the golden cases.
    pub fn load(folder: &ModelFolder, expected_schema_hash: Option<&str>) -> Result<Self, Error> {
        let manifest = folder.manifest();
        if let Some(expected) = expected_schema_hash
            && !expected.eq_ignore_ascii_case(&manifest.schema_hash)
        {
            return Err(Error::SchemaMismatch {
                model: manifest.title(),
                found: manifest.schema_hash.clone(),
                expected: expected.to_owned(),
            });
        }
        let program: Box<dyn Forward> = match folder.program() {
            (Program::TorchScript, path) => Box::new(TorchScript::load(&path)?),
            (Program::Linear, path) => Box::new(LinearModel::read(&path, manifest)?),
        };
        let model = Self {
            manifest: Arc::new(manifest.clone()),
            program,
        };
        let mut cases = Vec::with_capacity(folder.golden().len());
        for case in folder.golden() {
            let batch = model.check(case.batch(manifest)?)?;
            case.compare(manifest, &model.answer(&batch)?)?;
            cases.push(batch);
        }
        model.warm_up(&cases)?;
        Ok(model)
    }

    /// Returns a model around any implementation of [`Forward`], without files or golden cases.
    ///
    /// # Errors
    /// [`Error::Input`] when the manifest does not make sense.
    pub fn with_program(manifest: Manifest, program: Box<dyn Forward>) -> Result<Self, Error> {
        manifest.check().map_err(|reason| Error::Input {
            model: manifest.title(),
            input: "manifest".to_owned(),
            reason,
        })?;
        Ok(Self {
            manifest: Arc::new(manifest),
            program,
        })
    }

    /// Returns its manifest: what it takes and gives.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Checks a request against the manifest.
    pub fn check(&self, batch: Batch) -> Result<CheckedBatch, Error> {
        CheckedBatch::new(&self.manifest, batch)
    }

    /// Runs one request on the calling thread, without queue or batching: the floor that
    /// measurements compare with. Uses as many threads as libtorch has for this one; see
    /// `tch::set_num_threads`.
    pub fn forward_once(&self, batch: &Batch) -> Result<Outputs, Error> {
        self.answer(&self.check(batch.clone())?)
    }

    pub(crate) fn shared_manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    pub(crate) fn answer(&self, batch: &CheckedBatch) -> Result<Outputs, Error> {
        Outputs::new(&self.manifest, self.run(batch)?)
    }

    /// Returns the raw outputs, of the right shapes, maybe not finite.
    pub(crate) fn run(&self, batch: &CheckedBatch) -> Result<Raw, Error> {
        let raw = self.program.forward(&self.manifest, batch)?;
        let fail = |output: &str, got: String, expected: String| Error::OutputShape {
            model: self.manifest.title(),
            output: output.to_owned(),
            got,
            expected,
        };
        if raw.len() != self.manifest.outputs.len() {
            let (got, expected) = (raw.len(), self.manifest.outputs.len());
            let outputs = |n: usize| format!("{n} outputs");
            return Err(fail("*", outputs(got), outputs(expected)));
        }
        for (spec, values) in self.manifest.outputs.iter().zip(&raw) {
            let rows = batch.rows().of(spec.rows);
            let expected = rows * spec.columns.unwrap_or(1);
            if values.len() != expected {
                return Err(fail(
                    &spec.name,
                    format!("{} values for {rows} rows", values.len()),
                    format!("{expected}"),
                ));
            }
        }
        Ok(raw)
    }

    fn warm_up(&self, cases: &[CheckedBatch]) -> Result<(), Error> {
        let Some(largest) = cases.iter().max_by_key(|case| {
            RowGroup::ALL
                .map(|group| case.rows().of(group))
                .iter()
                .sum::<usize>()
        }) else {
            return Ok(());
        };
        for copies in WARM_UP_COPIES {
            let batch = concat(&self.manifest, std::iter::repeat_n(largest, copies));
            for _ in 0..WARM_UP_RUNS {
                self.run(&batch)?;
            }
        }
        Ok(())
    }
}
