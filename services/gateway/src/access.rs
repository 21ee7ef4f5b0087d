//! Who calls: the bearer of an API key, a customer by the lender's own token, a tool on the same machine;
//! and whoever reaches the port of a machine by itself, where there are neither keys nor customer tokens.

use std::sync::Arc;

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use fairlead_authentication::{Denied, Guard, Identify, ToolsToken, bearer, tools};
use fairlead_chassis::clock::Clock;
use fairlead_identity::{Kind, Principal, Requirement, Tenants};

use crate::Error;
use crate::config::Config;
use crate::customer_tokens::CustomerTokens;
use crate::keys::KeyRing;
use crate::problem;
use crate::rest::paths::requirement_of;
use crate::scopes::of_apps;

/// The header with a customer's token beside the key of an app.
const CUSTOMER_TOKEN: &str = "x-customer-token";

/// Finds out who calls.
pub(crate) struct Access {
    /// The token of the bank's own tools on this machine, if there is one.
    tools: Option<ToolsToken>,
    keys: Arc<KeyRing>,
    /// The tokens of customers, if they are taken.
    customers: Option<Arc<CustomerTokens>>,
    /// True if whoever reaches the port may call as long as there are neither keys nor customer tokens.
    open: bool,
}

impl Access {
    /// Reads keys and issuer of the configuration.
    pub(crate) fn new(
        config: &Config,
        (tools, open): (Option<ToolsToken>, bool),
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let customers = config.customer_tokens.as_ref();
        let customers = customers.map(|tokens| CustomerTokens::new(tokens, config, clock));
        Ok(Self {
            tools,
            open,
            keys: Arc::new(KeyRing::configured(config, clock)?),
            customers: customers.transpose()?.map(Arc::new),
        })
    }

    /// Returns the tokens of customers, if they are taken.
    pub(crate) fn customers(&self) -> Option<Arc<CustomerTokens>> {
        self.customers.clone()
    }

    /// Returns the known keys.
    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        self.keys.clone()
    }

    /// Returns whether whoever reaches the port may call.
    pub(crate) fn is_open(&self) -> bool {
        self.open && self.keys.is_empty() && self.customers.is_none()
    }

    /// Returns the caller that the `authorization` header proves.
    async fn bearer(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        let presented = bearer(headers);
        if let Some(token) = presented
            && self.tools.as_ref().is_some_and(|tools| tools.is(token))
        {
            return Ok(tools());
        }
        if let Some(rights) = presented.and_then(|key| self.keys.find(key)) {
            return rights.admit();
        }
        match (presented, &self.customers) {
            _ if self.is_open() => Ok(anyone()),
            // A key has no dots.
            (Some(token), Some(customers)) if token.contains('.') => customers.caller(token).await,
            (_, Some(_)) => Err(Denied::Unknown(
                "authorization: Bearer with a known key or a customer's token is needed",
            )),
            (_, None) => Err(Denied::Unknown(
                "authorization: Bearer KEY with a known key is needed",
            )),
        }
    }
}

#[async_trait::async_trait]
impl Identify for Access {
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied> {
        let caller = self.bearer(&request.headers).await?;
        let mut tokens = request.headers.get_all(CUSTOMER_TOKEN).iter();
        let Some(token) = tokens.next() else {
            return Ok(caller);
        };
        let customers = self.customers.as_ref().ok_or(Denied::Unknown(
            "x-customer-token is not taken here: gateway.customer_tokens is not configured",
        ))?;
        match (token.to_str(), tokens.next()) {
            (Ok(token), None) => customers.bind(caller, token).await,
            _ => Err(Denied::Unknown("one x-customer-token with a JWT is needed")),
        }
    }
}

/// Returns whoever reaches the port: an app, for the gateway's tenant.
fn anyone() -> Principal {
    Principal::new(Kind::Anyone, "-", Tenants::Any).with_permissions(of_apps())
}

/// Puts the guard around every route. Every path requires what the contract's method requires that it
/// stands for; what describes the methods requires a caller who is known.
pub(crate) fn guard(router: Router, access: Arc<Access>) -> Router {
    Guard::new(access)
        .with_requirements(requirement)
        .with_refusals(problem::refuse)
        .around(router)
}

fn requirement(request: &Parts) -> Option<Requirement> {
    let rest = request.extensions.get::<MatchedPath>();
    rest.and_then(|path| requirement_of(path.as_str()))
        .or_else(|| Requirement::of(request.uri.path()))
}
