//! Where a service keeps the model that it runs, and how it is exchanged under load.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};

use crate::error::Error;
use crate::folder::ModelFolder;
use crate::model::Model;
use crate::threads::one_thread;

/// Holds the model in use; exchanging it does not disturb requests that run.
#[derive(Debug)]
pub struct ModelSlot {
    name: String,
    current: ArcSwapOption<Model>,
    last_failure: ArcSwapOption<LoadFailure>,
    /// Loads are numbered as they begin; `installed` is the number of the one in `current`.
    started: AtomicU64,
    installed: Mutex<u64>,
}

/// Why the last load did not install its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// The model folder.
    pub path: PathBuf,
    /// The error, in words.
    pub reason: String,
}

impl ModelSlot {
    /// A slot without a model.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            current: ArcSwapOption::empty(),
            last_failure: ArcSwapOption::empty(),
            started: AtomicU64::new(0),
            installed: Mutex::new(0),
        }
    }

    /// A slot with a model, named after it.
    pub fn with(model: Model) -> Self {
        let slot = Self::empty(model.manifest().name.clone());
        slot.swap(Arc::new(model));
        slot
    }

    /// What the slot is called in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model in use, if any was installed.
    pub fn current(&self) -> Option<Arc<Model>> {
        self.current.load_full()
    }

    /// The model in use, or [`Error::NoModel`].
    pub fn require(&self) -> Result<Arc<Model>, Error> {
        self.current().ok_or_else(|| Error::NoModel {
            slot: self.name.clone(),
        })
    }

    /// Installs `model` and gives the one used so far. Requests that began with that one end with
    /// it; it is freed with the last of them.
    pub fn swap(&self, model: Arc<Model>) -> Option<Arc<Model>> {
        let mut installed = self.installed.lock();
        *installed = self.begin();
        self.current.swap(Some(model))
    }

    /// Why the last load failed; `None` after one that succeeded.
    pub fn last_failure(&self) -> Option<Arc<LoadFailure>> {
        self.last_failure.load_full()
    }

    /// Loads the model folder at `path` on a blocking thread ([`Model::load`]) and installs it.
    /// On any error the model in use stays, and the error is returned and kept as
    /// [`last_failure`](Self::last_failure).
    ///
    /// Of loads that overlap, the one begun last decides: an earlier one that ends after it gives
    /// [`Error::Superseded`].
    pub async fn load_in_background(
        &self,
        path: impl Into<PathBuf>,
        expected_schema_hash: Option<String>,
    ) -> Result<Arc<Model>, Error> {
        let path = path.into();
        let number = self.begin();
        let result = load_on_blocking_thread(path.clone(), expected_schema_hash)
            .await
            .and_then(|model| self.install(Arc::new(model), number));
        let failure = result.as_ref().err().map(|error| LoadFailure {
            path,
            reason: error.to_string(),
        });
        self.last_failure.store(failure.map(Arc::new));
        result
    }

    fn begin(&self) -> u64 {
        self.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn install(&self, model: Arc<Model>, number: u64) -> Result<Arc<Model>, Error> {
        let mut installed = self.installed.lock();
        if *installed > number {
            return Err(Error::Superseded {
                slot: self.name.clone(),
                model: model.manifest().title(),
            });
        }
        *installed = number;
        self.current.store(Some(Arc::clone(&model)));
        Ok(model)
    }
}

/// The versions of one model that are served side by side: the live one, and those that arms of an
/// experiment name (champion, challengers, shadow).
#[derive(Debug)]
pub struct ModelSlots {
    live: Arc<ModelSlot>,
    versions: RwLock<BTreeMap<String, Arc<ModelSlot>>>,
}

impl ModelSlots {
    /// No model yet.
    pub fn empty(name: impl Into<String>) -> Self {
        Self {
            live: Arc::new(ModelSlot::empty(name)),
            versions: RwLock::new(BTreeMap::new()),
        }
    }

    /// The slot that serves whoever names no version.
    pub fn live(&self) -> &Arc<ModelSlot> {
        &self.live
    }

    /// The slot of `version`, be it the live one; the live slot for `None`.
    pub fn get(&self, version: Option<&str>) -> Result<Arc<ModelSlot>, Error> {
        let Some(version) = version else {
            return Ok(Arc::clone(&self.live));
        };
        if let Some(slot) = self.versions.read().get(version) {
            return Ok(Arc::clone(slot));
        }
        let live = self.live.current();
        if live.is_some_and(|model| model.manifest().version == version) {
            return Ok(Arc::clone(&self.live));
        }
        Err(Error::UnknownVersion {
            slot: self.live.name.clone(),
            version: version.to_owned(),
            loaded: self.loaded(),
        })
    }

    /// Loads the model folder at `path` and serves it under its version, beside the live one.
    pub async fn add(
        &self,
        path: impl AsRef<Path>,
        expected_schema_hash: Option<String>,
    ) -> Result<Arc<Model>, Error> {
        let slot = ModelSlot::empty(self.live.name.clone());
        let model = slot
            .load_in_background(path.as_ref(), expected_schema_hash)
            .await?;
        let version = model.manifest().version.clone();
        self.versions.write().insert(version, Arc::new(slot));
        Ok(model)
    }

    /// Keeps only the versions for which `keep` is true; requests that run are not disturbed.
    pub fn retain(&self, mut keep: impl FnMut(&str) -> bool) {
        self.versions.write().retain(|version, _| keep(version));
    }

    /// The versions that can be asked for, the live one among them.
    pub fn loaded(&self) -> Vec<String> {
        let live = self
            .live
            .current()
            .map(|model| model.manifest().version.clone());
        let mut versions: Vec<String> = self.versions.read().keys().cloned().chain(live).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

async fn load_on_blocking_thread(
    path: PathBuf,
    expected_schema_hash: Option<String>,
) -> Result<Model, Error> {
    let title = path.display().to_string();
    let load = move || {
        // As on the engine's threads, so that what is warmed is what will run.
        one_thread();
        Model::load(&ModelFolder::open(&path)?, expected_schema_hash.as_deref())
    };
    match tokio::task::spawn_blocking(load).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => Err(Error::panicked(title, &*panic)),
            // The runtime shuts down.
            Err(_) => Err(Error::Stopped),
        },
    }
}
