//! `AccessService`: people, roles, keys, and following them.

use std::pin::Pin;

use fairlead_proto::access::v1::access_service_server::AccessService;
use fairlead_proto::access::v1::{
    CreateKeyRequest, CreateKeyResponse, CreatePersonRequest, CreatePersonResponse,
    DisablePersonRequest, DisablePersonResponse, FollowKeysRequest, FollowKeysResponse,
    InvitePersonRequest, InvitePersonResponse, ListKeysRequest, ListKeysResponse,
    ListPeopleRequest, ListPeopleResponse, RevokeKeyRequest, RevokeKeyResponse, RotateKeyRequest,
    RotateKeyResponse, SetRolesRequest, SetRolesResponse,
};
use futures::Stream;
use tonic::{Request, Response, Status};

use super::follow::follow;
use crate::call::Call;
use crate::service::{RpcResult, Service, respond};

#[tonic::async_trait]
impl AccessService for Service {
    type FollowKeysStream = Pin<Box<dyn Stream<Item = Result<FollowKeysResponse, Status>> + Send>>;

    async fn create_person(
        &self,
        request: Request<CreatePersonRequest>,
    ) -> RpcResult<CreatePersonResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.add_person(&call, request).await
        })
        .await
    }

    async fn invite_person(
        &self,
        request: Request<InvitePersonRequest>,
    ) -> RpcResult<InvitePersonResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.invite_again(&call, request).await
        })
        .await
    }

    async fn list_people(
        &self,
        request: Request<ListPeopleRequest>,
    ) -> RpcResult<ListPeopleResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.read_people(&call).await
        })
        .await
    }

    async fn set_roles(&self, request: Request<SetRolesRequest>) -> RpcResult<SetRolesResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.replace_roles(&call, request).await
        })
        .await
    }

    async fn disable_person(
        &self,
        request: Request<DisablePersonRequest>,
    ) -> RpcResult<DisablePersonResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.disable(&call, request).await
        })
        .await
    }

    async fn create_key(&self, request: Request<CreateKeyRequest>) -> RpcResult<CreateKeyResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.make_key(&call, request).await
        })
        .await
    }

    async fn list_keys(&self, request: Request<ListKeysRequest>) -> RpcResult<ListKeysResponse> {
        respond(async {
            let (call, _) = Call::of(request)?;
            self.read_keys(&call).await
        })
        .await
    }

    async fn rotate_key(&self, request: Request<RotateKeyRequest>) -> RpcResult<RotateKeyResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.make_secret(&call, request).await
        })
        .await
    }

    async fn revoke_key(&self, request: Request<RevokeKeyRequest>) -> RpcResult<RevokeKeyResponse> {
        respond(async {
            let (call, request) = Call::of(request)?;
            self.end_key(&call, request).await
        })
        .await
    }

    async fn follow_keys(
        &self,
        request: Request<FollowKeysRequest>,
    ) -> RpcResult<Self::FollowKeysStream> {
        let (call, request) = Call::of(request)?;
        let stream = follow(self.clone(), call.tenant, request.have_version)?;
        Ok(Response::new(Box::pin(stream)))
    }
}
