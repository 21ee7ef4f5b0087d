//! The models that releases name, loaded beside requests.

use std::collections::HashMap;
use std::collections::hash_map::Entry::Occupied;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Weak};

use fairlead_proto::control::v1::ModelRef;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::model_folder::model_folder_hash;
use crate::panic::reason_of;

/// The state of a model that a release names.
#[derive(Debug)]
pub enum Standing<M> {
    /// It is in memory and passed every check.
    Ready(Arc<M>),
    /// It is being loaded.
    Loading,
    /// It was refused for this reason.
    Refused(String),
}

impl<M> Clone for Standing<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Ready(model) => Self::Ready(Arc::clone(model)),
            Self::Loading => Self::Loading,
            Self::Refused(reason) => Self::Refused(reason.clone()),
        }
    }
}

/// The models of one role: an input of a [`Derived`](crate::Derived) value. Each is loaded once,
/// on a blocking thread, and only if its folder holds what the release was published with.
///
/// A model that releases no longer name is freed with the last value that uses it.
pub struct Models<M> {
    inner: Arc<Inner<M>>,
}

type Load<M> = dyn Fn(&ModelRef) -> Result<M, String> + Send + Sync;

struct Inner<M> {
    /// The metric that counts refusals.
    failures: &'static str,
    load: Box<Load<M>>,
    /// Notified when a load ends.
    inputs: Arc<Notify>,
    state: Mutex<State<M>>,
}

struct State<M> {
    /// The release whose models are in use.
    revision: i64,
    entries: HashMap<Key, Entry<M>>,
    loads: JoinSet<()>,
}

/// The content hash of a folder, in lower case, and the version that it is named by.
type Key = (String, String);

struct Entry<M> {
    named: ModelRef,
    /// The newest release that names it.
    revision: i64,
    held: Held<M>,
}

/// The hold on a model.
enum Held<M> {
    Named(Standing<M>),
    /// No release names it, but something may still use it.
    Left(Weak<M>),
}

fn key_of(named: &ModelRef) -> Key {
    let hash = named.content_hash.to_ascii_lowercase();
    (hash, named.version.clone())
}

impl<M> std::fmt::Debug for Models<M> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.inner.state.lock();
        out.debug_struct("Models")
            .field("revision", &state.revision)
            .field("models", &state.entries.keys())
            .finish_non_exhaustive()
    }
}

impl<M: Send + Sync + 'static> Models<M> {
    /// Returns an empty set. `load` reads and checks a folder; it runs on a blocking thread, and
    /// `inputs` is notified when it ends. `failures` is the metric that counts refused models.
    pub fn new<E: Display>(
        failures: &'static str,
        inputs: Arc<Notify>,
        load: impl Fn(&ModelRef) -> Result<M, E> + Send + Sync + 'static,
    ) -> Self {
        let load = move |named: &ModelRef| load(named).map_err(|error| error.to_string());
        Self {
            inner: Arc::new(Inner {
                failures,
                load: Box::new(load),
                inputs,
                state: Mutex::new(State {
                    revision: 0,
                    entries: HashMap::new(),
                    loads: JoinSet::new(),
                }),
            }),
        }
    }

    /// Returns the state of each model that the release of `revision` names, and begins to load those
    /// that are not in memory. Must be called inside a tokio runtime, with all models
    /// of the release.
    ///
    /// A model that was refused is tried again at each new revision: its folder may have been
    /// mended.
    pub fn standings(&self, revision: i64, named: &[&ModelRef]) -> Vec<Standing<M>> {
        let mut state = self.inner.state.lock();
        // Ended loads only; one that runs still answers if this release names its model too.
        while state.loads.try_join_next().is_some() {}
        state.revision = revision;
        let standings = named
            .iter()
            .map(|named| {
                let known = state.entries.get(&key_of(named));
                let known = known.and_then(|entry| entry.standing_in(revision, named));
                let standing = known.unwrap_or_else(|| {
                    self.begin_load(&mut state.loads, (*named).clone());
                    Standing::Loading
                });
                let entry = Entry {
                    named: (*named).clone(),
                    revision,
                    held: Held::Named(standing.clone()),
                };
                state.entries.insert(key_of(named), entry);
                standing
            })
            .collect();
        state
            .entries
            .retain(|_, entry| entry.revision == revision || entry.leave());
        standings
    }

    fn begin_load(&self, loads: &mut JoinSet<()>, named: ModelRef) {
        let inner = Arc::downgrade(&self.inner);
        loads.spawn_blocking(move || {
            let Some(inner) = inner.upgrade() else {
                return;
            };
            let loading = AssertUnwindSafe(|| inner.load(&named));
            let loaded = catch_unwind(loading).unwrap_or_else(|panic| Err(reason_of(&*panic)));
            inner.take(&named, loaded);
        });
    }
}

impl<M> Entry<M> {
    /// Returns the state of the model for a release that names it so, or `None` if it must be
    /// loaded.
    fn standing_in(&self, revision: i64, named: &ModelRef) -> Option<Standing<M>> {
        match &self.held {
            Held::Named(Standing::Ready(model)) => Some(Standing::Ready(Arc::clone(model))),
            Held::Left(model) => model.upgrade().map(Standing::Ready),
            Held::Named(Standing::Loading) => (self.named == *named).then_some(Standing::Loading),
            Held::Named(Standing::Refused(reason)) => (self.revision == revision
                && self.named == *named)
                .then(|| Standing::Refused(reason.clone())),
        }
    }

    /// Notes that the release names the model no longer. Returns false if nothing is left of it.
    fn leave(&mut self) -> bool {
        match &self.held {
            Held::Named(Standing::Ready(model)) => {
                self.held = Held::Left(Arc::downgrade(model));
                true
            }
            Held::Named(Standing::Loading) => true,
            Held::Named(Standing::Refused(_)) => false,
            Held::Left(model) => model.strong_count() > 0,
        }
    }
}

impl<M> Inner<M> {
    fn load(&self, named: &ModelRef) -> Result<M, String> {
        let path = Path::new(&named.path);
        let found = model_folder_hash(path).map_err(|error| error.to_string())?;
        if !found.eq_ignore_ascii_case(&named.content_hash) {
            let error = Error::OtherModel {
                path: path.to_path_buf(),
                found,
                published: named.content_hash.clone(),
            };
            return Err(error.to_string());
        }
        (self.load)(named)
    }

    fn take(&self, named: &ModelRef, loaded: Result<M, String>) {
        let ModelRef {
            role,
            name,
            version,
            ..
        } = named;
        let standing = match loaded {
            Ok(model) => {
                tracing::info!(role, name, version, "model loaded");
                Standing::Ready(Arc::new(model))
            }
            Err(reason) => {
                metrics::counter!(self.failures).increment(1);
                tracing::error!(
                    role,
                    name,
                    version,
                    reason,
                    "model refused, the one in use stays"
                );
                Standing::Refused(reason)
            }
        };
        let mut state = self.state.lock();
        let revision = state.revision;
        let Occupied(entry) = state.entries.entry(key_of(named)) else {
            return;
        };
        // A release that came meanwhile may name another folder, or none.
        if entry.get().named != *named {
            return;
        }
        if entry.get().revision == revision {
            entry.into_mut().held = Held::Named(standing);
            drop(state);
            self.inputs.notify_one();
        } else {
            entry.remove();
        }
    }
}
