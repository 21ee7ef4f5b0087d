//! From an empty folder to a slate by the commands in the README, and the stop.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::binary::{UpProcess, fairlead, printed};

const CATALOGUE: &str = "product_id,name,kind,currency,category,deposit.yield_ppm,deposit.tenor_months,deposit.min_amount.minor
D-1,One year,deposit,CNY,1-year,15000,12,5000
D-2,Two years,deposit,CNY,1-year,17000,24,5000
D-3,Three years,deposit,CNY,3-years,19500,36,5000
";
const FIRST_AGAIN: &str = "D-1,Again,deposit,CNY,1-year,15000,12,5000\n";
const BROKEN: &str =
    "product_id,name,kind,currency,deposit.yield_ppm,deposit.tenor_months,deposit.min_amount.minor
D-1,One year,deposit,CNY,15000,12,5000
X,Unknown,bond,CNY,,,
";
const EVENTS: &str = r#"{"customer_id":"c1","kind":"consent_changed","attributes":{"personalisation":true}}
{"customer_id":"c1","kind":"click","product_id":"D-2"}
{"customer_id":"c1","kind":"sneeze"}
{"customer_id":"","kind":"app_opened"}
"#;

pub(crate) fn file(folder: &Path, name: &str, content: &str) -> anyhow::Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, content)?;
    Ok(path.to_string_lossy().into_owned())
}

#[test]
fn from_an_empty_folder_to_a_slate_and_back_after_a_stop() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = UpProcess::up(&data)?;

    let broken = file(folder.path(), "broken.csv", BROKEN)?;
    let refused = server.run(&["import", "catalogue", &broken])?;
    assert!(
        !refused.status.success(),
        "a catalogue with one broken row is refused"
    );
    let rejects = std::fs::read_to_string(format!("{broken}.rejects.csv"))?;
    assert!(rejects.contains("3,kind `bond`"), "{rejects}");
    let twice = file(
        folder.path(),
        "twice.csv",
        &format!("{CATALOGUE}{FIRST_AGAIN}"),
    )?;
    let refused = server.run(&["import", "catalogue", &twice])?;
    assert!(!refused.status.success(), "one id, two products");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("D-1"), "{said}");
    let good = file(folder.path(), "catalogue.csv", CATALOGUE)?;
    server.run_ok(&["import", "catalogue", &good])?;
    let defaults = server.run_ok(&["release", "draft-defaults"])?;
    assert!(defaults.contains("deposit"), "{defaults}");
    server.run_ok(&["release", "publish", "--comment", "three deposits"])?;

    let events = file(folder.path(), "events.jsonl", EVENTS)?;
    let some = server.run(&["import", "events", &events, "--json"])?;
    let counts: Value = serde_json::from_slice(&some.stdout)?;
    assert_eq!(
        (&counts["accepted"], &counts["rejected"]),
        (&2.into(), &2.into())
    );
    assert_eq!(some.status.code(), Some(3), "the exit code says so");
    let rejects = std::fs::read_to_string(format!("{events}.rejects.jsonl"))?;
    assert!(
        rejects.contains("sneeze") && rejects.contains("customer_id"),
        "{rejects}"
    );

    server.run_ok(&["track", "c1", "click", "--product", "D-3"])?;
    let slate: Value = serde_json::from_str(&server.run_ok(&["recommend", "c1", "--json"])?)?;
    let items = slate["items"].as_array().map_or(0, Vec::len);
    assert_eq!(items, 3, "{slate}");
    let table = server.run_ok(&["recommend", "c1"])?;
    assert!(table.contains("Two years"), "{table}");

    assert_eq!(server.stop()?, Some(0), "it drains and says so");
    let again = UpProcess::up(&data)?;
    let after: Value = serde_json::from_str(&again.run_ok(&["recommend", "c1", "--json"])?)?;
    assert_eq!(after["releaseRevision"], slate["releaseRevision"]);
    assert_eq!(again.stop()?, Some(0));
    Ok(())
}

#[test]
fn the_tools_of_the_machine_state_what_no_app_may() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = UpProcess::up(&data)?;
    let fact = [
        "track",
        "c1",
        "profile_updated",
        "--attribute",
        "bureau_score=900",
    ];
    server.run_ok(&fact)?;
    let app = server.without_token(&fact).output()?;
    assert!(!app.status.success(), "an app states no credit score");
    let said = String::from_utf8_lossy(&app.stderr);
    assert!(said.contains("attributes.bureau_score"), "{said}");
    let customers = file(
        folder.path(),
        "customers.csv",
        "customer_id,bureau_grade,consent.personalisation\nc1,A,yes\n",
    )?;
    let import = ["import", "customers", &customers, "--json"];
    for (mut command, accepted) in [
        (server.without_token(&import), 0),
        (server.command(&import), 1),
    ] {
        let counts: Value = serde_json::from_slice(&command.output()?.stdout)?;
        assert_eq!(counts["accepted"], accepted, "{counts}");
    }
    let token = std::fs::metadata(data.join("tools.token"))?.permissions();
    assert_eq!(token.mode() & 0o777, 0o600);
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn every_call_of_the_gateway_shows_a_token_where_keys_are_configured() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let key = "FAIRLEAD_GATEWAY__API_KEYS__PARTNERKEY";
    let variables = [
        (&*format!("{key}__TENANT"), "demo"),
        (&*format!("{key}__REQUESTS_PER_SECOND"), "100"),
    ];
    let server = UpProcess::up_with(&data, &variables)?;
    let good = file(folder.path(), "catalogue.csv", CATALOGUE)?;
    server.run_ok(&["import", "catalogue", &good])?;
    server.run_ok(&["release", "draft-defaults"])?;
    server.run_ok(&["release", "publish", "--comment", "three deposits"])?;
    let partner = file(folder.path(), "partner.key", "partnerkey\n")?;
    let quote = [
        "quote",
        "c1",
        "D-1",
        "--amount",
        "500",
        "--tenor",
        "12",
        "--reference",
        "order 17",
    ];
    let recommend = ["recommend", "c1", "--reference", "page 3", "--json"];
    let answer: Value = serde_json::from_str(&server.run_ok(&recommend)?)?;
    assert_eq!(answer["clientReference"], "page 3");
    let request = answer["requestId"].as_str().unwrap_or_default().to_owned();
    let explain = ["explain", &*request];
    let calls: [&[&str]; 3] = [&quote, &recommend, &explain];
    for call in calls {
        let refused = server.without_token(call).output()?;
        assert!(!refused.status.success(), "{call:?} without a token");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("known key"), "{said}");
        let wrong = file(folder.path(), "wrong.key", "another")?;
        let named = [call, &["--token-file", &wrong]].concat();
        let refused = server.without_token(&named).output()?;
        assert!(!refused.status.success(), "{call:?} with a wrong key");
        // The token of this machine, a key of the caller's own, and the same by the environment.
        server.run_ok(call)?;
        let named = [call, &["--token-file", &partner]].concat();
        printed(&server.without_token(&named).output()?)?;
        let mut by_variable = server.without_token(call);
        by_variable.env("FAIRLEAD_TOKEN_FILE", &partner);
        printed(&by_variable.output()?)?;
    }
    let record = server.run_ok(&explain)?;
    assert!(
        record.contains("page 3") && record.contains("c1"),
        "{record}"
    );
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn a_wrong_configuration_is_named_before_anything_starts() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = file(
        folder.path(),
        "wrong.toml",
        "[gateway]\ncandidates = \"many\"\n",
    )?;
    let checked = fairlead(&["up", "--check-config", "--config", &path]).output()?;
    assert!(!checked.status.success());
    let said = String::from_utf8_lossy(&checked.stderr);
    for named in ["gateway.candidates", "many", "wrong.toml"] {
        assert!(said.contains(named), "{said}");
    }
    let absent = fairlead(&["up", "--check-config", "--config", "/no/such.toml"]).output()?;
    assert!(String::from_utf8_lossy(&absent.stderr).contains("/no/such.toml"));
    printed(&fairlead(&["up", "--check-config"]).output()?)?;
    let defaults = printed(&fairlead(&["up", "--print-config"]).output()?)?;
    assert!(defaults.contains("candidates = 200"), "{defaults}");
    Ok(())
}
