//! The callers that are known by a file: the bank's tools, and the services of the installation.

use fairlead_identity::Principal;
use http::request::Parts;

use crate::{Denied, Identify, ServicesToken, ToolsToken, bearer, tools};

/// The callers that are known by a file on the machine.
#[derive(Debug, Clone, Default)]
pub struct LocalCallers {
    /// The token of the bank's tools, or `None` where they are not known by one.
    pub tools: Option<ToolsToken>,
    /// The token of the services, or `None` where they are not known by one.
    pub services: Option<ServicesToken>,
}

impl LocalCallers {
    /// Returns the caller of a request, or `None` if it shows no token that is known here.
    pub fn known(&self, request: &Parts) -> Option<Principal> {
        let shown = bearer(&request.headers)?;
        if self.tools.as_ref().is_some_and(|token| token.is(shown)) {
            return Some(tools());
        }
        self.services.as_ref()?.known(shown)
    }
}

#[async_trait::async_trait]
impl Identify for LocalCallers {
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied> {
        let needed = "a service of this installation is needed: its certificate, or the token of \
                      its services";
        self.known(request).ok_or(Denied::Unknown(needed))
    }
}
