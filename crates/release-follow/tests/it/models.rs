//! The models that releases name: each loaded once, refused with a reason, freed after use.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use fairlead_proto::control::v1::ModelRef;
use fairlead_release_follow::{Models, Standing, model_folder_hash};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::releases::PATIENCE;

/// A folder under `root`, as a release names it.
fn folder(root: &Path, name: &str, version: &str) -> ModelRef {
    let path = root.join(name);
    std::fs::create_dir_all(&path).expect("made");
    std::fs::write(path.join("manifest.json"), name).expect("written");
    ModelRef {
        role: "ranker".to_owned(),
        name: "ranker".to_owned(),
        version: version.to_owned(),
        content_hash: model_folder_hash(&path).expect("a folder"),
        path: path.display().to_string(),
        ..ModelRef::default()
    }
}

/// Models whose loads wait for a permit each; the model is the text of its manifest.
struct Gated {
    models: Models<String>,
    inputs: Arc<Notify>,
    permits: SyncSender<()>,
    /// The path of each load, as it begins.
    begun: Receiver<String>,
}

impl Gated {
    fn new() -> Self {
        let (permits, permitted) = sync_channel::<()>(16);
        let (begins, begun) = sync_channel(16);
        let gate = Mutex::new((permitted, begins));
        let load = move |named: &ModelRef| {
            let gate = gate.lock();
            gate.1.send(named.path.clone()).expect("the test lives");
            gate.0.recv_timeout(PATIENCE).expect("permitted");
            assert!(!named.path.ends_with("panics"), "a panic");
            std::fs::read_to_string(Path::new(&named.path).join("manifest.json"))
        };
        let inputs = Arc::new(Notify::new());
        Self {
            models: Models::new("test_failures_total", Arc::clone(&inputs), load),
            inputs,
            permits,
            begun,
        }
    }

    /// Lets a load end, and waits until its end is told.
    async fn load(&self) {
        self.permits.send(()).expect("a load waits");
        self.notified().await;
    }

    async fn notified(&self) {
        timeout(PATIENCE, self.inputs.notified())
            .await
            .expect("in time");
    }

    /// Where one model stands in a release that names it alone.
    fn standing(&self, revision: i64, named: &ModelRef) -> Standing<String> {
        self.models.standings(revision, &[named]).remove(0)
    }

    fn ready(&self, revision: i64, named: &ModelRef) -> Arc<String> {
        match self.standing(revision, named) {
            Standing::Ready(model) => model,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self, revision: i64, named: &ModelRef) -> String {
        match self.standing(revision, named) {
            Standing::Refused(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn is_loading(&self, revision: i64, named: &ModelRef) -> bool {
        matches!(self.standing(revision, named), Standing::Loading)
    }

    fn loads_begun(&self) -> usize {
        self.begun.try_iter().count()
    }
}

#[tokio::test]
async fn each_model_is_loaded_once_and_kept_while_it_is_named() {
    let root = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| folder(root.path(), name, name));
    let gated = Gated::new();
    let standings = gated.models.standings(1, &[&one, &two]);
    assert!(matches!(
        standings[..],
        [Standing::Loading, Standing::Loading]
    ));
    gated.load().await;
    gated.load().await;
    assert_eq!(gated.loads_begun(), 2);
    for revision in 1..3 {
        let standings = gated.models.standings(revision, &[&two, &one]);
        let [Standing::Ready(two), Standing::Ready(one)] = &standings[..] else {
            panic!("{standings:?}");
        };
        assert_eq!((one.as_str(), two.as_str()), ("one", "two"));
    }
    assert_eq!(gated.loads_begun(), 0);
}

#[tokio::test]
async fn a_model_that_is_named_no_longer_lives_as_long_as_it_is_used() {
    let root = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one", "two"].map(|name| folder(root.path(), name, name));
    let gated = Gated::new();
    assert!(gated.is_loading(1, &one));
    gated.load().await;
    let used = gated.ready(1, &one);
    assert!(gated.is_loading(2, &two));
    gated.load().await;
    // Rolled back while it is in use: nothing is read again.
    assert!(Arc::ptr_eq(&used, &gated.ready(3, &one)));
    assert_eq!(gated.loads_begun(), 2);
    assert!(gated.is_loading(4, &two), "nobody used it");
    gated.load().await;
    let weak = Arc::downgrade(&used);
    drop(used);
    assert!(weak.upgrade().is_none(), "something still holds it");
}

#[tokio::test]
async fn a_refused_model_is_tried_again_with_the_next_release() {
    let root = tempfile::tempdir().expect("a folder");
    let one = folder(root.path(), "one", "1");
    let manifest = Path::new(&one.path).join("manifest.json");
    std::fs::write(&manifest, "changed").expect("written");
    let gated = Gated::new();
    assert!(gated.is_loading(1, &one));
    gated.notified().await;
    let reason = gated.refusal(1, &one);
    for said in [&one.path, &one.content_hash] {
        assert!(reason.contains(said), "{reason}");
    }
    assert_eq!(gated.loads_begun(), 0, "read, though it is another model");
    std::fs::write(&manifest, "one").expect("written");
    assert_eq!(gated.refusal(1, &one), reason, "the same release");
    assert!(gated.is_loading(2, &one));
    gated.load().await;
    assert_eq!(*gated.ready(2, &one), "one");
}

#[tokio::test]
async fn a_load_that_panics_is_a_refusal() {
    let root = tempfile::tempdir().expect("a folder");
    let panics = folder(root.path(), "panics", "1");
    let gated = Gated::new();
    assert!(gated.is_loading(1, &panics));
    gated.load().await;
    assert_eq!(gated.refusal(1, &panics), "it panicked: a panic");
}

/// Two folders with the same content: the load of the first must not answer for the second.
#[tokio::test]
async fn a_load_that_ends_after_another_release_came_does_not_answer_for_it() {
    let root = tempfile::tempdir().expect("a folder");
    let one = folder(root.path(), "one", "1");
    let gone = ModelRef {
        path: root.path().join("gone").display().to_string(),
        ..one.clone()
    };
    let gated = Gated::new();
    assert!(gated.is_loading(1, &one));
    gated.begun.recv_timeout(PATIENCE).expect("it begins");
    assert!(gated.is_loading(2, &gone));
    gated.notified().await;
    assert!(gated.refusal(2, &gone).contains("gone"));
    gated.permits.send(()).expect("a load waits");
    // Named again while its first load runs or has ended: it answers for itself.
    assert!(gated.is_loading(3, &one));
    gated.load().await;
    assert_eq!(*gated.ready(3, &one), "one");
}
