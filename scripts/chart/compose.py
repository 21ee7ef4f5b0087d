"""Checks deploy/compose.yaml: against the compose specification's schema, and that all it names is there."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy"
COMMANDS = {
    **{name: ["fairlead", "serve", name] for name in ("gateway", "profile", "recall", "ranking", "pricing", "control-plane")},
    "migrate": ["fairlead", "migrate"],
    "stream": ["fairlead", "stream"],
    "lake": ["fairlead-lake", "write"],
}


def specification():
    """The schema as check-jsonschema carries it: read as data, none of its code runs."""
    for folder in map(Path, sys.path):
        file = folder / "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
        if file.exists():
            return json.loads(file.read_text())
    raise SystemExit("check-jsonschema, which carries the schema of compose files, is not here")


def mount_faults(name, service, volumes):
    for mount in service.get("volumes", []):
        source, target = mount.split(":")[:2]
        if source.startswith("."):
            if not (FOLDER / source).exists():
                yield f"{name}: {source} is not there"
        elif source not in volumes:
            yield f"{name}: volume {source} is not declared"
        if not target.startswith("/"):
            yield f"{name}: {target} is no absolute path"


def faults(compose):
    services = compose["services"]
    for name, service in services.items():
        if not re.search(r":[^:/]+$", service["image"]) or service["image"].endswith(":latest"):
            yield f"{name}: the image names no version"
        yield from mount_faults(name, service, compose["volumes"])
        yield from (f"{name}: depends on {other}, which is not there" for other in service.get("depends_on", {}) if other not in services)
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: port {port} is open to the network"
    for name, command in COMMANDS.items():
        service = services[name]
        if service["command"] != command:
            yield f"{name}: runs {service['command']} and not {command}"
        if not service.get("read_only") or service.get("cap_drop") != ["ALL"] or service.get("user", "0").startswith("0"):
            yield f"{name}: may do more than it needs"
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]["dns_sd_configs"][0]["names"]
    if set(scraped) != set(COMMANDS) - {"migrate"}:
        yield f"prometheus.yml scrapes {scraped}"
    build = services["gateway"]["build"]
    if not (FOLDER / build["context"] / build["dockerfile"]).exists():
        yield "the Dockerfile is not where the compose file looks for it"


def main():
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    validator = jsonschema.Draft7Validator(specification())
    found = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(compose)]
    found += faults(compose)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
