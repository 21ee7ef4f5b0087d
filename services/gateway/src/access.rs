//! Who may call, for which tenant, and how often. Without keys in the configuration the gateway is
//! open to whoever reaches its port.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use tonic::{Code, Status};

use crate::config::{ApiKey, Config};
use crate::rest::Problem;

/// Paths that need no key: health and reflection.
const OPEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

struct Access {
    keys: HashMap<String, (ApiKey, Mutex<Bucket>)>,
}

/// A token bucket that holds one second's worth.
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn full(rate: u32) -> Self {
        Self {
            tokens: f64::from(rate),
            filled: Instant::now(),
        }
    }

    fn take(&mut self, rate: u32) -> bool {
        let now = Instant::now();
        let came = now.duration_since(self.filled).as_secs_f64() * f64::from(rate);
        self.tokens = (self.tokens + came).min(f64::from(rate));
        self.filled = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

tokio::task_local! {
    /// The tenant that the key of the call under way speaks for.
    static KEY_TENANT: String;
}

/// The only tenant that the call under way may speak for; nothing where no key was needed.
pub(crate) fn key_tenant() -> Option<String> {
    KEY_TENANT.try_with(Clone::clone).ok()
}

/// Puts the guard around every route, when there are keys.
pub(crate) fn guard(router: Router, config: &Config) -> Router {
    if config.api_keys.is_empty() {
        return router;
    }
    let keys = config.api_keys.iter().map(|(key, rights)| {
        let bucket = Mutex::new(Bucket::full(rights.requests_per_second));
        (key.clone(), (rights.clone(), bucket))
    });
    let access = Arc::new(Access {
        keys: keys.collect(),
    });
    router.layer(from_fn_with_state(access, check))
}

async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if OPEN
        .iter()
        .any(|path| request.uri().path().starts_with(path))
    {
        return next.run(request).await;
    }
    match admit(&access, &request) {
        Ok(tenant) => KEY_TENANT.scope(tenant, next.run(request)).await,
        Err(status) => refuse(&request, status),
    }
}

fn admit(access: &Access, request: &Request) -> Result<String, Status> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.strip_prefix("Bearer "));
    let Some((rights, bucket)) = key.and_then(|key| access.keys.get(key)) else {
        return Err(Status::unauthenticated(
            "authorization: Bearer KEY with a known key is needed",
        ));
    };
    if !bucket.lock().take(rights.requests_per_second) {
        let rate = rights.requests_per_second;
        let message =
            format!("more than {rate} requests per second with this key; try again in a second");
        return Err(Status::new(Code::ResourceExhausted, message));
    }
    Ok(rights.tenant.clone())
}

/// A refusal in the caller's own protocol.
fn refuse(request: &Request, status: Status) -> Response {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return (StatusCode::OK, status.into_http::<axum::body::Body>()).into_response();
    }
    Problem::from(status).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::full(3);
        let given = (0..10).filter(|_| bucket.take(3)).count();
        assert_eq!(given, 3);
        bucket.filled = Instant::now()
            .checked_sub(std::time::Duration::from_millis(400))
            .expect("past");
        assert!(bucket.take(3), "a third of a second gives one");
    }
}
