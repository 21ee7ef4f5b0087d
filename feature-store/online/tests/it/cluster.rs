//! Tests of a cluster: keys on several nodes, and slots that move while they are used.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fairlead_domain::ProductId;
use fairlead_online::{
    AcceptOutcome, CallerKey, EntityKey, Error, FeatureStore, NewAcceptance, NewQuote, OnlineStore,
    Owner as QuoteOwner, PutOutcome, QuoteStore, SourcePartition, StoredAcceptance, Write,
    WriteOutcome,
};
use fairlead_testkit::RedisCluster;

use crate::load::{Load, Owner, Tally};
use crate::slots::{SlotMigration, key_slot};
use crate::stores::{bytes, clicks, cluster, customer, product, tenant, write};

fn counters(id: &str, expected: Option<i64>, offset: i64, count: i64) -> Write {
    Write {
        key: EntityKey::product(&tenant(), &product(id)),
        ..write(id, 0, expected, offset, bytes(&clicks(id, count)))
    }
}

#[tokio::test]
async fn one_call_reads_and_writes_across_all_slots() -> anyhow::Result<()> {
    let (_exclusive, store) = cluster().await?;
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
async fn a_cluster_reports_its_health_and_version() -> anyhow::Result<()> {
    let (_exclusive, store) = cluster().await?;
    store.healthy().await?;
    let report = store.report().await?;
    assert!(report.version.contains('.') && report.used_memory > 0);
    assert_eq!(report.eviction, "noeviction");
    Ok(())
}

#[tokio::test]
async fn invalid_cluster_addresses_are_refused() -> anyhow::Result<()> {
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
    let message = error.to_string();
    assert!(
        message.contains(&server.addr().to_string()) && !message.contains("secret"),
        "{message}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_slots_are_followed_under_load() -> anyhow::Result<()> {
    let cluster = tokio::task::spawn_blocking(RedisCluster::start).await??;
    let addrs = cluster.addrs();
    let store = OnlineStore::connect(&cluster.url()).await?;
    let owners: Vec<Owner> = (0..12)
        .map(|at| Owner::new(&store, format!("c{at}")))
        .collect();
    let mut slots = BTreeMap::new();
    for owner in &owners {
        let slot = key_slot(addrs[0], owner.key().as_str()).await?;
        // The slots were assigned in thirds.
        let master = usize::from(slot) * 3 / 16_384;
        slots.insert(slot, master);
    }
    let load = Load::start(owners);
    for (slot, master) in slots {
        let migration = SlotMigration::begin(slot, addrs[master], addrs[(master + 1) % 3]).await?;
        migration.finish().await?;
    }
    let (mut owners, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");
    for owner in &mut owners {
        let before = owner.offset;
        owner.read().await?;
        assert_eq!(owner.offset, before, "{}", owner.id);
    }
    Ok(())
}

/// A customer and a product with the same id, and the customer's quotes, share a slot: one key has moved, one has not,
/// one does not exist yet.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_migrating_slot_are_found_on_both_nodes() -> anyhow::Result<()> {
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

    let slot = key_slot(addrs[0], moved.key().as_str()).await?;
    let master = usize::from(slot) * 3 / 16_384;
    let mut migration = SlotMigration::begin(slot, addrs[master], addrs[(master + 1) % 3]).await?;
    migration
        .move_keys(&[moved.key().as_str().to_owned()])
        .await?;

    // The key that has moved, on a node that has not loaded the script.
    assert_eq!(moved.step().await?, only_once);
    // The key that has not moved, read in one call with the other.
    let field = |key: EntityKey| (key, SourcePartition::new("log", 0));
    let other = EntityKey::product(&tenant(), &product("anna"));
    let both = [field(moved.key()), field(other)];
    let offsets = |fields: Vec<Option<fairlead_online::Field>>| -> Vec<Option<i64>> {
        let offset = |field: Option<fairlead_online::Field>| field.map(|field| field.offset);
        fields.into_iter().map(offset).collect()
    };
    assert_eq!(
        offsets(store.read_fields(&both).await?),
        [moved.offset, Some(1)]
    );
    let stays = store.apply(vec![counters("anna", Some(1), 2, 3)]).await?;
    assert_eq!(stays, [WriteOutcome::Applied]);
    let anna = customer("anna");
    let owner = QuoteOwner {
        tenant: &tenant_id,
        customer: &anna,
    };
    assert_eq!(quotes.get(owner, "q").await?, None);
    // A script over several keys waits until all of them are on one node.
    let hasty = store.within(Duration::from_millis(300)).quotes();
    let moving = hasty.put_if_absent(new_quote(owner)).await;
    let moving = moving.expect_err("the slot moves");
    assert!(moving.is_transient(), "{moving}");

    migration.finish().await?;
    assert_eq!(moved.step().await?, only_once);
    assert_eq!(
        offsets(store.read_fields(&both).await?),
        [moved.offset, Some(2)]
    );
    quoted_and_accepted_once(&quotes, owner).await?;
    Ok(())
}

fn new_quote(owner: QuoteOwner<'_>) -> NewQuote<'_> {
    NewQuote {
        owner,
        key: CallerKey {
            caller: "app",
            key: "k",
        },
        quote_id: "q",
        content: Bytes::from_static(b"quote"),
        record: Bytes::new(),
        ttl: Duration::from_mins(10),
        rate: None,
    }
}

/// Stores a quote and accepts it, each twice.
async fn quoted_and_accepted_once(
    quotes: &dyn QuoteStore,
    owner: QuoteOwner<'_>,
) -> Result<(), Error> {
    for _ in 0..2 {
        let put = quotes.put_if_absent(new_quote(owner)).await?;
        assert_eq!(put, PutOutcome::New);
    }
    let content = Bytes::from_static(b"now");
    let accept = || NewAcceptance {
        owner,
        quote_id: "q",
        content: content.clone(),
        ttl: Duration::from_mins(10),
        lending: None,
    };
    let first = quotes.accept_once(accept()).await?;
    assert_eq!(first, AcceptOutcome::Accepted);
    let again = quotes.accept_once(accept()).await?;
    let standing = StoredAcceptance {
        content: content.clone(),
        logged: false,
    };
    assert_eq!(again, AcceptOutcome::Already(standing));
    Ok(())
}
