//! Finds the product that is missing from a customer's holdings, through a running server, on
//! Zimnat's data.

mod baselines;
mod data;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, bail};
use fairlead_client::explained;
use fairlead_client::terminal::{Bars, note, table};
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{PutProductsRequest, PutSettingsRequest, Release};
use fairlead_proto::event::v1::Event;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{RecommendRequest, RecommendResponse};
use fairlead_server::Server;
use fairlead_training::metrics::Ranks;
use fairlead_training::{History, Objective, Options};
use serde::Serialize;

use super::asking::ask_all;
use super::rows::DataTable;
use super::sending::send;
use super::settings::SERVED_WITHIN;
use crate::models::{learn_from, register};
use crate::releases::publish;
use data::{Holdings, PolicyHolder};

/// The longest slate that the gateway returns.
const LONGEST_SLATE: usize = 50;
/// Version of the models in their release.
const VERSION: &str = "1";
/// Passes over the training data. Chosen on training rows alone.
const EPOCHS: usize = 4;

/// The result of the evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZimnatReport {
    /// Test customers.
    pub n: usize,
    /// Mean reciprocal rank of the hidden product in the slate.
    pub mrr: f64,
    /// Share of the slates with it at rank 1.
    pub hit1: f64,
    /// Share of the slates with it at rank 3 or better.
    pub hit3: f64,
    /// The baselines on the same rows.
    pub baselines: Baselines,
    /// Answers that lacked some stage, after a second attempt.
    pub degraded: usize,
}

/// Scores of the baselines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baselines {
    /// Products by their number of holders.
    pub popularity: RankScore,
    /// Naive Bayes over products held together.
    pub co_holding: RankScore,
}

/// The scores of a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RankScore {
    /// Mean reciprocal rank.
    pub mrr: f64,
    /// Share at rank 1.
    pub hit1: f64,
    /// Share at rank 3 or better.
    pub hit3: f64,
}

impl From<Ranks> for RankScore {
    fn from(ranks: Ranks) -> Self {
        Self {
            mrr: ranks.mrr,
            hit1: ranks.hit1,
            hit3: ranks.hit3,
        }
    }
}

/// Runs the evaluation on `holdings.csv.gz` (or `.csv`) of a folder, on an empty server, and prints
/// the scores as a table, or as one JSON object.
pub async fn zimnat(server: &Server, data: &Path, json: bool) -> anyhow::Result<ZimnatReport> {
    let holdings = Holdings::of(&DataTable::read(data, "holdings")?)?;
    let baselines = baselines::measure(&holdings);
    let bars = || {
        if json {
            Bars::hidden()
        } else {
            Bars::default()
        }
    };
    let tell = |text: String| {
        if !json {
            note(&text);
        }
    };
    tell(format!(
        "{} customers, {} products",
        holdings.customers.len(),
        holdings.products.len()
    ));
    put_catalogue(server, &holdings).await?;
    let events = holdings.events(server.clock.now_ms());
    tell(format!(
        "{} events, the hidden holdings left out",
        events.len()
    ));
    send(server, events, &bars()).await?;
    learn(server, &holdings, bars()).await?;
    let revision = publish(server, "evaluation on Zimnat's holdings").await?;
    server.release_live(revision, SERVED_WITHIN).await?;
    let (ranks, degraded) = ask(server, &holdings, &bars()).await?;
    let report = ZimnatReport {
        n: ranks.n,
        mrr: ranks.mrr,
        hit1: ranks.hit1,
        hit3: ranks.hit3,
        baselines: Baselines {
            popularity: baselines.popularity.into(),
            co_holding: baselines.co_holding.into(),
        },
        degraded,
    };
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(report)
}

/// Puts the products, and settings with which slates keep the order of the model.
async fn put_catalogue(server: &Server, holdings: &Holdings) -> anyhow::Result<()> {
    let tenant = server.tenant.to_string();
    let mut drafts = DraftServiceClient::new(server.control.clone());
    let products = PutProductsRequest {
        tenant: tenant.clone(),
        products: holdings.catalogue(),
        replace_all: true,
    };
    let put = drafts.put_products(products).await;
    put.map_err(|status| explained(&status))?;
    let parameters: BTreeMap<String, String> = [
        ("slate.order", "conversion"),
        ("slate.exploration", "0"),
        ("slate.utility_floor", "0"),
        ("slate.category_cap", "1000"),
        ("slate.max_same_kind_in_a_row", "1000"),
        ("recall.two_tower.limit", "1000"),
        ("recall.popular.limit", "1000"),
        ("recall.item_to_item.limit", "1000"),
        ("recall.new.limit", "0"),
        ("recall.repetition_cap", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let settings = PutSettingsRequest {
        tenant,
        settings: Some(Release {
            parameters,
            ..Release::default()
        }),
        ..PutSettingsRequest::default()
    };
    let put = drafts.put_settings(settings).await;
    put.map_err(|status| explained(&status))?;
    Ok(())
}

/// Trains on the training rows alone, as read from the log, and registers the models.
async fn learn(server: &Server, holdings: &Holdings, bars: Bars) -> anyhow::Result<()> {
    let tenant = server.tenant.as_str();
    let topics = &server.event_topics;
    let all = History::read(server.log.as_ref(), topics, tenant, &server.registry).await?;
    let training: HashSet<&str> = holdings
        .customers
        .iter()
        .filter(|one| !one.is_test())
        .map(|one| one.id.as_str())
        .collect();
    let of_training = |event: &&Event| training.contains(event.customer_id.as_str());
    let history = History::new(all.events().iter().filter(of_training).cloned().collect());
    let options = Options {
        epochs: EPOCHS,
        objective: Objective::LeaveOneOut,
        version: VERSION.to_owned(),
        ..Options::default()
    };
    let trained = learn_from(server, history, holdings.catalogue(), options, bars).await?;
    register(&server.control, &server.tenant, VERSION, &trained).await
}

/// Requests every test customer's slate. Returns the rank of the hidden product in each.
async fn ask(server: &Server, holdings: &Holdings, bars: &Bars) -> anyhow::Result<(Ranks, usize)> {
    let tests: Vec<&PolicyHolder> = holdings
        .customers
        .iter()
        .filter(|one| one.is_test())
        .collect();
    if tests.is_empty() {
        bail!("there is no test row: every fifth row from the first on is one");
    }
    let client = RecommendServiceClient::new(server.gateway.clone());
    let slate_size = holdings.products.len().min(LONGEST_SLATE) as i32;
    let questions = tests.iter().map(|customer| RecommendRequest {
        tenant: server.tenant.to_string(),
        customer_id: customer.id.clone(),
        slate_size,
        without_prices: true,
        ..RecommendRequest::default()
    });
    let questions: Vec<RecommendRequest> = questions.collect();
    let recommend = |question| {
        let mut client = client.clone();
        async move { client.recommend(question).await }
    };
    let label = "slates from the gateway";
    let mut answers = ask_all(label, bars, questions.clone(), recommend).await?;
    // Answers that were degraded under load are requested once more, one by one.
    for (question, answer) in questions.into_iter().zip(&mut answers) {
        if !answer.degraded.is_empty() {
            let again = ask_all(label, &Bars::hidden(), vec![question], recommend).await?;
            *answer = again
                .into_iter()
                .next()
                .context("an answer for the question")?;
        }
    }
    let degraded = answers
        .iter()
        .filter(|one| !one.degraded.is_empty())
        .count();
    let ranks: Vec<usize> = tests
        .iter()
        .zip(&answers)
        .map(|(customer, answer)| rank(&holdings.products[customer.hidden], answer))
        .collect();
    Ok((Ranks::new(&ranks), degraded))
}

/// Returns the rank of a product in a slate, or one beyond the longest slate if it is not on it.
fn rank(product: &str, slate: &RecommendResponse) -> usize {
    let index = slate
        .items
        .iter()
        .position(|item| item.product_id == product);
    index.map_or(usize::MAX, |index| index + 1)
}

fn print(report: &ZimnatReport) {
    let mut rows = table(["", "MRR", "hit@1", "hit@3"]);
    let shown = |name: &str, score: RankScore| {
        let RankScore { mrr, hit1, hit3 } = score;
        [
            name.to_owned(),
            format!("{mrr:.4}"),
            format!("{hit1:.4}"),
            format!("{hit3:.4}"),
        ]
    };
    let ZimnatReport {
        mrr, hit1, hit3, ..
    } = *report;
    rows.add_row(shown(
        "Fairlead, through the gateway",
        RankScore { mrr, hit1, hit3 },
    ));
    rows.add_row(shown(
        "co-holding (naive Bayes)",
        report.baselines.co_holding,
    ));
    rows.add_row(shown("popularity", report.baselines.popularity));
    println!("{rows}");
    note(&format!("{} test customers", report.n));
    if report.degraded > 0 {
        note(&format!("{} answers were degraded", report.degraded));
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::gateway::v1::SlateItem;

    use super::*;

    #[test]
    fn ranks_are_places_in_the_slate() {
        let item = |id: &str| SlateItem {
            product_id: id.to_owned(),
            ..SlateItem::default()
        };
        let slate = RecommendResponse {
            items: vec![item("a"), item("b")],
            ..RecommendResponse::default()
        };
        let ranks = Ranks::new(&[rank("a", &slate), rank("b", &slate), rank("c", &slate)]);
        assert!((ranks.mrr - 0.5).abs() < 1e-9);
        assert!((ranks.hit3 - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_report_has_the_keys_that_were_promised() {
        let score = RankScore {
            mrr: 0.5,
            hit1: 0.25,
            hit3: 0.75,
        };
        let report = ZimnatReport {
            n: 4,
            mrr: 0.9,
            hit1: 0.8,
            hit3: 0.95,
            baselines: Baselines {
                popularity: score,
                co_holding: score,
            },
            degraded: 0,
        };
        let json = serde_json::to_value(&report).expect("plain data");
        assert_eq!(json["n"], 4);
        assert_eq!(json["mrr"], 0.9);
        assert_eq!(json["hit1"], 0.8);
        assert_eq!(json["hit3"], 0.95);
        assert_eq!(json["baselines"]["popularity"]["mrr"], 0.5);
        assert_eq!(json["baselines"]["co_holding"]["mrr"], 0.5);
    }
}
