//! The same over an S3 server: a process of its own that speaks the protocol.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use fairlead_lake::{Config, Store, compact};
use object_store::aws::AmazonS3Builder;
use object_store::prefix::PrefixStore;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::faults::Dying;
use crate::sql::fairlead_lake;
use crate::world::{World, assert_exact, cached, decisions, events, files};
use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC};

/// What `scripts/setup.sh test` fetches.
const HOME: &str = "moto-5.2.5";

/// A server on a free port, with one bucket `lake`; gone with the test.
struct Server {
    _process: Child,
    endpoint: String,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        let home = cached(HOME).context("no S3 server here: run `scripts/setup.sh test`")?;
        let mut process = Command::new("python3")
            .env("PYTHONPATH", home)
            .args(["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stderr.take().context("piped")?).lines();
        let endpoint = loop {
            let line = lines.next_line().await?.context("the S3 server ended")?;
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
        };
        // Its pipe stays open, so that it can go on logging.
        tokio_util::task::TaskTracker::new()
            .spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let made = Command::new("python3")
            .env("PYTHONPATH", cached(HOME).context("there a moment ago")?)
            .args(["-c", BUCKET, &endpoint])
            .status()
            .await?;
        anyhow::ensure!(made.success(), "no bucket");
        Ok(Self {
            _process: process,
            endpoint,
        })
    }

    fn store(&self, prefix: &str) -> anyhow::Result<Store> {
        let objects = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_bucket_name("lake")
            .with_region("us-east-1")
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()?;
        let objects = Arc::new(PrefixStore::new(objects, prefix));
        Ok(Store::over(objects, &format!("s3://lake/{prefix}")))
    }
}

const BUCKET: &str = "
import boto3, sys
boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1',
    aws_access_key_id='test', aws_secret_access_key='test').create_bucket(Bucket='lake')
";

#[tokio::test(flavor = "multi_thread")]
async fn on_s3_every_row_is_there_once_written_again_and_merged() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let store = server.store("house/one")?;
    let world = World::new(2).await?;
    world.log.append(EVENTS_TOPIC, events(0..300)).await?;
    world.log.append(DECISIONS_TOPIC, decisions(0..60)).await?;
    // One dies on the way, its last answer lost; the next cuts batches in other places.
    for operations in [5, 37, 90] {
        let dying = Dying::after(store.objects(), operations, false);
        let dying = Store::over(Arc::new(dying), "s3://lake/house/one");
        assert!(world.catch_up(&dying, 30).await.is_err());
    }
    world.catch_up(&store, 70).await?;
    assert_eq!(world.catch_up(&store, 90).await?, 0, "nothing is left");
    assert_exact(&*world.log, &store).await?;
    let before = files(&store).await?.len();
    let eager = Config {
        compact_after_seconds: 0,
        ..Config::default()
    };
    compact(&eager, &store, &world.clock()).await?;
    assert!(files(&store).await?.len() < before);
    assert_exact(&*world.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_goes_to_s3_by_url_with_credentials_of_the_environment() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let world = World::new(1).await?;
    world.log.append(EVENTS_TOPIC, events(0..50)).await?;
    world.catch_up(&server.store("house")?, 40).await?;
    let ask = |url: &str, access: &[(&str, &str)]| {
        let question = "select count(*) as n from events";
        let mut command = fairlead_lake(world.folder.path(), &["sql", question, "--format", "csv"]);
        command
            .env("FAIRLEAD_LAKE__URL", url)
            .envs(access.iter().copied())
            .output()
    };
    let access = [
        ("AWS_ENDPOINT", server.endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let answer = ask("s3://lake/house", &access)?;
    assert_eq!(
        String::from_utf8_lossy(&answer.stdout),
        "n\n49\n",
        "{answer:?}"
    );
    let refused = ask("s3://no-such-bucket/house", &access)?;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("no-such-bucket"),
        "{said}"
    );
    Ok(())
}
