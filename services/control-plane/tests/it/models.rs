//! Models are registered with their folder, which is checked.

use std::fs;
use std::path::Path;

use fairlead_identity::{Kind, Permission, Permissions, Principal, Tenants};
use fairlead_proto::control::v1::{GetDraftRequest, ModelRef, PutModelRequest, PutModelResponse};
use fairlead_release_follow::model_folder_hash;
use tonic::{Code, Status};

use crate::plane::{Home, Plane, TENANT, on_both};

/// Writes a model's folder and returns its reference.
pub(crate) fn model(folder: &Path, version: &str, program: &str) -> ModelRef {
    let path = folder.join(format!("ranker-{version}"));
    fs::create_dir_all(&path).expect("made");
    let manifest = format!(r#"{{"name":"ranker","version":"{version}","schema_hash":"c0ffee"}}"#);
    for (name, content) in [
        ("manifest.json", manifest.as_str()),
        ("golden.json", "[]"),
        ("model.pt", program),
    ] {
        fs::write(path.join(name), content).expect("written");
    }
    ModelRef {
        role: "ranker".to_owned(),
        name: "ranker".to_owned(),
        version: version.to_owned(),
        content_hash: model_folder_hash(&path).expect("a model"),
        path: path.display().to_string(),
        default_for_role: true,
        schema_hash: "c0ffee".to_owned(),
    }
}

async fn register(plane: &Plane, model: ModelRef) -> Result<PutModelResponse, Status> {
    let request = PutModelRequest {
        tenant: TENANT.to_owned(),
        model: Some(model),
    };
    Ok(plane.drafts().put_model(request).await?.into_inner())
}

async fn defaults(plane: &Plane) -> Vec<(String, bool)> {
    let request = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let draft = plane
        .drafts()
        .get_draft(request)
        .await
        .expect("a draft")
        .into_inner()
        .draft;
    let models = draft.expect("a draft").models;
    models
        .into_iter()
        .map(|model| (model.version, model.default_for_role))
        .collect()
}

async fn the_newest_default_takes_over(home: Home) {
    let plane = Plane::start(&home);
    register(&plane, model(home.path(), "1", "one"))
        .await
        .expect("registered");
    register(&plane, model(home.path(), "2", "two"))
        .await
        .expect("registered");
    let expected = [("1", false), ("2", true)].map(|(version, is)| (version.to_owned(), is));
    assert_eq!(defaults(&plane).await, expected);
    assert_eq!(plane.audit_rows().await[0].subject, "ranker 2");
}

/// To register a model is one permission, to let it serve another.
async fn who_registers_a_model_does_not_choose_what_serves(home: Home) {
    let tools = Plane::start(&home);
    let registers = Permissions::NONE.with(Permission::ModelRegister);
    let caller = Principal::new(Kind::Person, "ada", Tenants::Any).with_permissions(registers);
    register(&tools, model(home.path(), "1", "one"))
        .await
        .expect("registered");
    // Two that open a new SQLite database at once are not what anybody runs: the first has made it by now.
    let plane = Plane::start_for(&home, caller);
    let second = model(home.path(), "2", "two");
    let refused = register(&plane, second.clone()).await.expect_err("serves");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let said = "the section serving models changes, which needs the permission model.edit";
    assert_eq!(refused.message(), said);
    let beside = ModelRef {
        default_for_role: false,
        ..second
    };
    register(&plane, beside).await.expect("registered");
    let expected = [("1", true), ("2", false)].map(|(version, is)| (version.to_owned(), is));
    assert_eq!(defaults(&tools).await, expected);
}

type Change = fn(&mut ModelRef);

async fn a_folder_that_is_not_what_is_said_is_refused(home: Home) {
    let plane = Plane::start(&home);
    let good = model(home.path(), "1", "one");
    let cases: [(&str, Change); 8] = [
        ("model.path", |model| model.path = "/nowhere".to_owned()),
        ("model.path", |model| model.path.push_str("/..")),
        ("model.content_hash", |model| {
            model.content_hash = "ab".repeat(32);
        }),
        ("model.name", |model| model.name = "other".to_owned()),
        ("model.version", |model| model.version = "7".to_owned()),
        ("model.version", |model| model.version.clear()),
        ("model.role", |model| model.role = "a role".to_owned()),
        ("model.schema_hash", |model| {
            model.schema_hash = "beef".to_owned();
        }),
    ];
    for (field, change) in cases {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = register(&plane, bad).await.expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().starts_with(field), "{field}: {refused}");
    }
    // One byte of the program is another model.
    fs::write(Path::new(&good.path).join("model.pt"), "onf").expect("written");
    let refused = register(&plane, good.clone())
        .await
        .expect_err("another program");
    let found = model_folder_hash(&good.path).expect("a model");
    assert!(refused.message().contains(&found), "{refused}");
    assert_eq!(defaults(&plane).await, []);
    assert_eq!(plane.audit_rows().await, []);
}

async fn a_version_never_changes(home: Home) {
    let plane = Plane::start(&home);
    register(&plane, model(home.path(), "1", "one"))
        .await
        .expect("registered");
    register(&plane, model(home.path(), "1", "one"))
        .await
        .expect("the same again");
    let refused = register(&plane, model(home.path(), "1", "other"))
        .await
        .expect_err("other");
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().contains("`ranker 1`"), "{refused}");
}

on_both!(
    the_newest_default_takes_over,
    who_registers_a_model_does_not_choose_what_serves,
    a_folder_that_is_not_what_is_said_is_refused,
    a_version_never_changes,
);
