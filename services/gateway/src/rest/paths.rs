//! Every REST path, for the routes and for OpenAPI alike.

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
