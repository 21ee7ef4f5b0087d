//! The control database is brought to this version once, by the process that comes first.

use std::collections::BTreeSet;
use std::sync::Arc;

use fairlead_authentication::LocalCallers;
use fairlead_chassis::clock::SystemClock;
use fairlead_control_plane::{Config, Deps, Error, Service, migrate};
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::plane::{Home, Plane, deposit, on_both};

async fn open(config: Config) -> Result<Service, Error> {
    let deps = Deps {
        clock: Arc::new(SystemClock),
        log: None,
        shutdown: CancellationToken::new(),
        local: LocalCallers::default(),
    };
    Service::new(&config, deps).await
}

async fn connect(home: &Home) -> AnyConnection {
    AnyConnection::connect(&home.database)
        .await
        .expect("the database")
}

async fn migrating_again_changes_nothing(home: Home) {
    migrate(&home.config()).await.expect("an empty one");
    migrate(&home.config()).await.expect("again");
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    migrate(&home.config()).await.expect("while it serves");
    assert_eq!(plane.release(0).await.expect("in force").revision, 1);
}

async fn a_newer_database_is_refused(home: Home) {
    migrate(&home.config()).await.expect("an empty one");
    let mut connection = connect(&home).await;
    let newer = "INSERT INTO _sqlx_migrations \
         (version, description, success, checksum, execution_time) \
         SELECT 9000, description, success, checksum, execution_time FROM _sqlx_migrations \
         WHERE version = 1";
    sqlx::query(newer)
        .execute(&mut connection)
        .await
        .expect("inserted");
    let refused = open(home.config()).await.err().expect("newer");
    assert!(!refused.is_transient());
    let said = refused.to_string();
    assert!(
        said.contains("9000") && said.contains("newer version"),
        "{said}"
    );
    assert!(matches!(
        migrate(&home.config()).await,
        Err(Error::Newer { version: 9000, .. })
    ));
}

on_both!(migrating_again_changes_nothing, a_newer_database_is_refused,);

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_start_on_an_empty_postgresql_one_migrates() {
    let home = Home::postgres();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        starts.spawn(open(home.config()));
    }
    for service in starts.join_all().await {
        let service = service.expect("started");
        service.ready().await.expect("ready");
        service.close().await;
    }
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations")
        .fetch_all(&mut connect(&home).await)
        .await
        .expect("rows");
    let versions: Vec<i64> = rows.iter().map(|row| row.get("version")).collect();
    let distinct: BTreeSet<_> = versions.iter().collect();
    assert!(!versions.is_empty() && distinct.len() == versions.len());
}
