//! Requests from outside, checked: each refusal names the field, the value and what is allowed.

use std::time::Duration;

use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_domain::{CustomerId, RequestId, TenantId};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::gateway::v1::RecommendRequest;

use crate::Error;
use crate::access;
use crate::config::Config;
use crate::decision::Ask;

/// The longest slate.
const MAX_SLATE: i32 = 50;
/// Places shown where a request does not say.
const USUAL_SLATE: i32 = 10;
const CHANNELS: &[&str] = &["app", "web", "branch"];

/// Checks requests against the gateway's configuration.
pub(crate) struct Checks<'a> {
    pub(crate) config: &'a Config,
    pub(crate) clock: &'a dyn Clock,
}

impl Checks<'_> {
    /// A request for a slate.
    pub(crate) fn recommend(
        &self,
        request: RecommendRequest,
        deadline: Option<Deadline>,
    ) -> Result<Ask, Error> {
        let slate_size = match request.slate_size {
            0 => USUAL_SLATE,
            size @ 1..=MAX_SLATE => size,
            size => {
                return refuse(
                    "slate_size",
                    size,
                    &format!("1 to {MAX_SLATE}, or 0 for {USUAL_SLATE}"),
                );
            }
        };
        let mut ask = self.ask(
            &request.tenant,
            &request.customer_id,
            &request.channel,
            &request.campaign,
            deadline,
        )?;
        if !request.request_id.is_empty() {
            ask.request_id = RequestId::new(&request.request_id)?;
        }
        ask.kinds = kinds(&request.kinds)?;
        ask.slate_size = slate_size as usize;
        ask.without_prices = request.without_prices;
        if request.as_of_ms != 0 {
            if !self.config.allow_as_of || request.as_of_ms < 0 {
                return refuse(
                    "as_of_ms",
                    request.as_of_ms,
                    "0: this gateway answers for now only",
                );
            }
            ask.as_of_ms = request.as_of_ms;
        }
        Ok(ask)
    }

    /// What every request has.
    pub(crate) fn ask(
        &self,
        tenant: &str,
        customer: &str,
        channel: &str,
        campaign: &str,
        deadline: Option<Deadline>,
    ) -> Result<Ask, Error> {
        let channel = if channel.is_empty() {
            CHANNELS[0]
        } else {
            channel
        };
        if !CHANNELS.contains(&channel) {
            return refuse("channel", channel, &CHANNELS.join(", "));
        }
        if campaign.len() > 64 || campaign.chars().any(char::is_control) {
            return refuse(
                "campaign",
                campaign,
                "at most 64 characters without control characters",
            );
        }
        let longest = Deadline::after(Duration::from_millis(self.config.deadline_ms));
        Ok(Ask {
            tenant: self.tenant(tenant)?,
            customer: CustomerId::new(customer)?,
            request_id: new_request_id()?,
            slate_size: USUAL_SLATE as usize,
            kinds: Vec::new(),
            channel: channel.to_owned(),
            campaign: campaign.to_owned(),
            without_prices: false,
            as_of_ms: self.clock.now_ms(),
            deadline: deadline.map_or(longest, |deadline| deadline.min(longest)),
        })
    }

    /// The tenant named, or the key's, or the gateway's own. A key speaks for its tenant alone.
    pub(crate) fn tenant(&self, named: &str) -> Result<TenantId, Error> {
        let key = access::key_tenant();
        if let Some(key) = &key
            && !named.is_empty()
            && named != key
        {
            return Err(Error::OtherTenant(named.to_owned()));
        }
        let own = key.as_ref().unwrap_or(&self.config.default_tenant);
        Ok(TenantId::new(if named.is_empty() { own } else { named })?)
    }
}

fn new_request_id() -> Result<RequestId, Error> {
    Ok(RequestId::new(&ulid::Ulid::new().to_string())?)
}

fn kinds(numbers: &[i32]) -> Result<Vec<ProductKind>, Error> {
    let kind = |number: &i32| match ProductKind::try_from(*number) {
        Ok(kind) if kind != ProductKind::Unspecified => Ok(kind),
        _ => refuse("kinds", number, "product kinds 1 to 6, see ProductKind"),
    };
    numbers.iter().map(kind).collect()
}

fn refuse<T>(field: &'static str, value: impl ToString, allowed: &str) -> Result<T, Error> {
    Err(Error::Field {
        field,
        value: value.to_string(),
        allowed: allowed.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use fairlead_chassis::clock::ManualClock;

    use super::*;

    fn check(change: impl FnOnce(&mut RecommendRequest)) -> Result<Ask, String> {
        let mut request = RecommendRequest {
            customer_id: "c1".to_owned(),
            ..RecommendRequest::default()
        };
        change(&mut request);
        let checks = Checks {
            config: &Config::default(),
            clock: &ManualClock::at(7),
        };
        checks
            .recommend(request, None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_bare_request_gets_the_usual() {
        let ask = check(|_| {}).expect("allowed");
        assert_eq!(
            (ask.slate_size, ask.as_of_ms, ask.channel.as_str()),
            (10, 7, "app")
        );
        assert_eq!(ask.tenant.as_str(), "demo");
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        type Change = fn(&mut RecommendRequest);
        let table: &[(Change, &str)] = &[
            (
                |r| r.customer_id.clear(),
                "customer id `` is not allowed: 1 to 128 characters",
            ),
            (
                |r| r.slate_size = 51,
                "slate_size `51` is not allowed: 1 to 50",
            ),
            (
                |r| r.slate_size = -1,
                "slate_size `-1` is not allowed: 1 to 50",
            ),
            (
                |r| r.tenant = "a b".to_owned(),
                "tenant `a b` is not allowed",
            ),
            (
                |r| r.channel = "fax".to_owned(),
                "channel `fax` is not allowed: app, web, branch",
            ),
            (
                |r| r.kinds = vec![9],
                "kinds `9` is not allowed: product kinds 1 to 6",
            ),
            (
                |r| r.request_id = "x/y".to_owned(),
                "request id `x/y` is not allowed",
            ),
            (|r| r.as_of_ms = 5, "as_of_ms `5` is not allowed"),
            (
                |r| r.campaign = "c\n".to_owned(),
                "campaign `c\n` is not allowed",
            ),
        ];
        for (change, expected) in table {
            let error = check(*change).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_caller_cannot_stretch_the_deadline() {
        let checks = Checks {
            config: &Config::default(),
            clock: &ManualClock::at(7),
        };
        let long = Deadline::after(Duration::from_hours(1));
        let ask = checks.ask("", "c1", "", "", Some(long)).expect("allowed");
        assert!(ask.deadline.remaining() <= Duration::from_millis(300));
    }
}
