//! A Redis and a Kafka to play with: `cargo run --release -p fairlead-testkit --example servers`.
//! Prints where they are, and how long a start and a restart after `kill -9` take.

use std::{io, time::Instant};

use fairlead_testkit::{Durability, Error, KafkaBroker, RedisServer};

fn main() -> Result<(), Error> {
    let mut redis = timed("Redis started", || {
        RedisServer::start_with(Durability::AppendOnly)
    })?;
    timed("Redis restarted", || redis.restart())?;
    let mut kafka = timed("Kafka started", KafkaBroker::start)?;
    timed("Kafka restarted", || kafka.restart())?;
    println!(
        "{}\nkafka {}\nEnter ends them",
        redis.url(),
        kafka.bootstrap()
    );
    // A closed input ends them as well.
    let _ = io::stdin().read_line(&mut String::new());
    Ok(())
}

fn timed<T>(what: &str, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let started = Instant::now();
    let done = act()?;
    println!("{what} in {:.0?}", started.elapsed());
    Ok(done)
}
