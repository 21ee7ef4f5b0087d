//! Heads of the audit chain on the event log: a database whose rows were written anew is told, by
//! `VerifyAudit` and by the metrics of the scheduled passes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fairlead_control_plane::{AuditConfig, Config};
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, Error as LogError, EventLog, KafkaEventLog, KafkaOptions,
    Position,
};
use fairlead_proto::control::v1::{AuditFault, AuditHead, PutProductsRequest, VerifyAuditResponse};
use fairlead_testkit::KafkaBroker;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::time::timeout;
use tonic::Code;

use crate::plane::{Home, PATIENCE, Plane, deposit, on_both, put};

const TOPIC: &str = "fairlead.audit-heads.v1";
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A database, an event log, and a tenant of its own: metrics are of the whole process.
struct Setup {
    home: Home,
    log: Option<Arc<dyn EventLog>>,
    tenant: &'static str,
}

impl Setup {
    async fn embedded(home: Home, tenant: &'static str) -> Self {
        metrics();
        let log = EmbeddedEventLog::open(EmbeddedOptions::new(home.path().join("log"))).await;
        let log: Arc<dyn EventLog> = Arc::new(log.expect("opens"));
        Self {
            home,
            log: Some(log),
            tenant,
        }
    }

    /// Starts a plane that passes over the chains all the time, at the start over all rows.
    fn start(&self) -> Plane {
        self.start_with(self.log.clone(), Duration::from_hours(24))
    }

    fn start_with(&self, log: Option<Arc<dyn EventLog>>, full_interval: Duration) -> Plane {
        let audit = AuditConfig {
            interval_ms: 10,
            full_interval_ms: full_interval.as_millis() as u64,
            ..AuditConfig::default()
        };
        let config = Config {
            audit,
            ..self.home.config()
        };
        Plane::start_over(config, log)
    }

    async fn write_rows(&self, plane: &Plane, name: &str, count: usize) {
        for number in 0..count {
            let request = PutProductsRequest {
                tenant: self.tenant.to_owned(),
                ..put(vec![deposit(&format!("{name}-{number}"))])
            };
            let mut drafts = plane.drafts();
            let put = timeout(PATIENCE, drafts.put_products(request)).await;
            put.expect("in time").expect("put");
        }
    }

    /// Waits until the head of this row is on the log. Returns the sequences of all heads.
    async fn logged(&self, sequence: i64) -> Vec<i64> {
        let log = self.log.as_ref().expect("a log");
        let start = Position {
            partition: 0,
            offset: 0,
        };
        until("its head is on the log", async || {
            let read = match log.read(TOPIC, start, 10_000).await {
                Err(LogError::UnknownTopic { .. }) => return None,
                read => read.expect("read"),
            };
            let heads = read
                .iter()
                .map(|one| AuditHead::decode(&*one.record.payload));
            let heads = heads.map(|head| head.expect("a head"));
            let own: Vec<i64> = heads
                .filter(|head| head.tenant == self.tenant)
                .map(|head| head.sequence)
                .collect();
            own.contains(&sequence).then_some(own)
        })
        .await
    }

    /// Waits until a gauge of this tenant has this value.
    async fn gauge(&self, name: &str, value: i64) {
        let line = format!("{name}{{tenant=\"{}\"}} {value}\n", self.tenant);
        until(&line, async || {
            metrics().render().contains(&line).then_some(())
        })
        .await;
    }

    async fn connection(&self) -> AnyConnection {
        let opened = AnyConnection::connect(&self.home.database).await;
        opened.expect("the database")
    }

    /// Removes the rows after `kept`, names another actor in row `changed`, and makes every hash fit,
    /// as someone would who has the database and this source.
    async fn rewrite(&self, changed: i64, kept: i64) {
        let mut database = self.connection().await;
        let select = "SELECT sequence, at_ms, actor, action, subject, detail FROM audit_rows \
                      WHERE tenant = $1 AND sequence <= $2 ORDER BY sequence";
        let select = sqlx::query(select).bind(self.tenant).bind(kept);
        let rows = select.fetch_all(&mut database).await.expect("rows");
        let delete = "DELETE FROM audit_rows WHERE tenant = $1 AND sequence > $2";
        let delete = sqlx::query(delete).bind(self.tenant).bind(kept);
        delete.execute(&mut database).await.expect("deleted");
        let mut hash = GENESIS.to_owned();
        for row in rows {
            let sequence: i64 = row.get("sequence");
            let text = |column| row.get::<String, _>(column);
            let (at_ms, mut actor) = (row.get::<i64, _>("at_ms"), text("actor"));
            if sequence == changed {
                actor = "eve".to_owned();
            }
            let mut sha = Sha256::new();
            for part in [
                self.tenant,
                &hash,
                &sequence.to_string(),
                &at_ms.to_string(),
                &actor,
                &text("action"),
                &text("subject"),
                &text("detail"),
            ] {
                sha.update((part.len() as u64).to_le_bytes());
                sha.update(part);
            }
            hash = hex::encode(sha.finalize());
            let update =
                "UPDATE audit_rows SET actor = $1, hash = $2 WHERE tenant = $3 AND sequence = $4";
            let update = sqlx::query(update)
                .bind(actor)
                .bind(&hash)
                .bind(self.tenant);
            let done = update.bind(sequence).execute(&mut database).await;
            assert_eq!(done.expect("updated").rows_affected(), 1);
        }
        let head = "UPDATE tenants SET audit_sequence = $1, audit_hash = $2 WHERE tenant = $3";
        let head = sqlx::query(head).bind(kept).bind(hash).bind(self.tenant);
        head.execute(&mut database).await.expect("updated");
        database.close().await.expect("closed");
    }

    async fn verify(&self, plane: &Plane) -> VerifyAuditResponse {
        plane.verify_of(self.tenant).await.expect("verified")
    }

    /// Checks that this plane tells of a chain that was written anew, both ways.
    async fn is_told(&self, plane: &Plane, broken_at: i64) {
        let verified = self.verify(plane).await;
        assert_eq!(
            (verified.intact, verified.broken_at, verified.fault()),
            (false, broken_at, AuditFault::Rewritten)
        );
        self.gauge("fairlead_audit_broken_at", broken_at).await;
    }
}

/// Asks until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asking).await.expect(what)
}

/// The metrics of this process.
fn metrics() -> &'static PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| {
        PrometheusBuilder::new()
            .install_recorder()
            .expect("the first")
    })
}

async fn rows_that_were_written_anew_are_told_by_the_heads_on_the_log(home: Home) {
    let setup = Setup::embedded(home, "anew").await;
    let plane = setup.start();
    setup.write_rows(&plane, "first", 2).await;
    setup.logged(2).await;
    setup.write_rows(&plane, "then", 3).await;
    let heads = setup.logged(5).await;
    setup.gauge("fairlead_audit_rows", 5).await;
    setup.gauge("fairlead_audit_broken_at", 0).await;
    let verified = setup.verify(&plane).await;
    assert_eq!((verified.intact, verified.rows), (true, 5));
    assert!(verified.heads >= 2, "{verified:?}");
    plane.stop().await.expect("stopped");

    setup.rewrite(3, 5).await;
    let alone = setup.start_with(None, Duration::from_hours(24));
    let fits = setup.verify(&alone).await;
    assert!(fits.intact, "the rows alone fit together: {fits:?}");
    alone.stop().await.expect("stopped");
    // The first head that covers the row.
    let broken_at = heads.iter().copied().filter(|head| *head >= 3).min();
    let plane = setup.start();
    setup.is_told(&plane, broken_at.expect("the last")).await;
    // A chain that is broken gets no new head, which would be that of the new rows.
    setup.write_rows(&plane, "after", 1).await;
    setup.gauge("fairlead_audit_rows", 6).await;
    plane.stop().await.expect("stopped");
    assert!(!setup.logged(5).await.contains(&6));
}

async fn rows_that_were_cut_off_are_told_by_the_heads_on_the_log(home: Home) {
    let setup = Setup::embedded(home, "cut").await;
    let plane = setup.start();
    setup.write_rows(&plane, "D", 4).await;
    setup.logged(4).await;
    plane.stop().await.expect("stopped");
    setup.rewrite(0, 2).await;
    let plane = setup.start();
    setup.is_told(&plane, 3).await;
}

async fn a_plane_that_runs_tells_without_a_log_what_changed_under_it(home: Home) {
    let setup = Setup::embedded(home, "running").await;
    let plane = setup.start_with(None, Duration::from_millis(10));
    setup.write_rows(&plane, "D", 4).await;
    setup.gauge("fairlead_audit_rows", 4).await;
    let mut database = setup.connection().await;
    let move_time = async |database: &mut AnyConnection, by_ms: i64| {
        let update =
            "UPDATE audit_rows SET at_ms = at_ms + $1 WHERE tenant = 'running' AND sequence = 2";
        let update = sqlx::query(update).bind(by_ms).execute(database);
        assert_eq!(update.await.expect("updated").rows_affected(), 1);
    };
    move_time(&mut database, 1).await;
    setup.gauge("fairlead_audit_broken_at", 2).await;
    // A row that is as it was ends the alarm.
    move_time(&mut database, -1).await;
    setup.gauge("fairlead_audit_broken_at", 0).await;
    setup.rewrite(2, 4).await;
    setup.gauge("fairlead_audit_broken_at", 4).await;
}

on_both!(
    rows_that_were_written_anew_are_told_by_the_heads_on_the_log,
    rows_that_were_cut_off_are_told_by_the_heads_on_the_log,
    a_plane_that_runs_tells_without_a_log_what_changed_under_it,
);

#[tokio::test(flavor = "multi_thread")]
async fn two_planes_that_write_at_once_raise_no_alarm() {
    let setup = Setup::embedded(Home::postgres(), "both").await;
    let planes = [1, 2].map(|_| setup.start_with(setup.log.clone(), Duration::from_millis(20)));
    for round in 0..10 {
        let (one, other) = (format!("one-{round}"), format!("other-{round}"));
        let writes = [
            setup.write_rows(&planes[0], &one, 2),
            setup.write_rows(&planes[1], &other, 2),
        ];
        futures::future::join_all(writes).await;
        let page = metrics().render();
        let raised = page.lines().find(|line| {
            line.starts_with("fairlead_audit_broken_at{tenant=\"both\"}") && !line.ends_with(" 0")
        });
        assert_eq!(raised, None);
    }
    setup.logged(40).await;
    let verified = setup.verify(&planes[1]).await;
    assert_eq!((verified.intact, verified.rows), (true, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_of_the_file_that_was_flipped_is_told_at_the_next_start() {
    let setup = Setup::embedded(Home::sqlite(), "flipped").await;
    let plane = setup.start();
    setup.write_rows(&plane, "D", 3).await;
    setup.logged(3).await;
    plane.stop().await.expect("stopped");
    let path = setup.home.path().join("control.db");
    let mut file = std::fs::read(&path).expect("the file");
    let found = file.windows(12).enumerate();
    let places: Vec<usize> = found
        .filter(|(_, bytes)| bytes.starts_with(b"products.put"))
        .map(|(at, _)| at)
        .collect();
    for at in places {
        file[at + 9] ^= 1;
    }
    std::fs::write(&path, file).expect("written");
    let plane = setup.start();
    let verified = setup.verify(&plane).await;
    assert_eq!(
        (verified.intact, verified.broken_at, verified.fault()),
        (false, 1, AuditFault::Row)
    );
    setup.gauge("fairlead_audit_broken_at", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_kept_on_kafka() {
    let broker = tokio::task::spawn_blocking(KafkaBroker::start).await;
    let broker = broker.expect("no panic").expect("a broker");
    let options = KafkaOptions::new(broker.bootstrap());
    let log = KafkaEventLog::open(options).expect("a client");
    let setup = Setup {
        log: Some(Arc::new(log)),
        ..Setup::embedded(Home::sqlite(), "kafka").await
    };
    let plane = setup.start();
    setup.write_rows(&plane, "D", 2).await;
    setup.logged(2).await;
    plane.stop().await.expect("stopped");
    setup.rewrite(0, 1).await;
    let plane = setup.start();
    setup.is_told(&plane, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_configured_log_rows_are_checked_and_no_chain_is_called_whole() {
    let mut options = KafkaOptions::new("127.0.0.1:1".to_owned());
    options.request_timeout = Duration::from_millis(200);
    let log = KafkaEventLog::open(options).expect("a client");
    let setup = Setup {
        log: Some(Arc::new(log)),
        ..Setup::embedded(Home::sqlite(), "away").await
    };
    let plane = setup.start_with(setup.log.clone(), Duration::from_millis(10));
    setup.write_rows(&plane, "D", 2).await;
    let refused = plane.verify_of(setup.tenant).await.expect_err("no log");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("event log"), "{refused}");
    let mut database = setup.connection().await;
    let update = "UPDATE audit_rows SET actor = 'eve' WHERE tenant = 'away' AND sequence = 1";
    let done = sqlx::query(update).execute(&mut database).await;
    assert_eq!(done.expect("updated").rows_affected(), 1);
    setup.gauge("fairlead_audit_broken_at", 1).await;
}
