//! The chart and the binaries agree: the processes accept what Helm renders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::rendered::{Container, Rendered, list, name, rendered, text};
use crate::workspace::root;

fn containers() -> Vec<Container> {
    rendered().iter().flat_map(Rendered::containers).collect()
}

/// Returns one container for each command: what does not depend on values is checked once.
fn commands() -> BTreeMap<String, Container> {
    let all = containers().into_iter();
    all.map(|container| (container.command.join(" "), container))
        .collect()
}

/// Returns a binary of this build, which is beside the folder of this test.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo build --release -p fairlead -p fairlead-lake`, or `make test`",
        path.display()
    );
    path
}

/// Runs a container's command with its variables and no others.
fn run(container: &Container, arguments: &[&str]) -> Output {
    let (program, subcommand) = container.command.split_first().expect("a command");
    Command::new(binary(program))
        .env_clear()
        .envs(container.env.iter().map(|(name, value)| (name, value)))
        .args(subcommand)
        .args(arguments)
        .output()
        .unwrap()
}

fn check_config(container: &Container, config: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fairlead.toml");
    std::fs::write(&file, config).unwrap();
    let file = file.to_string_lossy();
    let output = run(container, &["--config", &file, "--check-config"]);
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.contains("configuration is valid") {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{:?}: {said}{complaint}", container.command))
}

fn parsed(config: &str) -> toml::Table {
    config.parse().unwrap()
}

fn defaults() -> String {
    std::fs::read_to_string(root().join("services/server/src/default.toml")).unwrap()
}

#[test]
fn every_process_takes_the_file_that_the_chart_gives_it() {
    for container in containers() {
        if let Err(said) = check_config(&container, &container.config) {
            panic!("{}: {said}\n{}", container.place, container.config);
        }
    }
}

#[test]
fn what_is_wrong_in_the_file_or_the_variables_is_refused() {
    let mut gateway = containers()
        .into_iter()
        .find(|container| container.component == "gateway" && !container.env.is_empty())
        .expect("a gateway with API keys in a Secret");
    let wrong = format!("colour = 1\n{}", gateway.config);
    let said = check_config(&gateway, &wrong).expect_err("a key that is none");
    assert!(said.contains("colour"), "{said}");
    for (name, value) in &mut gateway.env {
        if name == "FAIRLEAD_GATEWAY__API_KEYS" {
            r#"{"k" = {tenant = "demo", requests_per_second = 0}}"#.clone_into(value);
        }
    }
    let said = check_config(&gateway, &gateway.config).expect_err("a key that may nothing");
    assert!(said.contains("requests_per_second"), "{said}");
}

#[test]
fn every_command_is_a_subcommand() {
    let commands = commands();
    for (command, container) in &commands {
        let output = run(container, &["--help"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains(&format!("Usage: {command}")),
            "{}: `{command}` is no subcommand: {said}{}",
            container.place,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let all = [
        "fairlead migrate",
        "fairlead serve control-plane",
        "fairlead serve gateway",
        "fairlead serve pricing",
        "fairlead serve profile",
        "fairlead serve ranking",
        "fairlead serve recall",
        "fairlead stream",
        "fairlead-lake compact",
        "fairlead-lake write",
    ];
    assert!(commands.keys().eq(&all), "{:?}", commands.keys());
}

/// Returns the port of a key of `[listen]`.
fn listen(config: &toml::Table, key: &str) -> u64 {
    let address = config["listen"][key].as_str().expect("an address");
    let address: std::net::SocketAddr = address.parse().unwrap();
    assert!(
        address.ip().is_unspecified(),
        "{key} is not heard outside its pod"
    );
    address.port().into()
}

/// Returns the key of `[listen]` for a component's own port.
fn key(component: &str) -> Option<&str> {
    match component {
        "control-plane" => Some("control"),
        "stream" | "lake" | "lake-compaction" | "migrate" => None,
        service => Some(service),
    }
}

#[test]
fn ports_and_probes_are_those_of_the_configuration_and_the_code() {
    let served = served_paths();
    for container in containers().iter().filter(|one| !one.ports.is_empty()) {
        let config = parsed(&container.config);
        let mut expected = vec![("metrics".to_owned(), listen(&config, "metrics"))];
        if let Some(key) = key(&container.component) {
            expected.push(("service".to_owned(), listen(&config, key)));
        }
        let ports: Vec<_> = container.ports.clone().into_iter().collect();
        assert_eq!(ports, expected, "{}", container.place);
        assert_eq!(container.probes.len(), 3, "{}", container.place);
        for (path, port) in &container.probes {
            assert!(
                served.contains(path),
                "{}: {path} is not served",
                container.place
            );
            assert_eq!(port, "metrics", "{}: {path}", container.place);
        }
    }
}

/// Returns the paths of the operators' page, as the code routes them.
fn served_paths() -> BTreeSet<String> {
    let source = root().join("crates/chassis/src/admin.rs");
    let code = std::fs::read_to_string(&source)
        .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let paths: BTreeSet<_> = code
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect();
    for path in ["/live", "/metrics", "/ready"] {
        assert!(
            paths.contains(path),
            "the code does not serve {path}: {paths:?}"
        );
    }
    paths
}

#[test]
fn services_lead_to_the_port_that_is_listened_on() {
    for rendered in rendered() {
        let (set, containers) = (rendered.set, rendered.containers());
        for container in containers
            .iter()
            .filter(|one| one.ports.contains_key("service"))
        {
            let wanted = format!("fairlead-{}", container.component);
            let service = rendered
                .all("Service")
                .find(|service| name(service) == wanted)
                .unwrap_or_else(|| panic!("{set}: no Service {wanted}"));
            let [port] = list(&service["spec"]["ports"]) else {
                panic!("{set}: {wanted} has one port")
            };
            assert_eq!(text(&port["targetPort"]), "service", "{set}: {wanted}");
            assert_eq!(
                port["port"].as_u64(),
                container.ports.get("service").copied()
            );
            let names = names_for(container);
            if container.component != "gateway" && set != "consul" {
                let own = format!("{wanted}:{}", container.ports["service"]);
                assert_eq!(names, [own], "{set}: callers look for {wanted}");
            }
        }
    }
}

/// Returns the names under which callers look for a component; empty if they use Consul.
fn names_for(container: &Container) -> Vec<String> {
    let config = parsed(&container.config);
    let names = config["discovery"]
        .get("services")
        .zip(key(&container.component))
        .and_then(|(services, key)| services.get(key)?.as_array());
    let text = |name: &toml::Value| name.as_str().expect("a name").to_owned();
    names.into_iter().flatten().map(text).collect()
}

#[test]
fn every_variable_is_a_key_of_the_configuration() {
    let text = defaults();
    let defaults = parsed(&text);
    let mut seen = 0;
    for container in containers() {
        for (variable, _) in &container.env {
            let Some(path) = variable.strip_prefix("FAIRLEAD_") else {
                continue;
            };
            let path = path.to_ascii_lowercase();
            let (section, key) = path.split_once("__").expect("FAIRLEAD_SECTION__KEY");
            // API keys are the user's own: the section is in the defaults as a comment.
            let there = defaults[section].get(key).is_some()
                || text.contains(&format!("# [{section}.{key}."));
            assert!(
                there,
                "{}: {variable} is no key of default.toml",
                container.place
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} variables were seen");
}

#[test]
fn no_secret_is_in_the_file() {
    for container in containers() {
        let config = parsed(&container.config);
        let url = |section: &str, key: &str| {
            let value = config.get(section).and_then(|section| section.get(key));
            value
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        for (section, key) in [("redis", "url"), ("control", "database")] {
            let value = url(section, key);
            let password = value
                .split("://")
                .nth(1)
                .and_then(|rest| rest.split_once('@'));
            let named = password.is_some_and(|(user, _)| user.contains(':'));
            assert!(
                !named,
                "{}: {section}.{key} holds a password",
                container.place
            );
        }
        assert_eq!(url("discovery", "consul_token"), "", "{}", container.place);
        let keys = config
            .get("gateway")
            .and_then(|gateway| gateway.get("api_keys"));
        assert!(
            keys.is_none(),
            "{}: API keys are in the file",
            container.place
        );
    }
}

#[test]
fn a_pod_is_given_the_time_that_its_drain_takes() {
    let defaults = parsed(&defaults());
    for container in containers() {
        let Some((pause, grace)) = container.grace else {
            continue;
        };
        let config = parsed(&container.config);
        let milliseconds = |key: &str| {
            let value = config.get(key).or_else(|| defaults.get(key));
            value.and_then(toml::Value::as_integer).unwrap_or_default()
        };
        let drain = milliseconds("notice_ms") + milliseconds("drain_ms");
        assert!(drain > 0, "{}: no drain is configured", container.place);
        let needed = pause + u64::try_from(drain).unwrap().div_ceil(1_000);
        assert!(
            grace > needed,
            "{}: {grace} s, {needed} s are needed",
            container.place
        );
    }
}

#[test]
fn chart_and_images_are_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let chart = read("helm/fairlead/Chart.yaml");
    assert!(
        chart.contains(&format!("\nversion: {version}\n")),
        "{chart}"
    );
    assert!(
        chart.contains(&format!("\nappVersion: \"{version}\"\n")),
        "{chart}"
    );
    for container in containers() {
        let image = &container.image;
        assert!(
            image.ends_with(&format!(":{version}")),
            "{}: {image}",
            container.place
        );
    }
    assert!(read("deploy/compose.yaml").contains(&format!("image: fairlead:{version}\n")));
}

#[test]
fn the_compose_files_configuration_is_valid_for_every_process() {
    let config = std::fs::read_to_string(root().join("deploy/fairlead.toml")).unwrap();
    for mut container in commands().into_values() {
        container.env.clear();
        container
            .env
            .push(("FAIRLEAD_DISCOVERY__ADVERTISE".into(), "10.0.0.7".into()));
        if let Err(said) = check_config(&container, &config) {
            panic!("deploy/fairlead.toml: {said}");
        }
    }
}
