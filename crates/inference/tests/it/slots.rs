//! Exchanging models while requests run.

use std::sync::Arc;

use fairlead_inference::{Engine, EngineOptions, Error, ModelSlot, ModelSlots};

use crate::fixtures::{SCHEMA, assert_close, load_ranker, request, write_ranker};

const OPTIONS: EngineOptions = EngineOptions {
    threads: 2,
    max_rows: 64,
    max_wait_us: 0,
    queue: 256,
};

#[tokio::test]
async fn a_model_is_loaded_in_the_background_and_a_bad_one_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let good = parent.path().join("good");
    write_ranker(&good, "v1", 0.0).unwrap();
    let slot = ModelSlot::empty("ranker");
    let schema = || Some(SCHEMA.to_owned());
    let loaded = slot.load_in_background(&good, schema()).await.unwrap();
    assert_eq!(loaded.manifest().version, "v1");
    assert!(Arc::ptr_eq(&loaded, &slot.require().unwrap()));
    assert_eq!(slot.last_failure(), None);

    let bad = parent.path().join("bad");
    write_ranker(&bad, "v2", 0.0).unwrap();
    std::fs::write(bad.join("model.pt"), "not a model").unwrap();
    let error = slot.load_in_background(&bad, schema()).await.unwrap_err();
    let failure = slot.last_failure().unwrap();
    assert_eq!((&failure.path, &failure.reason), (&bad, &error.to_string()));
    assert!(Arc::ptr_eq(&loaded, &slot.require().unwrap()));

    let other = Some("c0ffee".to_owned());
    let error = slot.load_in_background(&good, other).await.unwrap_err();
    assert!(matches!(error, Error::SchemaMismatch { .. }));
    slot.load_in_background(&good, schema()).await.unwrap();
    assert_eq!(slot.last_failure(), None);
}

/// An exchange while a load runs wins over it: the load was asked for earlier.
#[tokio::test]
async fn an_earlier_load_does_not_replace_a_later_model() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("old");
    write_ranker(&path, "old", 0.0).unwrap();
    let slot = ModelSlot::empty("ranker");
    let mut earlier = Box::pin(slot.load_in_background(&path, None));
    assert!(futures::poll!(earlier.as_mut()).is_pending());
    let newer = Arc::new(load_ranker("new", 1.0));
    slot.swap(Arc::clone(&newer));
    let error = earlier.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "slot \"ranker\" took a model that was asked for later than ranker old"
    );
    assert!(Arc::ptr_eq(&newer, &slot.require().unwrap()));
}

/// Version `n` shifts its clicks by `n`: each answer must be that of the version it names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_under_load_loses_nothing_and_mixes_nothing() {
    let versions: Vec<_> = [0.0f32, 1.0, 2.0]
        .map(|shift| Arc::new(load_ranker(&format!("{shift}"), shift)))
        .into();
    let slot = Arc::new(ModelSlot::empty("ranker"));
    slot.swap(Arc::clone(&versions[0]));
    let engine = Arc::new(Engine::start(OPTIONS).unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (slot, engine) = (Arc::clone(&slot), Arc::clone(&engine));
        clients.spawn(async move {
            let mut seen = 0.0f32;
            for _ in 0..300 {
                let outputs = engine.run(&slot, request().batch(), None).await.unwrap();
                let shift: f32 = outputs.manifest().version.parse().unwrap();
                assert_close(outputs.get("click").unwrap(), &request().expected(shift).0);
                assert!(shift >= seen, "went back to an older version");
                seen = shift;
            }
        });
    }
    let own = ModelSlot::empty("own");
    own.swap(Arc::clone(&versions[0]));
    for version in &versions[1..] {
        for _ in 0..50 {
            engine.run(&own, request().batch(), None).await.unwrap();
        }
        slot.swap(Arc::clone(version));
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let last = engine.run(&slot, request().batch(), None).await.unwrap();
    assert_eq!(last.manifest().version, "2");
}

#[tokio::test]
async fn versions_are_served_side_by_side() {
    let parent = tempfile::tempdir().unwrap();
    let slots = ModelSlots::empty("ranker");
    for (version, shift) in [("champion", 0.0), ("challenger", 1.0)] {
        write_ranker(&parent.path().join(version), version, shift).unwrap();
    }
    slots
        .live()
        .load_in_background(parent.path().join("champion"), None)
        .await
        .unwrap();
    let missing = slots.get(Some("challenger")).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "version \"challenger\" of model \"ranker\" is not loaded; loaded are [\"champion\"]"
    );
    slots
        .add(parent.path().join("challenger"), None)
        .await
        .unwrap();
    assert_eq!(slots.loaded(), ["challenger", "champion"]);
    let engine = Engine::start(OPTIONS).unwrap();
    for (version, shift) in [
        (None, 0.0),
        (Some("champion"), 0.0),
        (Some("challenger"), 1.0),
    ] {
        let slot = slots.get(version).unwrap();
        let outputs = engine.run(&slot, request().batch(), None).await.unwrap();
        assert_close(outputs.get("click").unwrap(), &request().expected(shift).0);
    }
    slots.retain(|version| version == "champion");
    assert!(slots.get(Some("challenger")).is_err());
    assert!(slots.get(Some("champion")).is_ok());
}
