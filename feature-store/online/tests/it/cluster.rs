//! What only a cluster does: keys on several nodes, slots that move while they are used.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fairlead_domain::ProductId;
use fairlead_online::{
    Acceptance, EntityKey, Error, FeatureStore, NewQuote, OnlineStore, QuoteStore, SourcePartition,
    Write, WriteOutcome, Written,
};
use fairlead_testkit::RedisCluster;

use crate::load::{Load, Owner, Tally};
use crate::slots::{Move, slot_of};
use crate::stores::{bytes, clicks, cluster, product, tenant, write};

fn counters(id: &str, expected: Option<i64>, mark: i64, count: i64) -> Write {
    Write {
        key: EntityKey::product(&tenant(), &product(id)),
        ..write(id, 0, expected, mark, bytes(&clicks(id, count)))
    }
}

#[tokio::test]
async fn one_call_reads_and_writes_across_all_slots() -> anyhow::Result<()> {
    let (_turn, store) = cluster().await?;
    let ids: Vec<ProductId> = (0..600).map(|at| product(&format!("p{at}"))).collect();
    let writes = ids
        .iter()
        .step_by(2)
        .enumerate()
        .map(|(at, id)| counters(id.as_str(), None, 1, 1 + at as i64 % 3))
        .collect();
    let outcomes = store.apply(writes).await?;
    assert!(outcomes.iter().all(|one| *one == WriteOutcome::Applied));
    let states = store.read_product_counters(&tenant(), &ids).await?;
    assert_eq!(states.len(), ids.len());
    for (at, state) in states.into_iter().enumerate() {
        assert_eq!(state.is_some(), at % 2 == 0, "p{at}");
        if let Some(state) = state {
            let single = store
                .read_product_counters(&tenant(), &ids[at..=at])
                .await?
                .remove(0);
            assert_eq!(single, Some(state), "p{at}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_cluster_answers_for_itself() -> anyhow::Result<()> {
    let (_turn, store) = cluster().await?;
    store.healthy().await?;
    let report = store.report().await?;
    assert!(report.version.contains('.') && report.used_memory > 0);
    assert_eq!(report.eviction, "noeviction");
    Ok(())
}

#[tokio::test]
async fn addresses_of_no_cluster_are_refused() -> anyhow::Result<()> {
    for url in [
        "redis+cluster://",
        "redis+cluster://a:1,",
        "redis+cluster://a:port",
    ] {
        let error = OnlineStore::connect(url).await.err().expect(url);
        assert!(matches!(error, Error::Address { .. }), "{url}: {error}");
        assert!(error.to_string().contains("redis+cluster://"), "{error}");
    }
    let mut server = fairlead_testkit::RedisServer::start()?;
    server.kill9()?;
    let url = format!("redis+cluster://me:secret@{}", server.addr());
    let error = OnlineStore::connect(&url)
        .await
        .err()
        .expect("nobody there");
    assert!(error.is_transient(), "{error}");
    let said = error.to_string();
    assert!(
        said.contains(&server.addr().to_string()) && !said.contains("secret"),
        "{said}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_for_good_under_load_are_followed() -> anyhow::Result<()> {
    let cluster = tokio::task::spawn_blocking(RedisCluster::start).await??;
    let addrs = cluster.addrs();
    let store = OnlineStore::connect(&cluster.url()).await?;
    let owners: Vec<Owner> = (0..12)
        .map(|at| Owner::new(&store, format!("c{at}")))
        .collect();
    let mut slots = BTreeMap::new();
    for owner in &owners {
        let slot = slot_of(addrs[0], owner.key().as_str()).await?;
        // The slots were dealt in thirds.
        let master = usize::from(slot) * 3 / 16_384;
        slots.insert(slot, master);
    }
    let load = Load::start(owners);
    for (slot, master) in slots {
        let moving = Move::begin(slot, addrs[master], addrs[(master + 1) % 3]).await?;
        moving.finish().await?;
    }
    let (mut owners, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");
    for owner in &mut owners {
        let before = owner.mark;
        owner.look().await?;
        assert_eq!(owner.mark, before, "{}", owner.id);
    }
    Ok(())
}

/// A customer, a product and a quote of the same name share a slot: one is moved, one stays, one is
/// not there yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_half_moved_is_asked_for_on_both_sides() -> anyhow::Result<()> {
    let cluster = tokio::task::spawn_blocking(RedisCluster::start).await??;
    let addrs = cluster.addrs();
    let store = OnlineStore::connect(&cluster.url()).await?;
    let (quotes, tenant_id) = (store.quotes(), tenant());
    let mut moved = Owner::new(&store, "anna");
    let only_once = Tally {
        done: 1,
        ..Tally::default()
    };
    assert_eq!(moved.step().await?, only_once);
    let stays = store.apply(vec![counters("anna", None, 1, 2)]).await?;
    assert_eq!(stays, [WriteOutcome::Applied]);

    let slot = slot_of(addrs[0], moved.key().as_str()).await?;
    let master = usize::from(slot) * 3 / 16_384;
    let mut moving = Move::begin(slot, addrs[master], addrs[(master + 1) % 3]).await?;
    moving.keys(&[moved.key().as_str().to_owned()]).await?;

    // The moved one, on a node that has never seen the script.
    assert_eq!(moved.step().await?, only_once);
    // The one that stays, read and written in one call with the other.
    let field = |key: EntityKey| (key, SourcePartition::new("log", 0));
    let other = EntityKey::product(&tenant(), &product("anna"));
    let both = [field(moved.key()), field(other)];
    let marks = |fields: Vec<Option<fairlead_online::Field>>| -> Vec<Option<i64>> {
        let mark = |field: Option<fairlead_online::Field>| field.map(|field| field.mark);
        fields.into_iter().map(mark).collect()
    };
    assert_eq!(
        marks(store.read_fields(&both).await?),
        [moved.mark, Some(1)]
    );
    let stays = store.apply(vec![counters("anna", Some(1), 2, 3)]).await?;
    assert_eq!(stays, [WriteOutcome::Applied]);
    // A new one: it is made where the slot is going.
    let quote = || NewQuote {
        tenant: &tenant_id,
        idempotency_key: "k",
        quote_id: "anna",
        content: Bytes::from_static(b"quote"),
        keep: Duration::from_mins(10),
    };
    assert_eq!(quotes.get(&tenant_id, "anna").await?, None);
    assert_eq!(quotes.put_if_absent(quote()).await?, Written::New);
    assert_eq!(quotes.put_if_absent(quote()).await?, Written::New);
    let accepted = Bytes::from_static(b"now");
    let accept = || quotes.accept_once(&tenant_id, "anna", accepted.clone());
    assert_eq!(accept().await?, Acceptance::Accepted);
    assert_eq!(accept().await?, Acceptance::Already(accepted.clone()));

    moving.finish().await?;
    assert_eq!(moved.step().await?, only_once);
    assert_eq!(
        marks(store.read_fields(&both).await?),
        [moved.mark, Some(2)]
    );
    let kept = quotes.get(&tenant_id, "anna").await?.expect("moved along");
    assert_eq!(kept.acceptance, Some(accepted));
    Ok(())
}
