//! Prices Lending Club's loans through a running server, and checks every price.

mod check;
mod data;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use fairlead_client::explained;
use fairlead_client::terminal::{Bars, note, table};
use fairlead_price_engine::defaults;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{
    PutProductsRequest, PutSettingsRequest, PutStrategyRequest, Release,
};
use fairlead_proto::gateway::v1::quote_response::Outcome;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::{QuoteRequest, QuoteResponse};
use fairlead_proto::pricing::v1::{Price, Refusal};
use fairlead_server::Server;
use serde::Serialize;

use super::asking::ask_all;
use super::rows::DataTable;
use super::sending::send;
use super::settings::SERVED_WITHIN;
use crate::releases::publish;
use data::{Application, applications, events};

const STRATEGY: &str = "lending-club";
const JURISDICTION: &str = "US";

/// The result of the evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LendingClubReport {
    /// Applications.
    pub n: usize,
    /// Applications that got a firm quote.
    pub approved: usize,
    /// The other applications, by cause.
    pub refused: BTreeMap<String, usize>,
    /// Mean nominal yearly rate of the quotes, percent, by grade.
    pub mean_apr: BTreeMap<String, f64>,
    /// Mean all-in cost (effective, with the fee), percent a year, by grade.
    pub mean_all_in: BTreeMap<String, f64>,
    /// Quotes whose instalments do not add up to the cent.
    pub sum_mismatches: usize,
    /// Largest distance of a stated all-in cost from the rate of return of its cash flows; a
    /// fraction a year. Infinite, written as null, if some cash flows have none.
    pub irr_max_error: f64,
}

/// Runs the evaluation on `loans_2018q1.csv.gz` (or `.csv`) of a folder, on an empty server, and
/// prints the figures as tables, or as one JSON object.
pub async fn lending_club(
    server: &Server,
    data: &Path,
    json: bool,
) -> anyhow::Result<LendingClubReport> {
    let applications = applications(&DataTable::read(data, "loans_2018q1")?)?;
    let bars = if json {
        Bars::hidden()
    } else {
        note(&format!("{} applications", applications.len()));
        Bars::default()
    };
    let product = put_strategy(server).await?;
    let revision = publish(server, "evaluation on Lending Club's loans").await?;
    server.release_live(revision, SERVED_WITHIN).await?;
    let events = events(&applications, server.clock.now_ms());
    send(server, events, &bars).await?;
    let answers = ask(server, &applications, &product, &bars).await?;
    let report = evaluate(&applications, &answers)?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(report)
}

/// Puts the product, the rule pack of its country, and the linted strategy. Returns the product's
/// id.
async fn put_strategy(server: &Server) -> anyhow::Result<String> {
    let tenant = server.tenant.to_string();
    let mut drafts = DraftServiceClient::new(server.control.clone());
    let product = defaults::lending_club_product()?;
    let product_id = product.product_id.clone();
    let products = PutProductsRequest {
        tenant: tenant.clone(),
        products: vec![product],
        replace_all: true,
    };
    let put = drafts.put_products(products).await;
    put.map_err(|status| explained(&status))?;
    let mut given = defaults::settings()?;
    given
        .rule_packs
        .retain(|pack| pack.jurisdiction == JURISDICTION);
    let ours = |strategies: &[String]| strategies.iter().any(|one| one == STRATEGY);
    given.cost_models.retain(|one| ours(&one.strategies));
    given.guardrails.retain(|one| ours(&one.strategies));
    let settings = PutSettingsRequest {
        tenant: tenant.clone(),
        settings: Some(Release {
            rule_packs: given.rule_packs,
            cost_models: given.cost_models,
            guardrails: given.guardrails,
            ..Release::default()
        }),
        ..PutSettingsRequest::default()
    };
    let put = drafts.put_settings(settings).await;
    put.map_err(|status| explained(&status))?;
    let strategy = defaults::strategies()?
        .into_iter()
        .find(|one| one.strategy_id == STRATEGY)
        .with_context(|| format!("the default strategies have no `{STRATEGY}`"))?;
    let request = PutStrategyRequest {
        tenant,
        strategy: Some(strategy),
    };
    let put = drafts.put_strategy(request).await;
    put.map_err(|status| explained(&status))
        .with_context(|| format!("strategy {STRATEGY}"))?;
    Ok(product_id)
}

/// Requests a firm quote for every application.
async fn ask(
    server: &Server,
    applications: &[Application],
    product_id: &str,
    bars: &Bars,
) -> anyhow::Result<Vec<QuoteResponse>> {
    let client = QuoteServiceClient::new(server.gateway.clone());
    let questions = applications.iter().map(|one| QuoteRequest {
        tenant: server.tenant.to_string(),
        customer_id: one.customer_id.clone(),
        product_id: product_id.to_owned(),
        amount: Some(one.amount.clone()),
        tenor_months: one.months,
        idempotency_key: one.customer_id.clone(),
        ..QuoteRequest::default()
    });
    let quote = |question| {
        let mut client = client.clone();
        async move { client.quote(question).await }
    };
    ask_all(
        "firm quotes from the gateway",
        bars,
        questions.collect(),
        quote,
    )
    .await
}

/// Counts, averages, and checks every price.
fn evaluate(
    applications: &[Application],
    answers: &[QuoteResponse],
) -> anyhow::Result<LendingClubReport> {
    let mut report = LendingClubReport {
        n: applications.len(),
        ..LendingClubReport::default()
    };
    let mut by_grade: BTreeMap<String, Sums> = BTreeMap::new();
    for (application, answer) in applications.iter().zip(answers) {
        match &answer.outcome {
            Some(Outcome::Quote(quote)) => {
                let price = quote.price.as_ref();
                let price =
                    price.with_context(|| format!("quote {} has no price", quote.quote_id))?;
                report.check(application, price);
                let sums = by_grade.entry(application.grade.clone()).or_default();
                sums.add(price);
            }
            Some(Outcome::Refusal(refusal)) => {
                *report.refused.entry(cause(refusal)).or_default() += 1;
            }
            None => bail!(
                "request {} has neither quote nor refusal",
                answer.request_id
            ),
        }
    }
    for (grade, sums) in by_grade {
        let count = sums.count as f64;
        let apr = sums.rate_ppm as f64 / (count * 1e4);
        report.mean_apr.insert(grade.clone(), apr);
        report.mean_all_in.insert(grade, sums.all_in / count);
    }
    Ok(report)
}

/// Sums over the quotes of a grade: rates in ppm, all-in costs in percent.
#[derive(Debug, Default)]
struct Sums {
    count: i64,
    rate_ppm: i64,
    all_in: f64,
}

impl Sums {
    fn add(&mut self, price: &Price) {
        self.count += 1;
        self.rate_ppm += price.rate_ppm;
        self.all_in += price.all_in_irr * 100.0;
    }
}

impl LendingClubReport {
    fn check(&mut self, application: &Application, price: &Price) {
        self.approved += 1;
        let asked = price.amount.as_ref() == Some(&application.amount)
            && price.tenor_months == application.months;
        if !asked || !check::adds_up(price) {
            self.sum_mismatches += 1;
        }
        let error = check::irr_error(price).unwrap_or(f64::INFINITY);
        self.irr_max_error = self.irr_max_error.max(error);
    }
}

/// Returns the cause of a refusal as a word: "limit", "missing-input".
fn cause(refusal: &Refusal) -> String {
    let name = refusal.cause().as_str_name();
    let name = name.strip_prefix("REFUSAL_CAUSE_").unwrap_or(name);
    name.to_lowercase().replace('_', "-")
}

fn print(report: &LendingClubReport) {
    let mut rows = table(["grade", "mean APR", "mean all-in cost"]);
    for (grade, apr) in &report.mean_apr {
        let all_in = report.mean_all_in.get(grade).copied().unwrap_or_default();
        rows.add_row([
            grade.clone(),
            format!("{apr:.2} %"),
            format!("{all_in:.2} %"),
        ]);
    }
    println!("{rows}");
    let share = report.approved as f64 / report.n.max(1) as f64 * 100.0;
    note(&format!(
        "{} of {} approved: {share:.1} %",
        report.approved, report.n
    ));
    for (cause, count) in &report.refused {
        note(&format!("{count} refused: {cause}"));
    }
    note(&format!(
        "{} quotes whose instalments do not add up to the cent",
        report.sum_mismatches
    ));
    note(&format!(
        "stated all-in cost and rate of return of the cash flows: {:.1e} apart at most",
        report.irr_max_error
    ));
}

#[cfg(test)]
mod tests {
    use fairlead_price_engine::{Accepted, Engine, FeatureMap, Inputs, Source};
    use fairlead_proto::pricing::v1::{Quote, RefusalCause};

    use super::*;

    /// Prices applications by the engine, as the pricing service does.
    fn answer(applications: &[Application]) -> Vec<QuoteResponse> {
        let products = [defaults::lending_club_product().expect("the default")];
        let strategies = defaults::strategies().expect("the defaults");
        let settings = defaults::settings().expect("the defaults");
        let engine = Engine::compile(&Source {
            strategies: &strategies,
            default_strategies: &BTreeMap::new(),
            cost_models: &settings.cost_models,
            guardrails: &settings.guardrails,
            rule_packs: &settings.rule_packs,
            risk_models: &settings.risk_models,
            products: &products,
        });
        let engine = engine.expect("the defaults compile");
        let price = |one: &Application| {
            let event = one.event(1_000).expect("a profile");
            let features = event.attributes.iter().fold(
                FeatureMap::default().with_category("bureau_grade", &one.grade),
                |features, (name, value)| match value.value {
                    Some(fairlead_proto::event::v1::attribute_value::Value::Number(number)) => {
                        features.with_number(name, number)
                    }
                    _ => features,
                },
            );
            let amount =
                fairlead_domain::Money::new(one.amount.minor, fairlead_domain::Currency::USD);
            let outcome = engine.price(&Inputs {
                product_id: &products[0].product_id,
                amount: Some(amount),
                tenor_months: Some(one.months),
                last_rate_ppm: None,
                accepted: Accepted::default(),
                channel: "app",
                segment: None,
                campaign: "",
                personalised: false,
                as_of_ms: 1_764_000_000_000,
                strategy_versions: &BTreeMap::new(),
                features: &features,
            });
            QuoteResponse {
                outcome: Some(match outcome {
                    Ok(price) => Outcome::Quote(Quote {
                        price: Some(price),
                        ..Quote::default()
                    }),
                    Err(refusal) => Outcome::Refusal(*refusal),
                }),
                ..QuoteResponse::default()
            }
        };
        applications.iter().map(price).collect()
    }

    /// Prices every thirteenth of the real loans by the engine: nearly all are approved, at their
    /// rates, and every cent and rate is checked.
    #[test]
    fn real_loans_are_priced_at_the_rates_of_their_grades() {
        let Some(folder) = fairlead_testkit::data_dir("lending_club") else {
            return;
        };
        let rows = DataTable::read(&folder, "loans_2018q1").expect("the file");
        let mut all = applications(&rows).expect("applications");
        let mut row = 0;
        all.retain(|_| {
            row += 1;
            row % 13 == 1
        });
        let report = evaluate(&all, &answer(&all)).expect("judged");
        assert_eq!(report.n, 770);
        assert!(report.approved > 600, "{report:?}");
        let refused: usize = report.refused.values().sum();
        assert_eq!(report.approved + refused, report.n);
        assert_eq!(report.sum_mismatches, 0);
        assert!(report.irr_max_error < 1e-9, "{}", report.irr_max_error);
        assert!((report.mean_apr["A"] - 6.74).abs() < 1e-9, "{report:?}");
        assert!((report.mean_apr["D"] - 19.11).abs() < 1e-9, "{report:?}");
        assert!(report.mean_all_in["A"] > 6.74);
    }

    #[test]
    fn refusals_are_counted_by_cause() {
        let refused = |cause: RefusalCause| QuoteResponse {
            outcome: Some(Outcome::Refusal(Refusal {
                cause: cause.into(),
                ..Refusal::default()
            })),
            ..QuoteResponse::default()
        };
        let rows = crate::eval::rows::tests::table(
            "annual_income,debt_to_income,annual_income_joint,debt_to_income_joint,\
             application_type,loan_amount,term,grade,state,delinq_2y,inquiries_last_12m,\
             earliest_credit_line,total_credit_utilized,total_credit_limit\n\
             1,1,,,individual,5000,36,B,HI,0,1,1996,1,2\n\
             1,1,,,individual,5000,36,B,HI,0,1,1996,1,2\n\
             1,1,,,individual,5000,36,B,HI,0,1,1996,1,2\n",
        );
        let all = applications(&rows.expect("a table")).expect("applications");
        let answers = [
            refused(RefusalCause::Limit),
            refused(RefusalCause::MissingInput),
            refused(RefusalCause::Limit),
        ];
        let report = evaluate(&all, &answers).expect("judged");
        let expected = [("limit".to_owned(), 2), ("missing-input".to_owned(), 1)];
        assert_eq!(report.refused, expected.into());
        assert_eq!((report.n, report.approved), (3, 0));
        let json = serde_json::to_value(&report).expect("plain data");
        for key in [
            "n",
            "approved",
            "refused",
            "mean_apr",
            "sum_mismatches",
            "irr_max_error",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        let nothing = evaluate(&all, &[QuoteResponse::default()]).expect_err("no outcome");
        assert!(nothing.to_string().contains("neither quote nor refusal"));
    }
}
