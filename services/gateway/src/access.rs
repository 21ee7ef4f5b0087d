//! Who may call, for which tenant, with which authority, and how often. Without keys in the
//! configuration the gateway is open to whoever reaches its port, who then counts as an app.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use fairlead_authentication::ToolsToken;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::Error;
use crate::caller::Caller;
use crate::config::{CheckedKey, Config, ConfigError};
use crate::problem;

/// Beginnings of the paths that need no key: health and reflection.
const OPEN_PATHS: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// The access layer: finds out who calls.
#[derive(Debug)]
pub(crate) struct Access {
    /// The token of the bank's own tools on this machine, if there is one.
    tools: Option<ToolsToken>,
    /// The known keys. If there are none, a call needs no key.
    keys: HashMap<String, Rights>,
}

/// The rights of a key.
#[derive(Debug)]
pub(crate) struct Rights {
    caller: Caller,
    requests_per_second: NonZeroU32,
    limiter: DefaultDirectRateLimiter,
}

impl Access {
    /// Reads the keys of the configuration.
    pub(crate) fn new(config: &Config, tools: Option<ToolsToken>) -> Result<Self, ConfigError> {
        let keys = config.api_keys.iter().map(|(key, configured)| {
            let CheckedKey {
                caller,
                requests_per_second,
            } = configured.check()?;
            let rights = Rights {
                caller: caller.with_key(key),
                requests_per_second,
                // The bucket holds one second's worth.
                limiter: RateLimiter::direct(Quota::per_second(requests_per_second)),
            };
            Ok((key.clone(), rights))
        });
        Ok(Self {
            tools,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the caller that the headers of a request name.
    fn admit(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let value = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let key = value.and_then(|value| value.strip_prefix("Bearer "));
        let tools = key.zip(self.tools.as_ref());
        if tools.is_some_and(|(key, tools)| tools.is(key)) {
            return Ok(Caller::TOOLS);
        }
        if self.keys.is_empty() {
            return Ok(Caller::ANYONE);
        }
        let rights = key.and_then(|key| self.keys.get(key));
        let rights = rights.ok_or(Error::UnknownKey)?;
        if rights.limiter.check().is_err() {
            return Err(Error::TooManyRequests(rights.requests_per_second));
        }
        Ok(rights.caller.clone())
    }
}

/// Puts the access layer around every route.
pub(crate) fn guard(router: Router, access: Arc<Access>) -> Router {
    router.layer(from_fn_with_state(access, identify))
}

/// Refuses the request, or passes it on with its caller.
async fn identify(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if OPEN_PATHS.iter().any(|open| path.starts_with(open)) {
        return next.run(request).await;
    }
    match access.admit(request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => problem::refuse(request.headers(), error.into()),
    }
}
