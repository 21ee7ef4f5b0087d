//! Models are exchanged under load: every answer is complete, from the model that it names.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::folder::Folder;
use crate::support::{Setup, release_with, request};

const VERSIONS: [&str; 5] = ["1", "2", "3", "4", "5"];

fn folder(number: usize) -> Folder {
    Folder {
        version: VERSIONS[number],
        base: number as f64 - 2.0,
        ..Folder::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_or_mixes_models_while_releases_change() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let root = tempfile::tempdir()?;
    let models: Vec<_> = (0..VERSIONS.len())
        .map(|number| folder(number).write(root.path()))
        .collect::<Result<_, _>>()?;
    setup.publish(release_with(1, &models[..1])).await;
    setup
        .until(|serving| serving.model_version == "ranker 1")
        .await;

    let over = AtomicBool::new(false);
    let answered = VERSIONS.map(|_| AtomicUsize::new(0));
    let asking = async {
        while !over.load(Ordering::Relaxed) {
            let asked = std::iter::repeat_with(|| setup.ask(request())).take(8);
            for answer in futures::future::join_all(asked).await {
                let answer = answer?;
                let title = answer.model_version.trim_start_matches("ranker ");
                let number = VERSIONS
                    .iter()
                    .position(|version| *version == title)
                    .expect("ours");
                let expected = folder(number).p_click(0, 0, 0);
                assert!(
                    (answer.scored[0].p_click - expected).abs() < 1e-6,
                    "{answer:?}"
                );
                answered[number].fetch_add(1, Ordering::Relaxed);
            }
        }
        anyhow::Ok(())
    };
    let changing = async {
        for ((version, model), revision) in VERSIONS.iter().zip(&models).zip(1_usize..).skip(1) {
            // The one before has answered: the change happens beside requests.
            while answered[revision - 2].load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            let revision = revision as i64;
            setup
                .publish(release_with(revision, std::slice::from_ref(model)))
                .await;
            let title = format!("ranker {version}");
            setup.until(|serving| serving.model_version == title).await;
            // The new one answers from now on.
            assert_eq!(setup.ask(request()).await?.model_version, title);
        }
        over.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (asked, changed) = tokio::join!(asking, changing);
    asked?;
    changed
}
