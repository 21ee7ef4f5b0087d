//! Tests of a single server.

use std::time::Duration;

use bytes::Bytes;
use fairlead_online::{
    CallerKey, EntityKey, Error, FeatureStore, NewQuote, OnlineStore, Options, Owner, QuoteStore,
    WriteOutcome,
};
use fairlead_registry::Registry;
use fairlead_testkit::{Durability, RedisServer};
use redis::aio::MultiplexedConnection;

use crate::stores::{bytes, clicks, customer, redis, tenant, write};

async fn raw_connection(server: &RedisServer) -> anyhow::Result<MultiplexedConnection> {
    let client = redis::Client::open(server.url())?;
    Ok(client.get_multiplexed_async_connection().await?)
}

#[tokio::test]
async fn every_write_renews_the_ttl() -> anyhow::Result<()> {
    let (server, store) = redis().await?;
    let mut raw = raw_connection(&server).await?;
    let key = EntityKey::customer(&tenant(), &customer("anna"));
    store
        .apply(vec![write("anna", 0, None, 1, Bytes::new())])
        .await?;
    let ttl: i64 = redis::cmd("PTTL")
        .arg(key.as_str())
        .query_async(&mut raw)
        .await?;
    assert!((900_000..=1_000_000).contains(&ttl), "{ttl}");
    redis::cmd("PEXPIRE")
        .arg(key.as_str())
        .arg(500_000)
        .exec_async(&mut raw)
        .await?;
    store
        .apply(vec![write("anna", 0, Some(1), 2, Bytes::new())])
        .await?;
    let ttl: i64 = redis::cmd("PTTL")
        .arg(key.as_str())
        .query_async(&mut raw)
        .await?;
    assert!(ttl > 900_000, "{ttl}");

    let mut lasting = write("boris", 0, None, 1, Bytes::new());
    lasting.ttl = None;
    store.apply(vec![lasting]).await?;
    let key = EntityKey::customer(&tenant(), &customer("boris"));
    let ttl: i64 = redis::cmd("PTTL")
        .arg(key.as_str())
        .query_async(&mut raw)
        .await?;
    assert_eq!(ttl, -1);
    Ok(())
}

#[tokio::test]
async fn a_quote_expires_after_its_idempotency_key() -> anyhow::Result<()> {
    let (server, store) = redis().await?;
    let (tenant, anna) = (tenant(), customer("anna"));
    let quote = NewQuote {
        owner: Owner {
            tenant: &tenant,
            customer: &anna,
        },
        key: CallerKey {
            caller: "app",
            key: "k",
        },
        quote_id: "q",
        content: Bytes::from_static(b"quote"),
        record: Bytes::new(),
        ttl: Duration::from_mins(10),
        rate: None,
    };
    store.quotes().put_if_absent(quote).await?;
    let mut raw = raw_connection(&server).await?;
    let key: i64 = redis::cmd("PTTL")
        .arg("fl:{acme/anna}:i:617070:6b")
        .query_async(&mut raw)
        .await?;
    let quote: i64 = redis::cmd("PTTL")
        .arg("fl:{acme/anna}:q:q")
        .query_async(&mut raw)
        .await?;
    assert!(0 < key && key < quote, "{key} {quote}");
    Ok(())
}

#[tokio::test]
async fn scripts_are_loaded_again_after_redis_lost_them() -> anyhow::Result<()> {
    let (server, store) = redis().await?;
    let mut raw = raw_connection(&server).await?;
    for round in 0..3_i64 {
        redis::cmd("SCRIPT")
            .arg("FLUSH")
            .exec_async(&mut raw)
            .await?;
        let expected = (round > 0).then_some(round - 1);
        let writes = (0..600)
            .map(|index| write(&format!("c{index}"), 0, expected, round, Bytes::new()))
            .collect();
        let outcomes = store.apply(writes).await?;
        assert_eq!(outcomes.len(), 600);
        assert!(
            outcomes
                .iter()
                .all(|outcome| *outcome == WriteOutcome::Applied),
            "round {round}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_store_works_again_after_a_restart_of_redis() -> anyhow::Result<()> {
    let mut server = RedisServer::start_with(Durability::AppendOnly)?;
    let store = OnlineStore::connect(&server.url()).await?;
    store
        .apply(vec![write("anna", 0, None, 1, bytes(&clicks("a", 2)))])
        .await?;
    server.kill9()?;
    let error = store
        .read_customer(&tenant(), &customer("anna"))
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    let error = store.healthy().await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "Redis at {} cannot be reached while ",
            server.url()
        )),
        "{error}"
    );
    server.restart()?;
    // The first call on each of the two connections may still find it broken.
    let mut state = None;
    for _ in 0..20 {
        if let Ok(read) = store.read_customer(&tenant(), &customer("anna")).await {
            state = read;
            break;
        }
    }
    assert!(state.is_some(), "the append-only file kept it");
    let again = write("anna", 0, Some(1), 2, bytes(&clicks("a", 3)));
    let mut outcome = store.apply(vec![again.clone()]).await;
    if outcome.is_err() {
        outcome = store.apply(vec![again]).await;
    }
    assert_eq!(
        outcome?,
        [WriteOutcome::Applied],
        "the script was loaded again"
    );
    Ok(())
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_its_password() -> anyhow::Result<()> {
    let mut server = RedisServer::start()?;
    server.kill9()?;
    let url = format!("redis://someone:secret@{}/0", server.addr());
    let error = OnlineStore::connect(&url)
        .await
        .err()
        .expect("nobody listens")
        .to_string();
    let expected = format!(
        "Redis at redis://{}/0 cannot be reached while asking whether it is there",
        server.addr()
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(!error.contains("secret"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let mut raw = raw_connection(&server).await?;
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("right")
        .exec_async(&mut raw)
        .await?;
    let wrong = format!("redis://:wrong@{}", server.addr());
    let error = OnlineStore::connect(&wrong)
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains(&server.addr().to_string()) && !error.contains("wrong@"),
        "{error}"
    );
    let right = format!("redis://:right@{}", server.addr());
    OnlineStore::connect(&right).await?.healthy().await?;
    Ok(())
}

#[tokio::test]
async fn invalid_addresses_are_refused() {
    for url in [
        "",
        "127.0.0.1:6379:1",
        "http://localhost",
        "redis://host:notaport",
    ] {
        let error = OnlineStore::connect(url).await.err().expect(url);
        assert!(matches!(error, Error::Address { .. }), "{url}: {error}");
        assert!(
            error
                .to_string()
                .contains("redis://[user:password@]host:port"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn calls_to_a_hanging_server_time_out() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let options = Options {
        read_timeout: Duration::from_millis(50),
        ..Options::new(server.url())
    };
    let store = OnlineStore::connect_with(&options, Registry::builtin()).await?;
    let mut raw = raw_connection(&server).await?;
    redis::cmd("CLIENT")
        .arg("PAUSE")
        .arg(60_000)
        .arg("ALL")
        .exec_async(&mut raw)
        .await?;
    let error = store
        .read_customer(&tenant(), &customer("anna"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Redis at {} did not answer within 50 ms while reading features",
            server.url()
        )
    );
    let shorter = store.within(Duration::from_millis(5));
    let error = shorter
        .apply(vec![write("anna", 0, None, 1, Bytes::new())])
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("within 5 ms while writing features"),
        "{error}"
    );
    assert!(error.is_transient());
    Ok(())
}

#[tokio::test]
async fn a_key_of_another_type_is_refused_and_kept() -> anyhow::Result<()> {
    let (server, store) = redis().await?;
    let mut raw = raw_connection(&server).await?;
    let key = EntityKey::customer(&tenant(), &customer("anna"));
    redis::cmd("SET")
        .arg(key.as_str())
        .arg("foreign")
        .exec_async(&mut raw)
        .await?;
    let error = store
        .read_customer(&tenant(), &customer("anna"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    let error = store
        .apply(vec![write("anna", 0, None, 1, Bytes::new())])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    let value: String = redis::cmd("GET")
        .arg(key.as_str())
        .query_async(&mut raw)
        .await?;
    assert_eq!(value, "foreign");
    Ok(())
}

#[tokio::test]
async fn a_corrupt_field_is_an_error_or_replaced() -> anyhow::Result<()> {
    let (server, store) = redis().await?;
    let mut raw = raw_connection(&server).await?;
    let key = EntityKey::customer(&tenant(), &customer("anna"));
    let mut set = redis::cmd("HSET");
    set.arg(key.as_str()).arg("log/0");
    set.clone()
        .arg("12345678 no state")
        .exec_async(&mut raw)
        .await?;
    let error = store
        .read_customer(&tenant(), &customer("anna"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("a stored entity state cannot be read: "),
        "{error}"
    );
    // A value too short for an offset counts as absent, and the next write replaces it.
    set.arg("short").exec_async(&mut raw).await?;
    let outcome = store
        .apply(vec![write("anna", 0, None, 1, bytes(&clicks("a", 1)))])
        .await?;
    assert_eq!(outcome, [WriteOutcome::Applied]);
    assert!(
        store
            .read_customer(&tenant(), &customer("anna"))
            .await?
            .is_some()
    );
    Ok(())
}

#[tokio::test]
async fn the_server_reports_its_version_and_durability() -> anyhow::Result<()> {
    let server = RedisServer::start_with(Durability::AppendOnly)?;
    let store = OnlineStore::connect(&server.url()).await?;
    let report = store.report().await?;
    assert!(report.version.contains('.'), "{report:?}");
    assert!(report.append_only);
    assert_eq!(report.eviction, "noeviction");
    assert!(report.used_memory > 0);
    Ok(())
}
