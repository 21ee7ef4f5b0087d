//! From trained folders to registered models.

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{ModelRef, PutModelRequest};
use fairlead_training::Trained;

use crate::client::explained;

/// Registers models as the defaults of their roles.
pub async fn register(
    control: &Link,
    tenant: &TenantId,
    actor: &str,
    version: &str,
    trained: &[Trained],
) -> anyhow::Result<()> {
    let mut drafts = DraftServiceClient::new(control.clone());
    for model in trained {
        let folder = model.folder.canonicalize()?;
        let hash = fairlead_release::model_folder_hash(&folder)
            .with_context(|| format!("cannot read the model folder {}", folder.display()))?;
        let request = PutModelRequest {
            tenant: tenant.to_string(),
            actor: actor.to_owned(),
            model: Some(ModelRef {
                role: model.role.to_owned(),
                name: model.role.to_owned(),
                version: version.to_owned(),
                path: folder.to_string_lossy().into_owned(),
                content_hash: hash,
                default_for_role: true,
                schema_hash: model.schema_hash.clone(),
            }),
        };
        drafts
            .put_model(request)
            .await
            .map_err(|status| explained(&status))?;
    }
    Ok(())
}
