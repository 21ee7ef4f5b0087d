//! `SessionService`: signing in and out.

use fairlead_authentication::{bearer, caller};
use fairlead_identity::Kind;
use fairlead_proto::access::v1::session_service_server::SessionService;
use fairlead_proto::access::v1::{
    AcceptInvitationRequest, AcceptInvitationResponse, GetProviderRequest, GetProviderResponse,
    SignInByProviderRequest, SignInByProviderResponse, SignInRequest, SignInResponse,
    SignOutRequest, SignOutResponse, WhoAmIRequest, WhoAmIResponse,
};
use tonic::Request;

use super::sessions::who;
use crate::Error;
use crate::service::{RpcResult, Service, respond};

#[tonic::async_trait]
impl SessionService for Service {
    async fn sign_in(&self, request: Request<SignInRequest>) -> RpcResult<SignInResponse> {
        respond(async {
            let session = Some(self.open_by_password(request.into_inner()).await?);
            Ok(SignInResponse { session })
        })
        .await
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> RpcResult<AcceptInvitationResponse> {
        respond(async {
            let session = Some(self.open_by_invitation(request.into_inner()).await?);
            Ok(AcceptInvitationResponse { session })
        })
        .await
    }

    async fn get_provider(&self, _: Request<GetProviderRequest>) -> RpcResult<GetProviderResponse> {
        respond(self.where_to_sign_in()).await
    }

    async fn sign_in_by_provider(
        &self,
        request: Request<SignInByProviderRequest>,
    ) -> RpcResult<SignInByProviderResponse> {
        respond(async {
            let session = Some(self.open_by_provider(request.into_inner()).await?);
            Ok(SignInByProviderResponse { session })
        })
        .await
    }

    async fn sign_out(&self, request: Request<SignOutRequest>) -> RpcResult<SignOutResponse> {
        respond(async {
            let caller = caller(&request)?;
            let headers = request.into_parts().0.into_headers();
            // Tools and services have no session that could end.
            if caller.kind() == Kind::Person {
                let token = bearer(&headers).unwrap_or_default();
                self.end_session(&caller, token).await?;
            }
            Ok::<_, Error>(SignOutResponse {})
        })
        .await
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> RpcResult<WhoAmIResponse> {
        respond(async { Ok(who(&caller(&request)?)) }).await
    }
}
