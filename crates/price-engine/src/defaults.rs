//! The default strategies, cost models, guardrails, rule packs, risk model and segmentation, from the files in `data/`:
//! proto JSON written as YAML, each fact with its source beside it.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1 as control;
use serde::de::DeserializeOwned;

use crate::Error;

/// A file of this crate's `data/`.
#[derive(Debug, Clone, Copy)]
struct DataFile {
    name: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($name:literal) => {
        DataFile {
            name: $name,
            text: include_str!(concat!("../data/", $name)),
        }
    };
}

const STRATEGIES: [DataFile; 9] = [
    file!("strategies/cash-loan.yaml"),
    file!("strategies/instalment-plan.yaml"),
    file!("strategies/credit-card.yaml"),
    file!("strategies/fund.yaml"),
    file!("strategies/fund-index-bond.yaml"),
    file!("strategies/fund-money-market.yaml"),
    file!("strategies/deposit.yaml"),
    file!("strategies/insurance.yaml"),
    file!("strategies/lending-club.yaml"),
];

const SETTINGS: [DataFile; 6] = [
    file!("cost-models.yaml"),
    file!("guardrails.yaml"),
    file!("rule-packs-cn.yaml"),
    file!("rule-packs-us.yaml"),
    file!("risk-model.yaml"),
    file!("segmentations.yaml"),
];

fn read<T: DeserializeOwned>(file: DataFile) -> Result<T, Error> {
    serde_yaml_ng::from_str(file.text).map_err(|error| Error::Default {
        file: file.name,
        cause: error.to_string(),
    })
}

/// Returns every strategy: one for each kind, two more for index and bond funds and for money-market funds,
/// and that of the evaluation on Lending Club's loans.
pub fn strategies() -> Result<Vec<control::Strategy>, Error> {
    STRATEGIES.into_iter().map(read).collect()
}

/// Returns cost models, guardrails, rule packs, risk model, segmentation and default strategies in a
/// release without other parts.
pub fn settings() -> Result<control::Release, Error> {
    let mut settings = control::Release::default();
    for file in SETTINGS {
        let part: control::Release = read(file)?;
        settings.cost_models.extend(part.cost_models);
        settings.guardrails.extend(part.guardrails);
        settings.rule_packs.extend(part.rule_packs);
        settings.risk_models.extend(part.risk_models);
        settings.segmentations.extend(part.segmentations);
        settings.default_strategies.extend(part.default_strategies);
    }
    Ok(settings)
}

/// Returns the product of the evaluation on Lending Club's loans, which is priced by the strategy "lending-club".
pub fn lending_club_product() -> Result<Product, Error> {
    read(file!("lending-club-product.yaml"))
}
