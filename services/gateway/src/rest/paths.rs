//! Every REST path, for the routes, for what they require and for OpenAPI alike.

use fairlead_identity::{Permissions, Requirement};

/// A slate.
pub(super) const RECOMMEND: &str = "/v1/recommend";
/// The record of a decision.
pub(super) const EXPLAIN: &str = "/v1/decisions/{request_id}";
/// A firm quote.
pub(super) const QUOTE: &str = "/v1/quotes";
/// The check of a quote.
pub(super) const VERIFY: &str = "/v1/quotes/verify";
/// The acceptance of a quote.
pub(super) const ACCEPT: &str = "/v1/quotes/{quote_id}/accept";
/// One event.
pub(super) const TRACK: &str = "/v1/events";
/// Many events.
pub(super) const TRACK_MANY: &str = "/v1/events/batch";
/// A customer's profile.
pub(super) const PROFILE: &str = "/v1/customers/{customer_id}/profile";

/// The page that describes the paths.
pub(super) const DOCS: &str = "/docs";
/// The same for machines.
pub(super) const OPENAPI: &str = "/openapi.json";

/// Returns what a path requires, as the router names it, or `None` if it is none of REST: what the
/// method requires that it stands for. The descriptions require a caller who may do something.
pub(crate) fn requirement_of(path: &str) -> Option<Requirement> {
    if [DOCS, OPENAPI].contains(&path) {
        return Some(Requirement::AnyOf(Permissions::all()));
    }
    let operation = OPERATIONS.iter().find(|one| one.path == path)?;
    let (service, method) = (operation.service, operation.method);
    Requirement::of(&format!("/fairlead.gateway.v1.{service}/{method}"))
}

/// A path and the contract's method that it stands for.
pub(super) struct Operation {
    pub(super) verb: &'static str,
    pub(super) path: &'static str,
    pub(super) service: &'static str,
    pub(super) method: &'static str,
}

/// Every path.
pub(super) const OPERATIONS: [Operation; 8] = [
    op("post", RECOMMEND, "RecommendService", "Recommend"),
    op("get", EXPLAIN, "RecommendService", "Explain"),
    op("post", QUOTE, "QuoteService", "Quote"),
    op("post", VERIFY, "QuoteService", "Verify"),
    op("post", ACCEPT, "QuoteService", "Accept"),
    op("post", TRACK, "EventService", "Track"),
    op("post", TRACK_MANY, "EventService", "TrackMany"),
    op(
        "get",
        PROFILE,
        "CustomerProfileService",
        "GetCustomerProfile",
    ),
];

const fn op(
    verb: &'static str,
    path: &'static str,
    service: &'static str,
    method: &'static str,
) -> Operation {
    Operation {
        verb,
        path,
        service,
        method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_requires_what_its_method_requires() {
        for operation in &OPERATIONS {
            let requirement = requirement_of(operation.path).expect(operation.path);
            assert!(
                matches!(requirement, Requirement::AnyOf(_)),
                "{requirement:?}"
            );
        }
        assert_eq!(requirement_of("/v1"), None);
    }
}
