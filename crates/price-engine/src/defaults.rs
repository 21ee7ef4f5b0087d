//! The demo's strategies, rule packs, risk model and segmentation, as they lie in `data/`: proto
//! JSON written as YAML, each fact with its source beside it.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1 as control;
use serde::de::DeserializeOwned;

use crate::Error;

macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../data/", $name)))
    };
}

const STRATEGIES: [(&str, &str); 9] = [
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

const SETTINGS: [(&str, &str); 4] = [
    file!("rule-packs-cn.yaml"),
    file!("rule-packs-us.yaml"),
    file!("risk-model.yaml"),
    file!("segmentations.yaml"),
];

fn read<T: DeserializeOwned>((file, text): (&'static str, &str)) -> Result<T, Error> {
    serde_yaml_ng::from_str(text).map_err(|error| Error::Default {
        file,
        cause: error.to_string(),
    })
}

/// Every strategy: one for each kind, two more for index and bond funds and for money-market funds,
/// and that of the evaluation on Lending Club's loans.
pub fn strategies() -> Result<Vec<control::Strategy>, Error> {
    STRATEGIES.into_iter().map(read).collect()
}

/// Rule packs, risk model, segmentation and default strategies, as the settings part of a release.
pub fn settings() -> Result<control::Release, Error> {
    let mut settings = control::Release::default();
    for file in SETTINGS {
        let part: control::Release = read(file)?;
        settings.rule_packs.extend(part.rule_packs);
        settings.risk_models.extend(part.risk_models);
        settings.segmentations.extend(part.segmentations);
        settings.default_strategies.extend(part.default_strategies);
    }
    Ok(settings)
}

/// The product of the evaluation on Lending Club's loans, priced by the strategy "lending-club".
pub fn lending_club_product() -> Result<Product, Error> {
    read(file!("lending-club-product.yaml"))
}
