"""Checks that alerts, runbooks, dashboards and the metrics of the code belong together.

watched.py            says what does not
watched.py queries    prints the dashboards' queries as a rule file, for promtool to read
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/fairlead"
METRIC = re.compile(r"\bfairlead_[a-z0-9_]+\b")
SECTIONS = ("## What it means", "## What users see", "## Look first", "## Mend", "## Verify")
# Keys that the chart sets from values of their own; secrets are not set in the file at all.
SET_BY_CHART = {
    "tenant", "data_dir", "listen", "events", "redis", "control.database", "discovery.kind", "discovery.consul",
    "discovery.consul_ca_file", "discovery.consul_token", "discovery.advertise", "discovery.zone", "discovery.services",
    "tls.certificate_file", "tls.key_file", "tls.ca_file", "tls.trust_domain", "tls.plaintext",
    "tls.public.certificate_file", "tls.public.key_file", "pricing.signing_keys_file", "lake.url", "identity",
}


def metrics_of_the_code():
    """Names in string literals of Rust, tests left out."""
    names = set()
    for file in ROOT.glob("**/src/**/*.rs"):
        if "target" not in file.relative_to(ROOT).parts:
            names |= set(re.findall(r'"(fairlead_[a-z0-9_]+)"', file.read_text()))
    return names


def unknown(expression, known):
    """Metrics of an expression that no code emits; a histogram has three series."""
    for name in METRIC.findall(expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in known and base not in known:
            yield name


def alert_faults(known):
    groups = yaml.safe_load((CHART / "files/alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    tested = (ROOT / "helm/tests/alerts_test.yaml").read_text()
    names = [rule["alert"] for rule in rules if "alert" in rule]
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        for metric in unknown(rule["expr"], known):
            yield f"alert {name}: no code emits {metric}"
        if "alert" not in rule:
            continue
        if rule["annotations"]["runbook_url"] != f"docs/runbooks/{name}.md":
            yield f"alert {name}: its runbook_url is not its own page"
        if rule["labels"].get("severity") not in ("page", "ticket"):
            yield f"alert {name}: severity is page or ticket"
        if name not in tested:
            yield f"alert {name}: helm/tests/alerts_test.yaml has no case for it"
    pages = {file.stem for file in (ROOT / "docs/runbooks").glob("*.md")} - {"README"}
    yield from (f"alert {name}: docs/runbooks/{name}.md is not there" for name in sorted(set(names) - pages))
    yield from (f"docs/runbooks/{page}.md belongs to no alert" for page in sorted(pages - set(names)))
    for page in sorted(pages):
        text = (ROOT / f"docs/runbooks/{page}.md").read_text()
        yield from (f"docs/runbooks/{page}.md: no '{part}'" for part in SECTIONS if part not in text)
        yield from (f"docs/runbooks/{page}.md: no code emits {metric}" for metric in unknown(text, known))
        for other in re.findall(r"\]\((Fairlead\w+)\.md\)", text):
            if other not in pages:
                yield f"docs/runbooks/{page}.md: {other}.md is not there"


def dashboard_faults(known):
    for name in ("operators", "owners"):
        board = json.loads((CHART / f"files/dashboards/{name}.json").read_text())
        taken = set()
        for panel in board["panels"]:
            where = f"dashboard {name}, panel '{panel['title']}'"
            for target in panel.get("targets", []):
                yield from (f"{where}: no code emits {metric}" for metric in unknown(target["expr"], known))
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            if cells & taken or place["x"] + place["w"] > 24:
                yield f"{where}: lies over another panel, or beside the page"
            taken |= cells
        for variable in board["templating"]["list"]:
            yield from (f"dashboard {name}: no code emits {metric}" for metric in unknown(str(variable["query"]), known))


def queries():
    """A rule for each query, with Grafana's variables filled in."""
    filled = {"$__rate_interval": "1m", "$__range": "1h", "$namespace": ".*"}
    rules = []
    for name in ("operators", "owners"):
        for panel in json.loads((CHART / f"files/dashboards/{name}.json").read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for variable, value in filled.items():
                    expression = expression.replace(variable, value)
                record = f"{name}:panel_{panel['id']}:{target['refId']}"
                rules.append({"record": record, "expr": expression})
    yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, sys.stdout)


def keys(table, path=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def schema_keys(schema, path=""):
    for key, value in schema["properties"].items():
        if isinstance(value, dict) and "properties" in value:
            yield from schema_keys(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def config_faults():
    """The schema's `config` and the binary's defaults name the same keys."""
    defaults = set(keys(tomllib.loads((ROOT / "services/server/src/default.toml").read_text())))
    schema = json.loads((CHART / "values.schema.json").read_text())
    offered = set(schema_keys(schema["properties"]["config"]))
    of_the_chart = {key for key in defaults if any(key == own or key.startswith(f"{own}.") for own in SET_BY_CHART)}
    yield from (f"config.{key} of the chart is no key of default.toml" for key in sorted(offered - defaults))
    yield from (f"{key} of default.toml cannot be set by the chart" for key in sorted(defaults - offered - of_the_chart))


def main():
    known = metrics_of_the_code()
    found = [*alert_faults(known), *dashboard_faults(known), *config_faults()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(queries() if sys.argv[1:] == ["queries"] else main())
