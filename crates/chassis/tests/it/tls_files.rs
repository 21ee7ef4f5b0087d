//! The files of `[tls]`: refused when they cannot be used, read again when they change.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fairlead_chassis::tls::{ClientCertificates, ClientTls, PeopleTls, Shown, Tls, TlsConfig};
use fairlead_proto::control::v1::VerifyAuditRequest;
use fairlead_testkit::{Authority, Subject};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::tls_setup::{Bank, PATIENCE, Server, gateway_to, metrics, value};

/// Checks that pricing does not start with a configuration, and that the error names `key` and says
/// `words`.
fn refused(config: &TlsConfig, key: &str, words: &str) {
    let refused = Tls::open(config, Some("pricing")).map(drop);
    let said = refused.expect_err(words).to_string();
    assert!(said.contains(key) && said.contains(words), "{said}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_key() {
    let bank = Bank::new();
    let good = bank.config("pricing");
    assert!(Tls::open(&good, Some("pricing")).is_ok());
    let absent = bank.folder().join("none.pem");
    let empty = bank.folder().join("empty.pem");
    std::fs::write(&empty, "").expect("written");
    let other = bank.issue(&Subject::service("recall"), "other");
    let with = |change: &dyn Fn(&mut TlsConfig)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let certificate = |path: &Path| with(&|config| config.certificate_file = path.into());
    let key = |path: &Path| with(&|config| config.key_file = path.into());
    let ca = with(&|config| config.ca_file.clone_from(&empty));
    refused(
        &certificate(&absent),
        "`tls.certificate_file`",
        "No such file",
    );
    refused(
        &certificate(&empty),
        "`tls.certificate_file`",
        "holds no certificate",
    );
    refused(&key(&empty), "`tls.key_file`", "holds no private key");
    refused(
        &key(&other.key),
        "`tls.key_file`",
        "not the key of the certificate",
    );
    refused(&ca, "`tls.ca_file`", "holds no certificate");
}

#[test]
fn a_certificate_that_no_peer_would_accept_is_refused_at_the_start() {
    let bank = Bank::new();
    let of = |subject: &Subject| {
        bank.config_of(&bank.issue(subject, "tried"), ClientCertificates::Required)
    };
    let pricing = Subject::service("pricing");
    let expired = Subject {
        expired: true,
        ..pricing.clone()
    };
    let nobody = Subject {
        service: None,
        ..pricing.clone()
    };
    let key = "`tls.certificate_file`";
    refused(&of(&expired), key, "has expired");
    refused(
        &of(&Subject::service("recall")),
        key,
        "`recall`, not of `pricing`",
    );
    refused(
        &of(&nobody),
        key,
        "spiffe://fairlead.internal/fairlead/SERVICE",
    );
    let mut config = of(&pricing);
    assert!(Tls::open(&config, Some("pricing")).is_ok());
    config.ca_file = bank.folder().join("stranger.pem");
    let stranger = Authority::new().expect("an authority");
    stranger.write(&config.ca_file).expect("written");
    refused(&config, key, "authority that is not trusted here");
}

/// Held by a test that changes files: reloads are counted for the whole process.
static CHANGES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Callers that go on, each by a connection that it keeps and by new ones.
struct Callers {
    asked: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Vec<String>>,
}

impl Callers {
    fn start(server: &Arc<Server>, tls: &Tls) -> Self {
        let (asked, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut tasks = JoinSet::new();
        for number in 0..4 {
            let (server, tls) = (server.clone(), tls.clone());
            let (asked, stop) = (asked.clone(), stop.clone());
            tasks.spawn(async move {
                let mut failed = Vec::new();
                let mut kept = server.client(tls.link("pricing"));
                while !stop.load(Ordering::SeqCst) {
                    if number % 2 == 0 {
                        kept = server.client(tls.link("pricing"));
                    }
                    let answer = kept.verify_audit(VerifyAuditRequest::default()).await;
                    failed.extend(answer.err().map(|status| status.to_string()));
                    asked.fetch_add(1, Ordering::SeqCst);
                }
                failed
            });
        }
        Self { asked, stop, tasks }
    }

    /// Waits until they have made so many more calls.
    async fn more(&self, calls: u64) {
        let until = self.asked.load(Ordering::SeqCst) + calls;
        while self.asked.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
    }

    async fn failures(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.tasks.join_all().await.concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_is_replaced_under_load_without_one_failed_call() {
    let _alone = CHANGES.lock().await;
    let bank = Bank::new();
    let server = Arc::new(Server::pricing(&bank).await);
    let gateway = Tls::open(&bank.config("gateway"), Some("gateway")).expect("a certificate");
    let mut following = JoinSet::new();
    following.spawn(gateway.clone().follow_files(CancellationToken::new()));
    let callers = Callers::start(&server, &gateway);
    callers.more(50).await;

    // As in the runbook: first both authorities are trusted, then certificates are of the new one.
    let next = Authority::new().expect("an authority");
    let next_ca = next
        .write(&bank.folder().join("next-ca.pem"))
        .expect("written");
    let both = [bank.ca(), next_ca.clone()]
        .map(|file| std::fs::read(file).expect("read"))
        .concat();
    let staged = bank.folder().join("both.pem");
    std::fs::write(&staged, both).expect("written");
    std::fs::rename(&staged, bank.ca()).expect("replaced");
    callers.more(50).await;
    for service in ["pricing", "gateway"] {
        let issued = next.issue(&Subject::service(service), bank.folder(), service);
        issued.expect("a certificate");
    }
    callers.more(50).await;

    // Who trusts the new authority alone sees that its certificate is shown.
    let person = PeopleTls {
        ca: Some(next_ca),
        ..PeopleTls::default()
    };
    let person = ClientTls::to_hosts(&person).expect("an authority");
    let seen = async {
        loop {
            let status = server
                .ask(Some(person.clone()))
                .await
                .expect_err("no certificate");
            if !status.message().contains("not trusted here") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("the new certificate is shown");
    callers.more(50).await;
    let failures = callers.failures().await;
    assert!(failures.is_empty(), "{failures:?}");
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_told_once() {
    let _alone = CHANGES.lock().await;
    let recorder = metrics();
    let outcome = |outcome: &str| {
        let series = format!("fairlead_tls_reloads_total{{outcome=\"{outcome}\"}}");
        value(&recorder.render(), &series)
    };
    let until = async |name: &str, count: u64| {
        let waiting = async {
            while outcome(name) < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect(name);
    };
    let bank = Bank::new();
    let config = bank.config("pricing");
    let server = Server::start(&config, Some("pricing"), Shown::Own).await;
    let told = |gauge: &str| recorder.render().contains(&format!("\n{gauge}\n"));
    let (refused, taken) = (outcome("refused"), outcome("taken"));
    for broken in ["not a certificate", "", "-----BEGIN CERTIFICATE-----\nAAAA"] {
        std::fs::write(&config.certificate_file, broken).expect("written");
        let before = outcome("refused");
        until("refused", before + 1).await;
        server
            .ask(gateway_to(&bank, "pricing"))
            .await
            .expect("the old certificate serves");
    }
    std::fs::remove_file(&config.certificate_file).expect("removed");
    until("refused", refused + 4).await;
    server
        .ask(gateway_to(&bank, "pricing"))
        .await
        .expect("the old certificate serves");
    assert_eq!(outcome("taken"), taken, "nothing was taken");
    assert!(told("fairlead_tls_files_refused 1"), "an alert watches it");
    bank.config("pricing");
    until("taken", taken + 1).await;
    server
        .ask(gateway_to(&bank, "pricing"))
        .await
        .expect("the new certificate serves");
    assert_eq!(outcome("refused"), refused + 4, "each was told once");
    assert!(told("fairlead_tls_files_refused 0"), "it is over");
    // The authority's certificates end with the year 2099.
    let ends = "fairlead_tls_certificate_expires_timestamp_seconds{shown=\"own\"} 4102444800";
    assert!(told(ends), "{}", recorder.render());
}
