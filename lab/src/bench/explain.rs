//! `fairlead bench explain`: the time to find a decision record among millions, for ids that are known,
//! unknown and just made, beside one read of Redis in the same run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use fairlead_chassis::link::Link;
use fairlead_chassis::status::info;
use fairlead_chassis::tls::PeopleTls;
use fairlead_client::link_with_token;
use fairlead_client::terminal::{Bars, heading, note, table};
use fairlead_domain::RequestId;
use fairlead_online::{DecisionIndex, EntityKey, FeatureStore as _, OnlineStore, SourcePartition};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{ExplainRequest, RecommendRequest};
use fairlead_server::{AppConfig, Server, ToolsToken};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;
use tonic::{Code, Status};
use ulid::Ulid;

use super::latencies::Latencies;
use super::records::{Filled, KnownRecord, TOPIC, fill};
use crate::setup::{self, Simulation};

/// The longest pause for the index to take what was written last.
const INDEX_LIMIT: Duration = Duration::from_mins(30);
const PAUSE: Duration = Duration::from_millis(100);

/// Options of the bench.
#[derive(Debug, Args)]
pub struct ExplainBench {
    /// Decision records in log and index.
    #[arg(long, default_value_t = 10_000_000)]
    records: usize,
    /// Calls of each kind.
    #[arg(long, default_value_t = 5_000)]
    calls: usize,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// The times of each kind of call.
#[derive(Default)]
struct Times {
    /// One read of one field of Redis by the client that the index is read with.
    redis: Latencies,
    known: Latencies,
    unknown: Latencies,
    /// Of an id that was made this instant, elsewhere.
    new: Latencies,
    /// Of an answer that this gateway has just given.
    answered: Latencies,
    /// Of those, calls that found the record already.
    answered_found: usize,
}

/// A gateway over a real connection, and the store behind it.
struct Subject<'s> {
    server: &'s Server,
    store: OnlineStore,
    gateway: RecommendServiceClient<Link>,
    random: ChaCha8Rng,
}

/// Runs the bench.
pub(crate) async fn run(args: ExplainBench) -> anyhow::Result<()> {
    ensure!(args.records > 0, "`--records` is 0: at least 1");
    ensure!(args.calls > 0, "`--calls` is 0: at least 1");
    let folder = tempfile::tempdir()?;
    let mut config = AppConfig::load(None)?;
    folder.path().clone_into(&mut config.data_dir);
    let any = "127.0.0.1:0".parse()?;
    (
        config.listen.gateway,
        config.listen.control,
        config.listen.metrics,
    ) = (any, any, any);
    let server = Server::start(&config, None).await?;
    let measured = measure(&server, &config, &args).await;
    server.stop().await?;
    measured
}

async fn measure(server: &Server, config: &AppConfig, args: &ExplainBench) -> anyhow::Result<()> {
    let bars = if args.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let simulation = Simulation {
        seed: 7,
        customers: 500,
        events: 5_000,
        parameters: &[],
    };
    let customers = setup::populate(server, simulation, bars).await?;
    let gateway = format!("http://{}", server.addresses.gateway);
    let token = server.data.join(ToolsToken::FILE);
    let mut subject = Subject {
        server,
        store: OnlineStore::connect(&server.redis_url).await?,
        gateway: RecommendServiceClient::new(link_with_token(
            &gateway,
            &PeopleTls::default(),
            &token,
        )?)
        .max_decoding_message_size(64 << 20),
        random: ChaCha8Rng::seed_from_u64(7),
    };
    let before = subject.store.report().await?.used_memory;
    let template = subject.answered_record(&customers[0]).await?;
    let filled = fill(server, config, &template, args.records, &bars).await?;
    subject.until_indexed(&config.stream.log_name).await?;
    let memory = subject
        .store
        .report()
        .await?
        .used_memory
        .saturating_sub(before);
    let times = subject.times(&filled, &customers, args.calls).await?;
    times.print(args, memory as f64 / args.records as f64)
}

impl Subject<'_> {
    /// Asks for a slate. Returns the id of the request.
    async fn answer(&mut self, customer: &str) -> anyhow::Result<String> {
        let request = RecommendRequest {
            customer_id: customer.to_owned(),
            slate_size: 20,
            ..RecommendRequest::default()
        };
        Ok(self
            .gateway
            .recommend(request)
            .await?
            .into_inner()
            .request_id)
    }

    /// Returns the record of a request, or `None` if it is not there yet.
    async fn explain(&mut self, request_id: &str) -> Result<Option<DecisionRecord>, Status> {
        let request = ExplainRequest {
            request_id: request_id.to_owned(),
            ..ExplainRequest::default()
        };
        match self.gateway.explain(request).await {
            Ok(answer) => Ok(answer.into_inner().record),
            Err(status) if info(&status).is_some_and(|(reason, _)| reason == "NOT_YET") => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Asks for a slate, and returns its record once it is there.
    async fn answered_record(&mut self, customer: &str) -> anyhow::Result<DecisionRecord> {
        let request_id = self.answer(customer).await?;
        loop {
            if let Some(record) = self.explain(&request_id).await? {
                return Ok(record);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the index has every record of the log.
    async fn until_indexed(&self, log_name: &str) -> anyhow::Result<()> {
        let index = DecisionIndex::new(self.server.store.clone(), log_name);
        let ends = self.server.log.end_offsets(TOPIC).await?;
        let partitions: Vec<i32> = ends.iter().map(|end| end.partition).collect();
        let until = Instant::now() + INDEX_LIMIT;
        loop {
            let progress = index.progress(&partitions).await?;
            let mut reached = progress.iter().zip(&ends).map(|(progress, end)| {
                let next = progress.map_or(0, |progress| progress.last_offset + 1);
                next >= end.offset
            });
            if reached.all(|reached| reached) {
                return Ok(());
            }
            ensure!(
                Instant::now() < until,
                "not indexed after {INDEX_LIMIT:?}: {progress:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Calls each kind in turn, so that all meet the same machine.
    async fn times(
        &mut self,
        filled: &Filled,
        customers: &[String],
        calls: usize,
    ) -> anyhow::Result<Times> {
        let mut times = Times::default();
        for call in 0..calls {
            let known = &filled.known[self.random.random_range(0..filled.known.len())];
            let asked = Instant::now();
            self.read_entry(known).await?;
            times.redis.add(asked.elapsed());

            let asked = Instant::now();
            let found = self.explain(&known.request_id).await?;
            times.known.add(asked.elapsed());
            ensure!(
                found.is_some_and(|record| record.request_id == known.request_id),
                "{} is in the index and is not found",
                known.request_id
            );

            let unknown = self.unknown(filled);
            let asked = Instant::now();
            let answer = self.explain(&unknown).await;
            times.unknown.add(asked.elapsed());
            let refused = answer.err().map(|status| status.code());
            ensure!(refused == Some(Code::NotFound), "{unknown} is {refused:?}");

            let new = Ulid::from_parts(
                self.server.clock.now_ms() as u64,
                self.random.next_u64().into(),
            );
            let asked = Instant::now();
            let answer = self.explain(&new.to_string()).await?;
            times.new.add(asked.elapsed());
            ensure!(answer.is_none(), "{new} was never answered");

            let answered = self.answer(&customers[call % customers.len()]).await?;
            let asked = Instant::now();
            let found = self.explain(&answered).await?;
            times.answered.add(asked.elapsed());
            times.answered_found += usize::from(found.is_some());
        }
        Ok(times)
    }

    /// Reads the entry of a record as the index does, and nothing else.
    async fn read_entry(&self, known: &KnownRecord) -> anyhow::Result<()> {
        let key = EntityKey::decision(&self.server.tenant, &RequestId::new(&known.request_id)?);
        let field = SourcePartition::new(&known.log_name, known.partition);
        let read = self.store.read_fields(&[(key, field)]).await?;
        read.into_iter()
            .flatten()
            .next()
            .context("an entry of the index is not in Redis")?;
        Ok(())
    }

    /// Returns an id of the time of the records that none of them has.
    fn unknown(&mut self, filled: &Filled) -> String {
        let made_ms = self.random.random_range(filled.made_ms.clone());
        Ulid::from_parts(made_ms, self.random.next_u64().into()).to_string()
    }
}

/// The figures of one kind of call.
#[derive(Serialize)]
struct Figures {
    call: &'static str,
    p50_ms: f64,
    p99_ms: f64,
    /// Over the same quantile of one read of Redis.
    p50_ratio: f64,
    p99_ratio: f64,
}

impl Times {
    fn figures(&self) -> anyhow::Result<Vec<Figures>> {
        let at = |latencies: &Latencies, share| latencies.at(share).context("no call was made");
        let (p50, p99) = (at(&self.redis, 0.5)?, at(&self.redis, 0.99)?);
        let figures = |(call, latencies)| {
            let (p50_ms, p99_ms) = (at(latencies, 0.5)?, at(latencies, 0.99)?);
            anyhow::Ok(Figures {
                call,
                p50_ms,
                p99_ms,
                p50_ratio: p50_ms / p50,
                p99_ratio: p99_ms / p99,
            })
        };
        let named = [
            ("one read of Redis", &self.redis),
            ("known id", &self.known),
            ("unknown id", &self.unknown),
            ("id made this instant, by another gateway", &self.new),
            ("right after this gateway's answer", &self.answered),
        ];
        named.into_iter().map(figures).collect()
    }

    fn print(&self, args: &ExplainBench, bytes_an_entry: f64) -> anyhow::Result<()> {
        if args.json {
            let object = json!({
                "records": args.records,
                "calls": args.calls,
                "bytes_an_entry": bytes_an_entry,
                "found_right_after": self.answered_found,
                "figures": self.figures()?,
            });
            println!("{}", serde_json::to_string_pretty(&object)?);
            return Ok(());
        }
        heading(&format!("Explain among {} records", args.records));
        let mut rows = table(["call", "p50", "p99", "p50 ratio", "p99 ratio"]);
        for one in self.figures()? {
            rows.add_row([
                one.call.to_owned(),
                format!("{:.2} ms", one.p50_ms),
                format!("{:.2} ms", one.p99_ms),
                format!("{:.1}", one.p50_ratio),
                format!("{:.1}", one.p99_ratio),
            ]);
        }
        println!("{rows}");
        note(&format!(
            "{} calls of each kind, one at a time; {} of those right after the answer found the record, the \
             others were told to ask again; {bytes_an_entry:.0} bytes of Redis an entry",
            args.calls, self.answered_found
        ));
        Ok(())
    }
}
