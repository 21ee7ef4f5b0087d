//! The chart as Helm renders it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize as _;
use serde_json::Value;

use crate::workspace::root;

/// Sets of values: a name, the file in `helm/values`, and an override.
const SETS: [(&str, &str, &str); 4] = [
    ("small", "small", ""),
    ("production", "production", ""),
    ("trial", "trial", ""),
    (
        "consul",
        "production",
        "discovery.kind=consul,discovery.consul.url=http://consul:8500,\
         discovery.consul.tokenSecret.name=consul-token",
    ),
];
/// The oldest Kubernetes that the chart installs on.
const KUBERNETES: &str = "1.30.0";

/// The objects that one set of values renders to.
pub(crate) struct Rendered {
    pub(crate) set: &'static str,
    objects: Vec<Value>,
}

/// A container that runs one of our binaries.
pub(crate) struct Container {
    /// "small: Deployment gateway".
    pub(crate) place: String,
    /// The component's name: "gateway".
    pub(crate) component: String,
    /// The binary and its subcommand.
    pub(crate) command: Vec<String>,
    /// Environment variables; a value from elsewhere is replaced by a placeholder.
    pub(crate) env: Vec<(String, String)>,
    /// The text of its configuration file.
    pub(crate) config: String,
    /// Ports by name.
    pub(crate) ports: BTreeMap<String, u64>,
    /// Path and port name of each probe.
    pub(crate) probes: Vec<(String, String)>,
    /// Seconds of the drain, and of the grace period.
    pub(crate) grace: Option<(u64, u64)>,
    pub(crate) image: String,
}

/// Returns Helm's binary: on PATH, or where setup has put it.
fn helm() -> PathBuf {
    if Command::new("helm").arg("version").output().is_ok() {
        return "helm".into();
    }
    let setup = std::fs::read_to_string(root().join("scripts/setup/helm.sh")).unwrap();
    let version = setup
        .lines()
        .find_map(|line| line.strip_prefix("helm_version="))
        .expect("scripts/setup/helm.sh names a version");
    let cache = std::env::var_os("FAIRLEAD_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache/fairlead"),
        PathBuf::from,
    );
    let path = cache.join(format!("helm-{version}")).join("helm");
    assert!(
        path.is_file(),
        "there is no Helm on PATH, and none at {}: run `make setup`",
        path.display()
    );
    path
}

/// Returns the chart rendered with every set of values, once.
pub(crate) fn rendered() -> &'static [Rendered] {
    static RENDERED: OnceLock<Vec<Rendered>> = OnceLock::new();
    RENDERED.get_or_init(|| {
        SETS.iter()
            .map(|(set, file, over)| Rendered::of(set, file, over))
            .collect()
    })
}

impl Rendered {
    fn of(set: &'static str, file: &str, over: &str) -> Self {
        let values = root().join(format!("helm/values/{file}.yaml"));
        let output = Command::new(helm())
            .args(["template", "fairlead"])
            .arg(root().join("helm/fairlead"))
            .args(["--kube-version", KUBERNETES, "--set", over, "--values"])
            .arg(values)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{set}: {said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let objects = serde_yaml_ng::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap())
            .filter(|object| !object.is_null())
            .collect();
        Self { set, objects }
    }

    /// Returns every object of a kind.
    pub(crate) fn all<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Value> {
        self.objects.iter().filter(move |one| one["kind"] == kind)
    }

    /// Returns every container that runs one of our binaries.
    pub(crate) fn containers(&self) -> Vec<Container> {
        let owners = ["Deployment", "Job", "CronJob"];
        let containers: Vec<_> = owners
            .into_iter()
            .flat_map(|kind| self.all(kind))
            .flat_map(|owner| self.of_owner(owner))
            .collect();
        assert!(
            containers.len() >= 9,
            "{}: eight processes and a migration",
            self.set
        );
        containers
    }

    fn of_owner(&self, owner: &Value) -> Vec<Container> {
        let spec = match owner["kind"].as_str() {
            Some("CronJob") => &owner["spec"]["jobTemplate"]["spec"],
            _ => &owner["spec"],
        };
        let pod = &spec["template"];
        let place = format!("{}: {} {}", self.set, text(&owner["kind"]), name(owner));
        let volumes = list(&pod["spec"]["volumes"]);
        let mounted = volumes
            .iter()
            .find_map(|volume| volume["configMap"]["name"].as_str())
            .unwrap_or_else(|| panic!("{place}: no ConfigMap is mounted"));
        let config = self.config_map(mounted);
        let component = text(&pod["metadata"]["labels"]["app.kubernetes.io/component"]);
        let init = list(&pod["spec"]["initContainers"]);
        let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64();
        init.iter()
            .chain(list(&pod["spec"]["containers"]))
            .map(|one| Container {
                place: place.clone(),
                component: component.clone(),
                command: list(&one["command"]).iter().map(text).collect(),
                env: list(&one["env"]).iter().map(variable).collect(),
                config: config.clone(),
                ports: list(&one["ports"]).iter().map(port).collect(),
                probes: probes(one),
                grace: one["lifecycle"]["preStop"]["sleep"]["seconds"]
                    .as_u64()
                    .zip(grace),
                image: text(&one["image"]),
            })
            .collect()
    }

    fn config_map(&self, wanted: &str) -> String {
        let map = self
            .all("ConfigMap")
            .find(|map| name(map) == wanted)
            .unwrap_or_else(|| panic!("{}: no ConfigMap {wanted}", self.set));
        text(&map["data"]["fairlead.toml"])
    }
}

fn port(one: &Value) -> (String, u64) {
    let number = one["containerPort"].as_u64().expect("a number");
    (text(&one["name"]), number)
}

fn probes(container: &Value) -> Vec<(String, String)> {
    ["startupProbe", "livenessProbe", "readinessProbe"]
        .into_iter()
        .map(|kind| &container[kind]["httpGet"])
        .filter(|probe| !probe.is_null())
        .map(|probe| (text(&probe["path"]), text(&probe["port"])))
        .collect()
}

/// Returns a variable, with a placeholder for the value from a Secret.
fn variable(one: &Value) -> (String, String) {
    let name = text(&one["name"]);
    let value = match one["value"].as_str() {
        Some(value) => value.to_owned(),
        None => stand_in(&name).to_owned(),
    };
    (name, value)
}

fn stand_in(variable: &str) -> &'static str {
    match variable {
        "FAIRLEAD_REDIS__URL" => "rediss://fairlead:secret@redis.example:6380/0",
        "FAIRLEAD_CONTROL__DATABASE" => "postgres://fairlead:secret@db.example/fairlead",
        "FAIRLEAD_GATEWAY__API_KEYS" => {
            r#"{"Key-1" = {tenant = "demo", requests_per_second = 100}}"#
        }
        "FAIRLEAD_DISCOVERY__CONSUL_TOKEN" => "6b2a3c1e-0000-4000-8000-000000000000",
        "FAIRLEAD_DISCOVERY__ADVERTISE" => "10.0.0.7",
        other => panic!("{other} comes from elsewhere: say here what it might hold"),
    }
}

/// Returns the elements of a list; empty if it is none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a text, or panics if it is none.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// Returns the name of an object.
pub(crate) fn name(object: &Value) -> String {
    text(&object["metadata"]["name"])
}
