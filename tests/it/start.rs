//! A server that cannot start names the cause, the value, and what to do.

use fairlead_server::{AppConfig, Server};

use crate::fixture::{config, runtime};

/// Returns the error of a start.
async fn refusal(config: &AppConfig) -> String {
    match Server::start(config, None).await {
        Err(error) => format!("{error:#}"),
        Ok(server) => {
            server.stop().await.expect("stopped");
            panic!("it started");
        }
    }
}

#[test]
fn each_thing_that_is_missing_or_taken_is_named() {
    runtime().block_on(async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        type Spoil<'s> = Box<dyn Fn(&mut AppConfig) + 's>;
        let cases: [(&str, Spoil<'_>, Vec<String>); 6] = [
            (
                "a port in use",
                Box::new(|config| config.listen.gateway = address),
                vec![address.to_string(), "in use".to_owned()],
            ),
            (
                "the control plane's port in use",
                Box::new(|config| config.listen.control = address),
                vec![address.to_string(), "in use".to_owned()],
            ),
            (
                "no Redis",
                Box::new(|config| "redis://127.0.0.1:1".clone_into(&mut config.redis.url)),
                vec!["redis".to_owned(), "127.0.0.1:1".to_owned()],
            ),
            (
                "a URL that is none",
                Box::new(|config| "here".clone_into(&mut config.redis.url)),
                vec!["here".to_owned()],
            ),
            (
                "no Kafka",
                Box::new(|config| "127.0.0.1:1".clone_into(&mut config.events.kafka)),
                vec!["127.0.0.1:1".to_owned()],
            ),
            (
                "a data folder that cannot be made",
                Box::new(|config| config.data_dir = "/proc/fairlead".into()),
                vec!["/proc/fairlead".to_owned()],
            ),
        ];
        for (what, spoil, named) in cases {
            let folder = tempfile::tempdir().expect("a folder");
            let mut config = config(folder.path()).expect("a configuration");
            spoil(&mut config);
            let said = refusal(&config).await;
            for name in named {
                assert!(said.contains(&name), "{what}: {said}");
            }
        }
    });
}

#[test]
fn two_servers_do_not_share_a_data_folder() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path()).expect("a configuration");
        let first = Server::start(&config, None).await.expect("started");
        let said = refusal(&config).await;
        let named = folder.path().to_string_lossy().into_owned();
        assert!(said.contains(&named), "{said}");
        first.stop().await.expect("stopped");
        let again = Server::start(&config, None).await.expect("started again");
        again.stop().await.expect("stopped");
    });
}
