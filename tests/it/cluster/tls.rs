//! TLS between the processes: who is refused, and certificates that change while they run.

use fairlead_chassis::discovery::{Registration, ServiceRegistry as _};
use fairlead_chassis::link::Link;
use fairlead_chassis::tls::{ClientTls, PeopleTls};
use fairlead_proto::control::v1::PublishRequest;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::pricing::v1::VerifyQuoteRequest;
use fairlead_proto::pricing::v1::pricing_service_client::PricingServiceClient;
use fairlead_testkit::{Authority, Subject};
use fairlead_tests::cluster::{Load, PATIENCE, total};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::{ClusterFixture, with};

/// Tries to publish, as who has the certificate of this service. Returns how it was refused.
async fn publishing_as(fixture: &ClusterFixture, service: &'static str) -> Code {
    let folder = fixture.cluster.folder().join(format!("of-{service}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let tls = fixture.cluster.certificates.held_by(service, &folder);
    let tls = tls.expect("a certificate").link("control");
    let address = fixture.cluster.instances["control-1"].address();
    let link = Link::connect_by(&[address], tls).expect("a link");
    let request = PublishRequest {
        tenant: "demo".into(),
        ..PublishRequest::default()
    };
    let published = ReleaseServiceClient::new(link).publish(request).await;
    published.expect_err("no service publishes").code()
}

#[test]
fn a_service_may_what_the_name_in_its_certificate_allows() {
    with(async |fixture| {
        // Following and reporting releases works by certificates alone: these processes have no token.
        fixture.until_undegraded().await;
        assert_eq!(
            publishing_as(fixture, "ranking").await,
            Code::PermissionDenied
        );
        assert_eq!(
            publishing_as(fixture, "nobody").await,
            Code::Unauthenticated
        );
    });
}

/// Asks pricing. Returns what the caller was told.
async fn told(link: Link) -> String {
    let mut client = PricingServiceClient::new(link);
    let answer = client.verify_quote(VerifyQuoteRequest::default()).await;
    answer.map_or_else(
        |status| status.message().to_owned(),
        |answer| format!("{answer:?}"),
    )
}

#[test]
fn who_is_no_service_of_this_cluster_does_not_reach_pricing() {
    with(async |fixture| {
        let port = fixture.cluster.instances["pricing-1"].port();
        let secure = [format!("https://localhost:{port}")];
        let plain = Link::connect(&[format!("http://localhost:{port}")]).expect("a link");
        let said = told(plain).await;
        assert!(said.contains("this port speaks TLS only"), "{said}");

        let ca = fixture.cluster.certificates.ca().to_owned();
        let without = PeopleTls {
            ca: Some(ca.clone()),
            ..PeopleTls::default()
        };
        let stranger = Authority::new().expect("an authority");
        let folder = fixture.cluster.folder();
        let shown = stranger.issue(&Subject::service("gateway"), folder, "stranger");
        let shown = shown.expect("a certificate");
        let other = PeopleTls {
            ca: Some(ca),
            certificate: Some(shown.certificate),
            key: Some(shown.key),
        };
        for (files, words) in [
            (without, "it requires a client certificate"),
            (other, "it does not trust the authority"),
        ] {
            let tls = ClientTls::to_hosts(&files).expect("files that read");
            let said = told(Link::connect_by(&secure, Some(tls)).expect("a link")).await;
            // The reason may be lost with the connection: with TLS 1.3 a client has sent its request before
            // it is refused. Pricing never answers.
            let refused = said.contains(words) || said.contains("connection closed");
            assert!(refused, "{said}");
        }
        // With a certificate of the cluster the call comes through: the service itself answers.
        let own = fixture.cluster.link_to("pricing-1").expect("a link");
        let said = told(own).await;
        assert!(!said.contains("does not answer"), "{said}");
    });
}

#[test]
fn an_impostor_in_the_registry_is_found_out_and_costs_no_request() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let page = fixture.cluster.instances["gateway-1"].page();
        let found_out = || {
            total(
                page,
                "fairlead_tls_failures_total",
                &["\"ranking\"", "\"identity\""],
            )
        };
        let (before, load) = (
            found_out(),
            Load::start(&fixture.gateway, &fixture.reference.customers, 2),
        );
        // Recall's own process, announced as an instance of ranking.
        let registration = Registration {
            service: "ranking",
            host: "127.0.0.1".to_owned(),
            port: fixture.cluster.instances["recall-1"].port(),
            version: "0".to_owned(),
            zone: String::new(),
        };
        let withdraw = CancellationToken::new();
        let registry = fixture.cluster.registry().expect("a registry");
        let announcing = registry.announce(registration, withdraw.clone());
        let seen = async {
            while found_out() <= before {
                load.more(5).await;
            }
            load.more(50).await;
            withdraw.cancel();
        };
        let both = async { tokio::join!(announcing, seen) };
        tokio::time::timeout(PATIENCE, both)
            .await
            .expect("found out");
        let tally = load.stop().await;
        assert!(
            tally.failed.is_empty() && tally.degraded.is_empty(),
            "{tally:?}"
        );
        fixture.until_undegraded().await;
    });
}

/// Waits until every process that has a certificate has taken its new one.
async fn taken(fixture: &ClusterFixture, names: &[String]) {
    let all = async {
        for name in names {
            let page = fixture.cluster.instances[name].page();
            while total(page, "fairlead_tls_reloads_total", &["\"taken\""]) < 1.0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("taken");
}

#[test]
fn every_certificate_is_renewed_under_load_without_one_failed_request() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let load = Load::start(&fixture.gateway, &fixture.reference.customers, 4);
        load.more(50).await;
        let secured = fixture.cluster.instances.iter();
        let secured = secured.filter(|(_, instance)| instance.service() != "stream");
        let names: Vec<String> = secured.map(|(name, _)| name.clone()).collect();
        for name in &names {
            fixture.cluster.renew(name).expect("a new certificate");
        }
        taken(fixture, &names).await;
        // Connections are made anew with the new certificates.
        let ranking = fixture.cluster.instance("ranking-1").unwrap();
        ranking.kill9().unwrap();
        ranking.start_again().unwrap();
        tokio::task::block_in_place(|| fixture.cluster.until_ready()).unwrap();
        load.more(100).await;
        let tally = load.stop().await;
        assert!(
            tally.failed.is_empty() && tally.degraded.is_empty(),
            "{tally:?}"
        );
    });
}

#[test]
fn a_process_with_the_certificate_of_another_service_does_not_start() {
    with(async |fixture| {
        let folder = fixture.cluster.folder().join("of-recall");
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = fixture
            .cluster
            .certificates
            .issue("recall", &folder)
            .expect("a certificate");
        let (certificate, key) = (
            files.certificate.display().to_string(),
            files.key.display().to_string(),
        );
        let settings = [
            ("TLS__CERTIFICATE_FILE", certificate.as_str()),
            ("TLS__KEY_FILE", key.as_str()),
        ];
        tokio::task::block_in_place(|| {
            let instance = fixture.cluster.start_with("pricing", 9, &settings).unwrap();
            assert_eq!(instance.exit_code().unwrap(), Some(1));
            let said = instance.said();
            for words in ["tls.certificate_file", "`recall`", "`pricing`"] {
                assert!(said.contains(words), "{said}");
            }
            fixture.cluster.forget("pricing-9").unwrap();
        });
    });
}
