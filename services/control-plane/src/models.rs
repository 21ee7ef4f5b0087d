//! Registering a model: its folder must exist and be the one that the call describes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fairlead_proto::control::v1::{ModelRef, PutModelRequest, PutModelResponse, Release};
use fairlead_release_follow::model_folder_hash;
use serde_json::{Value, json};

use crate::authority::check_change;
use crate::call::Call;
use crate::service::Service;
use crate::{Error, arguments};

impl Service {
    pub(crate) async fn register_model(
        &self,
        call: &Call,
        request: PutModelRequest,
    ) -> Result<PutModelResponse, Error> {
        let tenant = &call.tenant;
        let model = request.model.clone().unwrap_or_default();
        for (field, text) in [
            ("model.role", &model.role),
            ("model.name", &model.name),
            ("model.version", &model.version),
        ] {
            arguments::id(field, text)?;
        }
        let checked = model.clone();
        tokio::task::spawn_blocking(move || check_folder(&checked)).await??;
        let mut write = self.parts.store.write(tenant).await?;
        let before = write.models().await?;
        let changed = replacing(&before, &model)?;
        check_change(
            &call.caller,
            &of(before.values()),
            &after(&before, &changed),
        )?;
        for changed in changed {
            write.put_model(&changed).await?;
        }
        let subject = format!("{} {}", model.name, model.version);
        let detail = json!({
            "role": model.role,
            "content_hash": model.content_hash,
            "schema_hash": model.schema_hash,
            "default_for_role": model.default_for_role,
        });
        write
            .commit(self.entry(call, "model.put", subject, detail))
            .await?;
        Ok(PutModelResponse {})
    }
}

/// Returns a release that holds these models alone.
fn of<'m>(models: impl IntoIterator<Item = &'m ModelRef>) -> Release {
    Release {
        models: models.into_iter().cloned().collect(),
        ..Release::default()
    }
}

/// Returns a release that holds the models after a change alone.
fn after(before: &BTreeMap<(String, String), ModelRef>, changed: &[ModelRef]) -> Release {
    let mut models = before.clone();
    for model in changed {
        models.insert((model.name.clone(), model.version.clone()), model.clone());
    }
    of(models.values())
}

/// Returns the models that change when one is put: itself, and the former default of its role.
fn replacing(
    before: &BTreeMap<(String, String), ModelRef>,
    model: &ModelRef,
) -> Result<Vec<ModelRef>, Error> {
    let key = (model.name.clone(), model.version.clone());
    if let Some(same) = before.get(&key)
        && (&same.content_hash, &same.role) != (&model.content_hash, &model.role)
    {
        return Err(Error::Exists {
            what: "model version",
            value: format!("{} {}", model.name, model.version),
            allowed: "another version: what a version holds never changes",
        });
    }
    let mut changed = vec![model.clone()];
    if model.default_for_role {
        let others = before.iter().filter(|(at, other)| {
            **at != key && other.role == model.role && other.default_for_role
        });
        changed.extend(others.map(|(_, other)| ModelRef {
            default_for_role: false,
            ..other.clone()
        }));
    }
    Ok(changed)
}

/// Checks that a model's folder has its hash, and its manifest the name, the version and the schema
/// hash.
fn check_folder(model: &ModelRef) -> Result<(), Error> {
    let folder = Path::new(&model.path);
    if !folder.is_dir() {
        return Err(Error::argument(
            "model.path",
            &model.path,
            "a folder that is there",
        ));
    }
    let found = model_folder_hash(folder)
        .map_err(|error| Error::argument("model.path", &model.path, error.to_string()))?;
    if found != model.content_hash {
        let allowed = format!("{found}, the hash of the folder's files");
        return Err(Error::argument(
            "model.content_hash",
            &model.content_hash,
            allowed,
        ));
    }
    let manifest = folder.join("manifest.json");
    let unreadable = |cause: String| {
        let allowed = format!("a manifest that can be read: {cause}");
        Error::argument("model.path", manifest.display(), allowed)
    };
    let text = fs::read(&manifest).map_err(|error| unreadable(error.to_string()))?;
    let said: Value =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    for (field, key, value) in [
        ("model.name", "name", &model.name),
        ("model.version", "version", &model.version),
        ("model.schema_hash", "schema_hash", &model.schema_hash),
    ] {
        match said.get(key).and_then(Value::as_str) {
            Some(said) if said == value => {}
            Some(said) => {
                return Err(Error::argument(
                    field,
                    value,
                    format!("{said}, as its manifest says"),
                ));
            }
            None => return Err(unreadable(format!("no {key} is in it"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(version: &str, hash: &str, default_for_role: bool) -> ModelRef {
        ModelRef {
            role: "ranker".to_owned(),
            name: "ranker".to_owned(),
            version: version.to_owned(),
            content_hash: hash.to_owned(),
            default_for_role,
            ..ModelRef::default()
        }
    }

    #[test]
    fn the_newest_default_is_the_only_one_and_versions_never_change() {
        let before: BTreeMap<_, _> = [model("1", "aa", true), model("2", "bb", false)]
            .map(|model| ((model.name.clone(), model.version.clone()), model))
            .into();
        let put = replacing(&before, &model("3", "cc", true)).expect("new");
        assert_eq!(put, [model("3", "cc", true), model("1", "aa", false)]);
        let again = replacing(&before, &model("2", "bb", true)).expect("the same");
        assert_eq!(again, [model("2", "bb", true), model("1", "aa", false)]);
        let refused = replacing(&before, &model("2", "cc", false)).expect_err("other content");
        assert!(refused.to_string().contains("`ranker 2`"), "{refused}");
    }
}
