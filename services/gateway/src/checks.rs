//! Checks of requests. Each refusal names the field, the value and what is allowed.

use std::time::Duration;

use fairlead_authentication::{Denied, caller};
use fairlead_chassis::clock::Clock;
use fairlead_chassis::deadline::Deadline;
use fairlead_domain::{CustomerId, Origin, RequestId, TenantId};
use fairlead_identity::{Kind, Principal, Refused, Requirement};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::gateway::v1::RecommendRequest;
use tonic::Request;

use crate::config::Config;
use crate::decision::Ask;
use crate::{Error, Service};

/// The longest slate.
const MAX_SLATE: i32 = 50;
/// The length of a slate where a request does not say.
const USUAL_SLATE: i32 = 10;
/// The longest reference of a caller, characters.
const LONGEST_REFERENCE: usize = 128;
const CHANNELS: &[&str] = &["app", "web", "branch"];
/// Time for the log where the caller sets no deadline. It is longer than that of a decision: to wait is
/// better than to tell a caller to send again what may be in the log already.
const LOG_TIME: Duration = Duration::from_secs(10);

/// Checks the fields of one call, for its caller and with its deadline.
pub(crate) struct Checks<'a> {
    config: &'a Config,
    clock: &'a dyn Clock,
    caller: Principal,
    /// The requirement of the method.
    requirement: Requirement,
    /// The deadline that the caller set.
    due: Option<Deadline>,
}

/// The fields of every request about a customer; those that a request lacks are empty.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Named<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) customer: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) campaign: &'a str,
    pub(crate) client_reference: &'a str,
}

impl Service {
    /// Begins a call: every handler does so first.
    ///
    /// # Errors
    /// [`Denied::PastTheGuard`] if the call did not come through the access layer.
    pub(crate) fn checks<T>(&self, request: &Request<T>) -> Result<Checks<'_>, Error> {
        Ok(Checks {
            config: &self.inner.config,
            clock: self.inner.clock.as_ref(),
            caller: caller(request)?,
            requirement: *request.extensions().get().ok_or(Denied::PastTheGuard)?,
            due: Deadline::from_request(request),
        })
    }
}

impl Checks<'_> {
    /// Returns the checked request for a slate.
    pub(crate) fn recommend(&self, request: RecommendRequest) -> Result<Ask, Error> {
        let mut ask = self.ask(Named {
            tenant: &request.tenant,
            customer: &request.customer_id,
            channel: &request.channel,
            campaign: &request.campaign,
            client_reference: &request.client_reference,
        })?;
        ask.slate_size = match request.slate_size {
            0 => USUAL_SLATE as usize,
            size @ 1..=MAX_SLATE => size as usize,
            size => {
                let allowed = format!("1 to {MAX_SLATE}, or 0 for {USUAL_SLATE}");
                return refuse("slate_size", size, &allowed);
            }
        };
        ask.kinds = kinds(&request.kinds)?;
        ask.without_prices = request.without_prices;
        if request.as_of_ms != 0 {
            if !self.config.allow_as_of || request.as_of_ms < 0 {
                let allowed = "0: this gateway answers for now only";
                return refuse("as_of_ms", request.as_of_ms, allowed);
            }
            ask.as_of_ms = request.as_of_ms;
        }
        Ok(ask)
    }

    /// Returns the checked part that every request about a customer has.
    pub(crate) fn ask(&self, named: Named<'_>) -> Result<Ask, Error> {
        let tenant = self.tenant(named.tenant)?;
        let channel = if named.channel.is_empty() {
            CHANNELS[0]
        } else {
            named.channel
        };
        if !CHANNELS.contains(&channel) {
            return refuse("channel", channel, &CHANNELS.join(", "));
        }
        let campaign = named.campaign;
        if campaign.chars().count() > 64 || campaign.chars().any(char::is_control) {
            let allowed = "at most 64 characters without control characters";
            return refuse("campaign", campaign, allowed);
        }
        let reference = named.client_reference;
        if reference.chars().count() > LONGEST_REFERENCE || reference.chars().any(char::is_control)
        {
            let allowed = "at most 128 characters without control characters";
            let shown: String = reference.chars().take(LONGEST_REFERENCE).collect();
            return refuse("client_reference", shown, allowed);
        }
        Ok(Ask {
            tenant,
            customer: self.customer(named.customer)?,
            request_id: new_request_id()?,
            slate_size: USUAL_SLATE as usize,
            kinds: Vec::new(),
            channel: channel.to_owned(),
            campaign: campaign.to_owned(),
            client_reference: reference.to_owned(),
            without_prices: false,
            as_of_ms: self.clock.now_ms(),
            deadline: self.deadline(),
        })
    }

    /// Returns the tenant that the call is for, which may stay unnamed: a gateway serves one.
    ///
    /// # Errors
    /// The call names another tenant, or its caller does not speak for this one or may not do there what
    /// the method requires.
    pub(crate) fn tenant(&self, named: &str) -> Result<TenantId, Error> {
        let served = &self.config.default_tenant;
        let tenant = TenantId::new(if named.is_empty() { served } else { named })?;
        let within = self.caller.within(&tenant).map_err(Denied::from)?;
        self.requirement
            .check(within.permissions())
            .map_err(Denied::from)?;
        if tenant.as_str() == served {
            Ok(tenant)
        } else {
            Err(Denied::from(Refused::Tenant(tenant.to_string())).into())
        }
    }

    /// Returns the customer that the call is about: the one named, else the only one that the caller
    /// speaks for.
    ///
    /// # Errors
    /// It is no id, or the caller speaks for another customer.
    pub(crate) fn customer(&self, named: &str) -> Result<CustomerId, Error> {
        Ok(CustomerId::new(&self.named_customer(named)?)?)
    }

    /// Returns the same for a field that is checked elsewhere.
    pub(crate) fn named_customer(&self, named: &str) -> Result<String, Error> {
        let own = self.caller.customer().filter(|_| named.is_empty());
        let customer = own.map_or(named, |own| own.as_str());
        self.about(customer)?;
        Ok(customer.to_owned())
    }

    /// Checks that the caller may name a customer. Every field of a call that names one comes here, and so
    /// does every record that the call leads to.
    ///
    /// # Errors
    /// The caller speaks for another customer.
    pub(crate) fn about(&self, customer: &str) -> Result<(), Error> {
        Ok(self.caller.may_name(customer).map_err(Denied::from)?)
    }

    /// Returns the origin of what the caller states.
    pub(crate) fn origin(&self) -> Origin {
        self.caller.origin()
    }

    /// Returns the name of the principal who calls: idempotency keys are its own. They are each
    /// customer's own already, so that a customer who calls needs no further name.
    pub(crate) fn principal(&self) -> String {
        match self.caller.kind() {
            Kind::Customer => "customer".to_owned(),
            _ => self.caller.to_string(),
        }
    }

    /// Returns the instant by which the call is due: the caller's deadline, or the gateway's own where
    /// that is earlier.
    pub(crate) fn deadline(&self) -> Deadline {
        let longest = Deadline::after(Duration::from_millis(self.config.deadline_ms));
        self.due.map_or(longest, |due| due.min(longest))
    }

    /// Returns the instant by which the log must have answered: the caller's deadline, or ten seconds
    /// from now where there is none.
    pub(crate) fn log_deadline(&self) -> Deadline {
        self.due.unwrap_or_else(|| Deadline::after(LOG_TIME))
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
    use fairlead_authentication::tools;
    use fairlead_chassis::clock::ManualClock;

    use super::*;

    fn checks<'a>(config: &'a Config, clock: &'a ManualClock) -> Checks<'a> {
        Checks {
            config,
            clock,
            caller: tools(),
            requirement: Requirement::Anyone,
            due: None,
        }
    }

    fn check(change: impl FnOnce(&mut RecommendRequest)) -> Result<Ask, String> {
        let mut request = RecommendRequest {
            customer_id: "c1".to_owned(),
            ..RecommendRequest::default()
        };
        change(&mut request);
        checks(&Config::default(), &ManualClock::at(7))
            .recommend(request)
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
                |r| r.client_reference = "x\n".to_owned(),
                "client_reference `x\n` is not allowed: at most 128 characters",
            ),
            (
                |r| r.client_reference = "ü".repeat(129),
                "client_reference `ü",
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
    fn a_caller_shortens_the_deadline_and_cannot_stretch_it() {
        let (config, clock) = (Config::default(), ManualClock::at(7));
        let mut checks = checks(&config, &clock);
        let longest = Duration::from_millis(300);
        assert!(checks.deadline().remaining() <= longest);
        checks.due = Some(Deadline::after(Duration::from_hours(1)));
        assert!(checks.deadline().remaining() <= longest);
        let short = Deadline::after(Duration::from_millis(20));
        checks.due = Some(short);
        assert_eq!(checks.deadline(), short);
        assert_eq!(checks.log_deadline(), short);
    }
}
