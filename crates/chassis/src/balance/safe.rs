//! The calls that may be repeated, as the contracts say it method by method.

use std::collections::HashSet;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::method_options::IdempotencyLevel;

static SAFE: LazyLock<HashSet<String>> = LazyLock::new(|| {
    // The descriptors are compiled in: they read, or the build is broken.
    let set = FileDescriptorSet::decode(fairlead_proto::DESCRIPTORS)
        .expect("the contracts' own descriptors are valid");
    let mut safe = HashSet::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let level = method
                    .options
                    .as_ref()
                    .map(prost_types::MethodOptions::idempotency_level);
                let unary = !method.client_streaming() && !method.server_streaming();
                if unary && level.is_some_and(|level| level != IdempotencyLevel::IdempotencyUnknown)
                {
                    safe.insert(format!(
                        "/{}.{}/{}",
                        file.package(),
                        service.name(),
                        method.name()
                    ));
                }
            }
        }
    }
    safe
});

/// Returns `true` if the method of this path is unary and declared `NO_SIDE_EFFECTS` or
/// `IDEMPOTENT`.
pub(super) fn to_repeat(path: &str) -> bool {
    SAFE.contains(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_say_what_may_be_repeated() {
        for safe in [
            "/fairlead.profile.v1.ProfileService/GetProfile",
            "/fairlead.recall.v1.RecallService/Recall",
            "/fairlead.ranking.v1.RankingService/Rank",
            "/fairlead.pricing.v1.PricingService/PriceMany",
            "/fairlead.pricing.v1.PricingService/CreateQuote",
        ] {
            assert!(to_repeat(safe), "{safe}");
        }
        for unsafe_to in [
            "/fairlead.pricing.v1.PricingService/AcceptQuote",
            "/fairlead.gateway.v1.EventService/Track",
            "/fairlead.control.v1.ReleaseService/Publish",
            "/fairlead.control.v1.ReleaseService/Watch",
            "/no.Such/Method",
        ] {
            assert!(!to_repeat(unsafe_to), "{unsafe_to}");
        }
    }
}
