//! The services behind the gateway. A client is made for one deadline, so that there is no way to call
//! without one.

use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::link::{BoundedLink, Link};
use fairlead_proto::pricing::v1::pricing_service_client::PricingServiceClient;
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::recall::v1::recall_service_client::RecallServiceClient;

/// Links to the services behind the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(crate) profile: Link,
    pub(crate) recall: Link,
    pub(crate) ranking: Link,
    pub(crate) pricing: Link,
}

/// Makes clients of the services behind the gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Backends(Links);

impl Backends {
    pub(crate) fn new(links: Links) -> Self {
        Self(links)
    }

    pub(crate) fn profile(&self, by: Deadline) -> ProfileServiceClient<BoundedLink> {
        ProfileServiceClient::new(self.0.profile.within(by))
    }

    pub(crate) fn recall(&self, by: Deadline) -> RecallServiceClient<BoundedLink> {
        RecallServiceClient::new(self.0.recall.within(by))
    }

    pub(crate) fn ranking(&self, by: Deadline) -> RankingServiceClient<BoundedLink> {
        RankingServiceClient::new(self.0.ranking.within(by))
    }

    pub(crate) fn pricing(&self, by: Deadline) -> PricingServiceClient<BoundedLink> {
        PricingServiceClient::new(self.0.pricing.within(by))
    }
}
