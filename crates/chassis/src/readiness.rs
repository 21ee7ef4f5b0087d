//! Readiness: the named parts that must be there before a process serves, and draining at its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

/// The parts that a process still waits for. Clones are of the same process.
#[derive(Debug, Clone)]
pub struct Readiness {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug)]
struct State {
    waiting: BTreeSet<&'static str>,
    draining: bool,
}

impl Readiness {
    /// Creates a readiness that waits for each of `parts`.
    pub fn waiting_for(parts: &[&'static str]) -> Self {
        let state = State {
            waiting: parts.iter().copied().collect(),
            draining: false,
        };
        Self {
            state: Arc::new(watch::Sender::new(state)),
        }
    }

    /// Notes that a part is there. It stays so: losing it later degrades answers, it does not end
    /// them.
    pub fn has(&self, part: &'static str) {
        self.state.send_if_modified(|state| {
            let had = state.waiting.remove(part);
            if had {
                tracing::info!(part, "part is ready");
            }
            had
        });
    }

    /// Notes that this process is not to be asked any more.
    pub fn drain(&self) {
        self.state.send_modify(|state| state.draining = true);
    }

    /// Waits until it is ready.
    pub async fn ready(&self) {
        let mut state = self.state.subscribe();
        // The sender lives in `self`: the wait cannot fail.
        drop(state.wait_for(|state| state.waiting.is_empty()).await);
    }

    /// Returns why it cannot serve, or `None` where it can.
    pub fn refusal(&self) -> Option<String> {
        let state = self.state.borrow();
        if state.draining {
            return Some("draining".to_owned());
        }
        let waiting: Vec<&str> = state.waiting.iter().copied().collect();
        (!waiting.is_empty()).then(|| format!("waiting for: {}", waiting.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_says_what_it_waits_for_and_that_it_drains() {
        let readiness = Readiness::waiting_for(&["release", "model"]);
        assert_eq!(
            readiness.refusal().as_deref(),
            Some("waiting for: model, release")
        );
        readiness.has("model");
        assert_eq!(readiness.refusal().as_deref(), Some("waiting for: release"));
        let (other, ()) = (readiness.clone(), readiness.has("release"));
        other.ready().await;
        assert_eq!(other.refusal(), None);
        readiness.drain();
        assert_eq!(other.refusal().as_deref(), Some("draining"));
    }
}
