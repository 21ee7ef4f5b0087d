//! The lake on an S3 server, which is a child process.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use fairlead_lake::{Config, Store, compact};
use object_store::aws::AmazonS3Builder;
use object_store::prefix::PrefixStore;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::faults::FailingStore;
use crate::fixture::{Fixture, assert_exact, cached, decisions, events, files};
use crate::sql::fairlead_lake;
use fairlead_lake::{DECISIONS_TOPIC, EVENTS_TOPIC};

/// The folder that `scripts/setup.sh test` installs.
const MOTO_FOLDER: &str = "moto-5.2.5";

/// A server on a free port with one bucket `lake`. It ends with the test.
struct Server {
    _process: Child,
    endpoint: String,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        let moto = cached(MOTO_FOLDER).context("no S3 server here: run `scripts/setup.sh test`")?;
        let mut process = Command::new("python3")
            .env("PYTHONPATH", &moto)
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
        // The pipe stays open, so that the server can go on logging.
        tokio_util::task::TaskTracker::new()
            .spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let made = Command::new("python3")
            .env("PYTHONPATH", moto)
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
async fn on_s3_every_row_is_written_once_despite_crashes_and_merges() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let store = server.store("prefix/one")?;
    let fixture = Fixture::new(2).await?;
    fixture.log.append(EVENTS_TOPIC, events(0..300)).await?;
    fixture
        .log
        .append(DECISIONS_TOPIC, decisions(0..60))
        .await?;
    // Each run fails and loses its last answer; the next one ends batches at other offsets.
    for operations in [5, 37, 90] {
        let failing = FailingStore::after(store.objects(), operations, false);
        let failing = Store::over(Arc::new(failing), "s3://lake/prefix/one");
        assert!(fixture.catch_up(&failing, 30).await.is_err());
    }
    fixture.catch_up(&store, 70).await?;
    assert_eq!(fixture.catch_up(&store, 90).await?, 0, "nothing is left");
    assert_exact(&*fixture.log, &store).await?;
    let before = files(&store).await?.len();
    let eager = Config {
        compact_after_seconds: 0,
        ..Config::default()
    };
    compact(&eager, &store, &fixture.clock()).await?;
    assert!(files(&store).await?.len() < before);
    assert_exact(&*fixture.log, &store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_uses_s3_by_url_with_credentials_from_the_environment() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let fixture = Fixture::new(1).await?;
    fixture.log.append(EVENTS_TOPIC, events(0..50)).await?;
    fixture.catch_up(&server.store("prefix")?, 40).await?;
    let count = |url: &str, access: &[(&str, &str)]| {
        let sql = "select count(*) as n from events";
        let mut command = fairlead_lake(fixture.folder.path(), &["sql", sql, "--format", "csv"]);
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
    let output = count("s3://lake/prefix", &access)?;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "n\n49\n",
        "{output:?}"
    );
    let refused = count("s3://no-such-bucket/prefix", &access)?;
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && stderr.contains("no-such-bucket"),
        "{stderr}"
    );
    Ok(())
}
