//! TLS between services, and of apps: who is let in, who is refused, and what they are told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use fairlead_chassis::link::Link;
use fairlead_chassis::tls::{
    ClientCertificates, ClientTls, PeopleTls, PublicCertificate, Shown, Tls,
};
use fairlead_testkit::Subject;
use tonic::Code;

use crate::tls_setup::{Bank, PATIENCE, Server, gateway_to, metrics, plaintext, refused, value};

#[tokio::test]
async fn services_prove_themselves_to_each_other() {
    let bank = Bank::new();
    let server = Server::pricing(&bank).await;
    server
        .ask(gateway_to(&bank, "pricing"))
        .await
        .expect("the gateway is known");
    // Another service is let in by the handshake, and told apart by the handler.
    let ranking = Tls::open(&bank.config("ranking"), Some("ranking")).expect("a certificate");
    let status = server
        .ask(ranking.link("pricing"))
        .await
        .expect_err("not the gateway");
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    assert!(status.message().contains("ranking"), "{status:?}");
}

#[tokio::test]
async fn plaintext_is_refused_in_the_callers_own_protocol() {
    let bank = Bank::new();
    let server = Server::pricing(&bank).await;
    refused(
        server.ask(None).await,
        "this port speaks TLS only: use https://",
    );
    let address = server.address;
    let said = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream
            .write_all(b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n")
            .expect("sent");
        let mut said = String::new();
        stream
            .read_to_string(&mut said)
            .expect("answered and closed");
        said
    });
    let said = said.await.expect("asked");
    assert!(
        said.starts_with("HTTP/1.1 400 ") && said.contains("use https://"),
        "{said}"
    );
}

#[tokio::test]
async fn a_caller_with_tls_finds_out_that_the_server_has_none() {
    let bank = Bank::new();
    let server = Server::start(&plaintext(), None, Shown::Own).await;
    refused(
        server.ask(gateway_to(&bank, "pricing")).await,
        "the server does not answer: TLS: it does not speak TLS",
    );
}

#[tokio::test]
async fn another_authoritys_certificate_is_refused_at_both_ends() {
    let (bank, stranger) = (Bank::new(), Bank::new());
    let server = Server::pricing(&stranger).await;
    let words = "TLS: its certificate is of an authority that is not trusted here";
    refused(server.ask(gateway_to(&bank, "pricing")).await, words);
    // One that is let in by the server's own authority, but shows a stranger's certificate.
    let shown = stranger.issue(&Subject::service("gateway"), "gateway");
    let caller = PeopleTls {
        ca: Some(bank.ca()),
        certificate: Some(shown.certificate),
        key: Some(shown.key),
    };
    let server = Server::pricing(&bank).await;
    let caller = ClientTls::to_hosts(&caller).expect("files that read");
    refused(
        server.ask(Some(caller)).await,
        "it does not trust the authority of the certificate that was shown",
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused_at_both_ends() {
    let bank = Bank::new();
    let expired = |service: &str| Subject {
        expired: true,
        ..Subject::service(service)
    };
    let files = bank.issue(&expired("pricing"), "expired");
    let mut config = bank.config("pricing");
    config.public = PublicCertificate {
        certificate_file: files.certificate,
        key_file: files.key,
    };
    let server = Server::start(&config, Some("pricing"), Shown::Public).await;
    let words = "TLS: its certificate has expired";
    refused(server.ask(gateway_to(&bank, "pricing")).await, words);

    let shown = bank.issue(&expired("gateway"), "expired-gateway");
    let caller = PeopleTls {
        ca: Some(bank.ca()),
        certificate: Some(shown.certificate),
        key: Some(shown.key),
    };
    let server = Server::pricing(&bank).await;
    let caller = ClientTls::to_hosts(&caller).expect("files that read");
    let words = "it was shown a certificate that has expired";
    refused(server.ask(Some(caller)).await, words);
}

#[tokio::test]
async fn another_service_cannot_stand_in() {
    let bank = Bank::new();
    let recall = Server::start(&bank.config("recall"), Some("recall"), Shown::Own).await;
    refused(
        recall.ask(gateway_to(&bank, "pricing")).await,
        "it is that of the service `recall`, not of `pricing`",
    );
    // One with the right host name that names no service is nobody.
    let subject = Subject {
        service: None,
        ..Subject::service("pricing")
    };
    let files = bank.issue(&subject, "host");
    let config = bank.config_of(&files, ClientCertificates::None);
    let host = Server::start(&config, None, Shown::Own).await;
    refused(
        host.ask(gateway_to(&bank, "pricing")).await,
        "it names no service",
    );
}

#[tokio::test]
async fn a_caller_without_a_services_certificate_is_refused_where_one_is_required() {
    let bank = Bank::new();
    let server = Server::pricing(&bank).await;
    let person = PeopleTls {
        ca: Some(bank.ca()),
        ..PeopleTls::default()
    };
    let without = ClientTls::to_hosts(&person).expect("an authority");
    let words = "it requires a client certificate, and none was shown";
    refused(server.ask(Some(without.clone())).await, words);
    let nobody = Subject {
        service: None,
        ..Subject::service("anyone")
    };
    let shown = bank.issue(&nobody, "anyone");
    let with = PeopleTls {
        certificate: Some(shown.certificate),
        key: Some(shown.key),
        ..person
    };
    let with = ClientTls::to_hosts(&with).expect("files that read");
    let words = "it refuses the certificate that was shown";
    refused(server.ask(Some(with.clone())).await, words);

    // Where it is optional, one may have none, but not a bad one.
    let files = bank.issue(&Subject::service("control"), "control");
    let config = bank.config_of(&files, ClientCertificates::Optional);
    let server = Server::start(&config, Some("control"), Shown::Own).await;
    let status = server
        .ask(Some(without))
        .await
        .expect_err("not the gateway");
    assert_eq!(status.message(), "you are None");
    refused(server.ask(Some(with)).await, words);
    server
        .ask(gateway_to(&bank, "control"))
        .await
        .expect("the gateway is known");
}

#[tokio::test]
async fn rest_is_served_on_the_same_port() {
    let bank = Bank::new();
    let files = bank.issue(&Subject::service("gateway"), "gateway");
    let config = bank.config_of(&files, ClientCertificates::None);
    let server = Server::start(&config, Some("gateway"), Shown::Public).await;
    assert_eq!(get(&server, &bank).await, "nobody");
}

/// Gets `/who` over HTTPS, by host name.
async fn get(server: &Server, bank: &Bank) -> String {
    use http_body_util::BodyExt as _;
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(bank.ca()).expect("PEM");
    roots.add(ca).expect("an authority");
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a version for old phones")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    let connector = connector.https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let uri = format!("https://localhost:{}/who", server.address.port());
    let request = http::Request::get(uri).body(http_body_util::Empty::<bytes::Bytes>::new());
    let answer = client
        .request(request.expect("a request"))
        .await
        .expect("an answer");
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn who_dawdles_over_the_handshake_holds_up_nobody_and_is_closed() {
    let recorder = metrics();
    let bank = Bank::new();
    let mut config = bank.config("pricing");
    config.handshake_ms = 200;
    let server = Server::start(&config, Some("pricing"), Shown::Own).await;
    let address = server.address;
    let mut silent: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(address).expect("connected"))
        .collect();
    // The beginning of a handshake, and no more.
    silent[0].write_all(&[0x16, 3, 1]).expect("sent");
    server
        .ask(gateway_to(&bank, "pricing"))
        .await
        .expect("answered all the same");
    let closed = tokio::task::spawn_blocking(move || {
        silent.iter_mut().all(|stream| {
            stream.set_read_timeout(Some(PATIENCE)).expect("set");
            matches!(stream.read(&mut [0; 64]), Ok(0) | Err(_))
                && stream.take_error().expect("asked").is_none()
        })
    });
    assert!(closed.await.expect("read"));
    let late = "fairlead_tls_handshakes_total{server=\"audit\",outcome=\"timeout\"}";
    let counted = async {
        while value(&recorder.render(), late) < 50 {
            tokio::task::yield_now().await;
        }
    };
    let counted = tokio::time::timeout(PATIENCE, counted).await;
    assert!(counted.is_ok(), "{}", recorder.render());
}

#[tokio::test]
async fn failures_are_counted_by_cause_at_both_ends() {
    let recorder = metrics();
    let bank = Bank::new();
    let server = Server::pricing(&bank).await;
    let person = PeopleTls {
        ca: Some(bank.ca()),
        ..PeopleTls::default()
    };
    let person = ClientTls::to_hosts(&person).expect("an authority");
    server.ask(Some(person)).await.expect_err("no certificate");
    server.ask(None).await.expect_err("plaintext");
    server
        .ask(gateway_to(&bank, "pricing"))
        .await
        .expect("answered");
    server
        .ask(gateway_to(&bank, "recall"))
        .await
        .expect_err("not recall");
    for series in [
        "fairlead_tls_handshakes_total{server=\"audit\",outcome=\"no_certificate\"}",
        "fairlead_tls_handshakes_total{server=\"audit\",outcome=\"plaintext\"}",
        "fairlead_tls_handshakes_total{server=\"audit\",outcome=\"ok\"}",
        "fairlead_tls_handshakes_total{server=\"audit\",outcome=\"refused\"}",
        "fairlead_tls_failures_total{service=\"the server\",cause=\"identity\"}",
        "fairlead_tls_failures_total{service=\"the server\",cause=\"refused\"}",
    ] {
        let counted = async {
            while value(&recorder.render(), series) == 0 {
                tokio::task::yield_now().await;
            }
        };
        let counted = tokio::time::timeout(PATIENCE, counted).await;
        assert!(counted.is_ok(), "{series} in {}", recorder.render());
    }
}

#[tokio::test]
async fn no_link_falls_back_to_plaintext() {
    let bank = Bank::new();
    let address = ["http://127.0.0.1:1".to_owned()];
    let refused = Link::connect_by(&address, gateway_to(&bank, "pricing")).expect_err("plaintext");
    assert!(
        refused.to_string().contains("https:// is expected"),
        "{refused}"
    );
    let address = ["https://127.0.0.1:1".to_owned()];
    let refused = Link::connect(&address).expect_err("no TLS");
    assert!(
        refused.to_string().contains("none is configured"),
        "{refused}"
    );
}
