//! The servers of one test run: heavy servers that many test processes use.
//!
//! The test runner gives each test a process of its own. So that not each of them starts a broker,
//! the program `test-run` starts the heavy servers once, says in the environment where they are, and
//! runs the tests. Where the environment says nothing, the first test of a process that asks starts one,
//! and it ends with the process.

use std::{env, ffi::OsString, net::SocketAddr, process::Command, sync::OnceLock};

use crate::{Error, KafkaBroker, PostgresServer, RedisCluster, Result, postgres};

const KAFKA: &str = "TESTKIT_KAFKA";
const POSTGRES: &str = "TESTKIT_POSTGRES";
const REDIS_CLUSTER: &str = "TESTKIT_REDIS_CLUSTER";

/// The broker of this test run. Use topic and group names that no other test has.
#[derive(Clone, Debug)]
pub struct SharedKafka {
    bootstrap: String,
}

impl SharedKafka {
    /// Returns what a client's `bootstrap.servers` wants: `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }
}

/// The PostgreSQL of this test run. Use a database of the test's own.
#[derive(Clone, Copy, Debug)]
pub struct SharedPostgres {
    addr: SocketAddr,
}

impl SharedPostgres {
    /// Makes an empty database under a name that no other has, and returns its URL.
    ///
    /// # Errors
    /// The server is not there.
    pub fn database(&self) -> Result<String> {
        postgres::create_database(self.addr)
    }
}

/// The Redis Cluster of this test run. Use keys that no other test has, or one test at a time.
#[derive(Clone, Debug)]
pub struct SharedRedisCluster {
    addrs: Vec<SocketAddr>,
}

impl SharedRedisCluster {
    /// Returns its URL: `redis+cluster://127.0.0.1:PORT,...` with every node.
    pub fn url(&self) -> String {
        format!("redis+cluster://{}", joined(&self.addrs))
    }

    /// Returns where each node listens, 0 to 5; 0 to 2 are the masters.
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.addrs.clone()
    }
}

impl KafkaBroker {
    /// Returns the broker of this test run; starts one where there is none. A broker that could not
    /// start is not tried again: every caller gets the same error.
    ///
    /// # Errors
    /// As [`KafkaBroker::start`].
    pub fn shared() -> std::result::Result<SharedKafka, &'static Error> {
        static OWN: OnceLock<Result<KafkaBroker>> = OnceLock::new();
        let bootstrap = match env::var(KAFKA) {
            Ok(bootstrap) => bootstrap,
            Err(_) => OWN.get_or_init(Self::start).as_ref()?.bootstrap(),
        };
        Ok(SharedKafka { bootstrap })
    }
}

impl PostgresServer {
    /// Returns the server of this test run; starts one where there is none. A server that could not
    /// start is not tried again: every caller gets the same error.
    ///
    /// # Errors
    /// As [`PostgresServer::start`].
    pub fn shared() -> std::result::Result<SharedPostgres, &'static Error> {
        static OWN: OnceLock<Result<PostgresServer>> = OnceLock::new();
        let addr = match addrs(POSTGRES).first() {
            Some(addr) => *addr,
            None => OWN.get_or_init(Self::start).as_ref()?.addr(),
        };
        Ok(SharedPostgres { addr })
    }
}

impl RedisCluster {
    /// Returns the cluster of this test run; starts one where there is none. One that could not start
    /// is not tried again: every caller gets the same error.
    ///
    /// # Errors
    /// As [`RedisCluster::start`].
    pub fn shared() -> std::result::Result<SharedRedisCluster, &'static Error> {
        static OWN: OnceLock<Result<RedisCluster>> = OnceLock::new();
        let mut addrs = addrs(REDIS_CLUSTER);
        if addrs.is_empty() {
            addrs = OWN.get_or_init(Self::start).as_ref()?.addrs();
        }
        Ok(SharedRedisCluster { addrs })
    }
}

/// The heavy servers of a test run; they end when this is dropped.
#[derive(Debug)]
pub struct TestRun {
    kafka: KafkaBroker,
    postgres: PostgresServer,
    redis_cluster: RedisCluster,
}

impl TestRun {
    /// Starts every heavy server, side by side.
    ///
    /// # Errors
    /// A server is not on this machine, or could not start.
    pub fn start() -> Result<Self> {
        std::thread::scope(|scope| {
            let kafka = scope.spawn(KafkaBroker::start);
            let postgres = scope.spawn(PostgresServer::start);
            let redis_cluster = RedisCluster::start()?;
            Ok(Self {
                kafka: kafka.join().expect("starting a broker does not panic")?,
                postgres: postgres
                    .join()
                    .expect("starting a PostgreSQL does not panic")?,
                redis_cluster,
            })
        })
    }

    /// Returns a command whose tests use these servers.
    pub fn command(&self, program: OsString, arguments: impl Iterator<Item = OsString>) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(KAFKA, self.kafka.bootstrap())
            .env(POSTGRES, self.postgres.addr().to_string())
            .env(REDIS_CLUSTER, joined(&self.redis_cluster.addrs()));
        command
    }
}

/// Returns the addresses that a variable of the environment lists; none where it is not set.
fn addrs(variable: &str) -> Vec<SocketAddr> {
    let listed = env::var(variable).unwrap_or_default();
    let addrs = listed.split(',').filter(|part| !part.is_empty());
    addrs
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()
        .unwrap_or_else(|error| panic!("{variable}={listed}: {error}; HOST:PORT,... is allowed"))
}

fn joined(addrs: &[SocketAddr]) -> String {
    let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
    addrs.join(",")
}
