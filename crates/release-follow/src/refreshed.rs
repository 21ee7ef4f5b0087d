//! Values that a service reads again every so often for the live release.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fairlead_release::Live;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::handle::ReleaseHandle;

/// The least time that one reading gets.
const LEAST_READ_TIME: Duration = Duration::from_secs(1);

/// The options of a [`Refreshed`] value.
#[derive(Debug, Clone, Copy)]
pub struct RefreshOptions {
    /// Its name in logs: "product counters".
    pub name: &'static str,
    /// The wait between two readings, and the time that one may take, at least a second.
    pub every: Duration,
    /// The metric that counts readings that failed.
    pub failures: &'static str,
}

/// A value that is read at each release and every so often: an input of a
/// [`Derived`](crate::Derived) value. Where a reading fails, the last one stays in use. Cheap to
/// clone; getting it never waits.
#[derive(Debug)]
pub struct Refreshed<T> {
    value: Arc<ArcSwap<T>>,
}

impl<T> Clone for Refreshed<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
        }
    }
}

impl<T: Default + Send + Sync + 'static> Refreshed<T> {
    /// Returns the default value, with the future that replaces it by what `read` gives: the owner
    /// runs it in its own task set. `inputs` is notified after each reading, also one that failed:
    /// what was read before has grown older.
    pub fn follow<E, F>(
        options: RefreshOptions,
        handle: ReleaseHandle,
        inputs: Arc<Notify>,
        read: impl Fn(Arc<Live>) -> F + Send + 'static,
    ) -> (Self, impl Future<Output = ()> + Send + 'static)
    where
        E: Display + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let refreshed = Self {
            value: Arc::default(),
        };
        let this = refreshed.clone();
        let run = async move {
            let mut changed = handle.changed();
            let mut ticks = interval(options.every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    // New products were never read.
                    changed = changed.changed() => match changed {
                        Ok(()) => ticks.reset(),
                        Err(_) => return,
                    },
                    _ = ticks.tick() => {}
                }
                if let Some(live) = handle.live() {
                    this.read(options, read(live)).await;
                    inputs.notify_one();
                }
            }
        };
        (refreshed, run)
    }

    /// Returns what was read last, or the default value before the first reading.
    pub fn get(&self) -> Arc<T> {
        self.value.load_full()
    }

    async fn read<E: Display>(
        &self,
        options: RefreshOptions,
        reading: impl Future<Output = Result<T, E>>,
    ) {
        let RefreshOptions {
            name,
            every,
            failures,
        } = options;
        let limit = every.max(LEAST_READ_TIME);
        let failure = match timeout(limit, reading).await {
            Ok(Ok(value)) => {
                self.value.store(Arc::new(value));
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not read within {limit:?}"),
        };
        metrics::counter!(failures).increment(1);
        tracing::warn!(
            what = name,
            error = failure,
            "reading failed, the last one is used"
        );
    }
}
