//! From a profile to the arms of its customer.

use fairlead_domain::CustomerId;
use fairlead_experiments::{Attributes, Via};
use fairlead_proto::decision::v1::Exposure;
use fairlead_proto::profile::v1::{Profile, target_value};
use fairlead_release::{Live, Overrides};

/// Returns the customer's exposures, and the parameters that their arms change.
pub(super) fn assign(
    live: &Live,
    customer: &CustomerId,
    profile: &Profile,
) -> (Vec<Exposure>, Overrides) {
    let assignment = live.assign(customer.as_str(), &attributes(profile));
    let exposures = assignment.arms.iter().map(|arm| Exposure {
        experiment_id: arm.experiment.to_owned(),
        arm_id: arm.arm.to_owned(),
        via: match arm.via {
            Via::Hash => "hash",
            Via::Override => "override",
        }
        .to_owned(),
    });
    (exposures.collect(), live.overrides(&assignment))
}

fn attributes(profile: &Profile) -> Attributes {
    let mut attributes = Attributes::default();
    for (name, value) in &profile.targeting {
        match &value.value {
            Some(target_value::Value::Number(number)) => attributes.insert(name.as_str(), *number),
            Some(target_value::Value::Text(text)) => {
                attributes.insert(name.as_str(), text.as_str());
            }
            Some(target_value::Value::Flag(flag)) => attributes.insert(name.as_str(), *flag),
            None => {}
        }
    }
    attributes
}
