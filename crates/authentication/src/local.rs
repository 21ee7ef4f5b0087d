//! The callers that every server knows alike: the bank's tools by a file, and the services of the
//! installation by their certificates, or by a file where they have none.

use fairlead_chassis::peer::Peer;
use fairlead_identity::Principal;
use http::request::Parts;

use crate::{Denied, Identify, ServicesToken, ToolsToken, bearer, service, tools};

/// The callers that are known by a file on the machine, or by the certificate of their connection.
#[derive(Debug, Clone, Default)]
pub struct LocalCallers {
    /// The token of the bank's tools, or `None` where they are not known by one.
    pub tools: Option<ToolsToken>,
    /// The token of the services, or `None` where they are not known by one: they have certificates.
    pub services: Option<ServicesToken>,
}

impl LocalCallers {
    /// Returns the caller of a request, or `None` if it shows neither a token nor a certificate that is
    /// known here. Which service a certificate names counts, whatever a token says.
    pub fn known(&self, request: &Parts) -> Option<Principal> {
        let shown = bearer(&request.headers);
        if self
            .tools
            .as_ref()
            .zip(shown)
            .is_some_and(|(token, shown)| token.is(shown))
        {
            return Some(tools());
        }
        if let Some(Peer::Service(name)) = request.extensions.get() {
            return service(name);
        }
        self.services.as_ref()?.known(shown?)
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
