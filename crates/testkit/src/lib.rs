//! Real servers for tests: Redis, Redis Cluster, Apache Kafka, PostgreSQL and Consul, each on free
//! ports with a folder of its own; a certificate authority; an issuer of signed tokens and an OpenID
//! provider; the real data sets where the machine has them; and what earlier versions stored.
//!
//! A test talks to the servers that production talks to; none of them is imitated. Use as a
//! dev-dependency only.
//!
//! # Invariants
//! - A server is ready when `start` returns: it has answered in its own protocol, and it is the
//!   process that was started, not another one on the same port.
//! - No server outlives the test process, however that ends (drop, panic, `abort`, `kill -9`,
//!   Ctrl-C), and neither does its folder.
//! - No fixed port, no fixed wait: ports are asked of the system, readiness is polled under a deadline.
//!
//! # What it must not depend on
//! No other crate of the workspace (every one of them may use this one), and no client of the
//! servers: `redis`, `rdkafka` and `sqlx` have their homes elsewhere.

mod browser;
mod certificates;
mod consul;
mod data;
mod error;
mod issuer;
mod kafka;
mod kafka_wire;
mod oidc;
pub mod old_form;
mod ports;
mod postgres;
mod process;
mod program;
mod proxy;
mod redis;
mod redis_cluster;
mod test_run;
mod wait;

pub use browser::{Browser, Page};
pub use certificates::{Authority, CertificateFiles, Subject, TRUST_DOMAIN};
pub use consul::ConsulAgent;
pub use data::{checkout_dir, crate_dir, data_dir};
pub use error::{Error, Result};
pub use issuer::{TokenIssuer, TokenKey};
pub use kafka::KafkaBroker;
pub use oidc::OidcProvider;
pub use postgres::PostgresServer;
pub use program::{Program, free_ports};
pub use proxy::SlowProxy;
pub use redis::{Durability, RedisServer};
pub use redis_cluster::RedisCluster;
pub use test_run::{SharedKafka, SharedPostgres, SharedRedisCluster, TestRun};
