//! The service as a process of its own: `run` on a free port, releases from a control plane.

use std::pin::Pin;

use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use fairlead_proto::control::v1::release_service_server::{ReleaseService, ReleaseServiceServer};
use fairlead_proto::control::v1::{
    GetReleaseRequest, GetReleaseResponse, ListReleasesRequest, ListReleasesResponse,
    PublishRequest, PublishResponse, Release, RollBackRequest, RollBackResponse, WatchRequest,
    WatchResponse,
};
use fairlead_proto::ranking::v1::RankRequest;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_ranking::{Config, run};
use fairlead_testkit::RedisServer;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use crate::support::{PATIENCE, deposit, release, request, sealed};

fn published() -> Release {
    sealed(release(1, vec![deposit("A")]))
}

/// Asks until the release has come, which names no ranker.
async fn first_answer(mut client: RankingServiceClient<Link>) -> anyhow::Result<()> {
    let asked = RankRequest {
        product_ids: vec!["A".into()],
        ..request()
    };
    loop {
        let status = client.rank(asked.clone()).await.expect_err("no ranker");
        if status.code() != Code::Unavailable {
            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
            assert_eq!(status.message(), "no ranker in release 1");
            return Ok(());
        }
    }
}

/// A control plane that has one release.
struct OneRelease(Release);

#[tonic::async_trait]
impl ReleaseService for OneRelease {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let release = WatchResponse {
            release: Some(self.0.clone()),
        };
        let stream = tokio_stream::once(Ok(release)).chain(tokio_stream::pending());
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_release(
        &self,
        _: Request<GetReleaseRequest>,
    ) -> Result<Response<GetReleaseResponse>, Status> {
        Err(Status::unimplemented("only followed here"))
    }

    async fn publish(
        &self,
        _: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        Err(Status::unimplemented("only followed here"))
    }

    async fn list_releases(
        &self,
        _: Request<ListReleasesRequest>,
    ) -> Result<Response<ListReleasesResponse>, Status> {
        Err(Status::unimplemented("only followed here"))
    }

    async fn roll_back(
        &self,
        _: Request<RollBackRequest>,
    ) -> Result<Response<RollBackResponse>, Status> {
        Err(Status::unimplemented("only followed here"))
    }
}

async fn port() -> anyhow::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    Ok((listener, address))
}

#[tokio::test]
async fn a_process_follows_releases_answers_and_stops() -> anyhow::Result<()> {
    let redis = RedisServer::start()?;
    let stop = CancellationToken::new();
    let (control_listener, control_plane) = port().await?;
    let (listener, address) = port().await?;
    let options = ServeOptions {
        name: "control",
        drain: std::time::Duration::ZERO,
    };
    let routes = Routes::new(ReleaseServiceServer::new(OneRelease(published())));
    let config = Config {
        tenant: "acme".into(),
        redis_url: redis.url(),
        control_plane: vec![control_plane],
        ..Config::default()
    };
    let asking = async {
        let client = RankingServiceClient::new(Link::connect(&[address])?);
        let answered = tokio::time::timeout(PATIENCE, first_answer(client)).await;
        stop.cancel();
        answered?
    };
    // The control plane's stream never ends, so that it is cut when it should drain.
    let controlling = serve(options, control_listener, routes, stop.clone());
    let running = run(config, listener, stop.clone());
    let (ran, _, answered) = tokio::join!(running, controlling, asking);
    answered?;
    Ok(ran?)
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_named() -> anyhow::Result<()> {
    let mut redis = RedisServer::start()?;
    let good = Config {
        tenant: "acme".into(),
        redis_url: redis.url(),
        ..Config::default()
    };
    redis.kill9()?;
    let config = |change: &dyn Fn(&mut Config)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let cases = [
        (
            config(&|config| config.tenant = "a b".into()),
            "`tenant` = `a b`",
        ),
        (
            config(&|config| config.control_plane = vec!["nowhere".into()]),
            "`nowhere`",
        ),
        (
            config(&|config| config.redis_url = "http://x".into()),
            "http://x",
        ),
        (config(&|_| {}), "redis-server"),
    ];
    for (config, names) in cases {
        let (listener, _) = port().await?;
        let error = run(config, listener, CancellationToken::new())
            .await
            .expect_err(names);
        assert!(error.to_string().contains(names), "{error}");
    }
    Ok(())
}
