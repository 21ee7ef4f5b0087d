//! `CustomerProfileService`: a customer's own profile, every feature by name with its purposes.

use fairlead_proto::feature::v1::{FeatureSet, Purpose};
use fairlead_proto::gateway::v1::customer_profile_service_server::CustomerProfileService;
use fairlead_proto::gateway::v1::{
    GetCustomerProfileRequest, GetCustomerProfileResponse, NamedFeature,
};
use fairlead_proto::profile::v1::GetProfileRequest;
use fairlead_registry::{Entity, FeatureReader, Registry};
use tonic::{Request, Response, Status};

use crate::Service;
use crate::checks::Named;

const PURPOSES: [Purpose; 4] = [
    Purpose::Recommend,
    Purpose::Price,
    Purpose::Fraud,
    Purpose::Analytics,
];

#[tonic::async_trait]
impl CustomerProfileService for Service {
    async fn get_customer_profile(
        &self,
        request: Request<GetCustomerProfileRequest>,
    ) -> Result<Response<GetCustomerProfileResponse>, Status> {
        let checks = self.checks(&request)?;
        let asked = request.into_inner();
        let ask = checks.ask(Named {
            tenant: &asked.tenant,
            customer: &asked.customer_id,
            ..Named::default()
        })?;
        let call = GetProfileRequest {
            tenant: ask.tenant.to_string(),
            customer_id: ask.customer.to_string(),
            as_of_ms: ask.as_of_ms,
            purposes: PURPOSES.iter().map(|purpose| (*purpose).into()).collect(),
        };
        let mut profiles = self.inner.backends.profile(ask.deadline);
        let answer = profiles.get_profile(call).await?.into_inner();
        let profile = answer.profile.unwrap_or_default();
        Ok(Response::new(GetCustomerProfileResponse {
            features: named(&self.inner.registry, &profile.features)?,
            customer_id: profile.customer_id,
            known: profile.known,
            personalisation_consent: profile.personalisation_consent,
            suitability_class: profile.suitability_class,
            held_product_ids: profile.held_product_ids,
            segments: profile.segments,
        }))
    }
}

/// Returns every customer feature once, from the first set that may carry it.
fn named(registry: &Registry, sets: &[FeatureSet]) -> Result<Vec<NamedFeature>, Status> {
    let readers: Vec<FeatureReader<'_>> = sets
        .iter()
        .map(|set| FeatureReader::new(registry, set))
        .collect::<Result<_, _>>()
        .map_err(|error| Status::internal(error.to_string()))?;
    let customer = registry
        .features()
        .iter()
        .filter(|feature| feature.entity == Entity::Customer);
    let features = customer.filter_map(|feature| {
        let (value, observed) = readers
            .iter()
            .find_map(|reader| read(reader, &feature.name))?;
        Some(NamedFeature {
            name: feature.name.clone(),
            value,
            observed,
            unit: feature.unit.clone(),
            purposes: feature
                .purposes
                .iter()
                .map(|purpose| purpose.name().to_owned())
                .collect(),
        })
    });
    Ok(features.collect())
}

/// Returns the value as text and whether it was observed, or `None` if the reader's purpose does not
/// allow the feature.
fn read(reader: &FeatureReader<'_>, name: &str) -> Option<(String, bool)> {
    if let Ok(value) = reader.number_or_default(name) {
        return Some((value.to_string(), reader.number(name).is_some()));
    }
    let layout = reader.layout();
    if layout.category(name).is_some() {
        let text = reader.category(name).unwrap_or_default();
        return Some((text.to_owned(), !text.is_empty()));
    }
    layout.sequence(name)?;
    let entries = reader.sequence(name);
    let ids: Vec<&str> = entries
        .iter()
        .map(|entry| entry.product_id.as_str())
        .collect();
    Some((ids.join(","), !ids.is_empty()))
}
