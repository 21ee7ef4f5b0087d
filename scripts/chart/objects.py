"""Checks rendered objects: against the schemas of Kubernetes, and against the project's own rules.

objects.py VERSION FILE...   each FILE is what `helm template` printed
"""

import sys
from pathlib import Path

import kubernetes_validate
import yaml

# Custom resources have no schema in Kubernetes; promtool reads the rules, the rest is short.
CUSTOM = {
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"},
    "cert-manager.io/v1": {"Certificate"},
}
POD_OWNERS = {"Deployment", "StatefulSet", "Job", "CronJob"}


def pod_of(thing):
    """The pod template's spec of an object that has one."""
    spec = thing["spec"]
    if thing["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def schema_faults(thing, version):
    kind, api = thing["kind"], thing["apiVersion"]
    if kind in CUSTOM.get(api, ()):
        return
    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield error.message


def container_faults(container):
    name, security = container["name"], container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain privileges"
    if security.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name} keeps capabilities"
    resources = container.get("resources", {})
    for side in ("requests", "limits"):
        if not {"cpu", "memory"} <= resources.get(side, {}).keys():
            yield f"{name} has no {side} of cpu and memory"
    for variable in container.get("env", []):
        secret = any(word in variable["name"] for word in ("TOKEN", "API_KEYS", "PASSWORD", "DATABASE", "REDIS__URL"))
        if secret and "value" in variable:
            yield f"{name} holds {variable['name']} in plain words"


def pod_faults(thing):
    pod = pod_of(thing)["spec"]
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        yield "runs as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts a token for the Kubernetes API"
    if pod.get("enableServiceLinks") is not False:
        yield "is given variables of Services, which begin with FAIRLEAD_ and are no keys"
    for container in pod.get("initContainers", []) + pod["containers"]:
        yield from container_faults(container)


def own_faults(thing):
    """What holds for our processes, and not for the trial's servers."""
    pod = pod_of(thing)["spec"]
    for container in pod.get("initContainers", []) + pod["containers"]:
        if not container["securityContext"].get("readOnlyRootFilesystem"):
            yield f"{container['name']} may write to its root file system"
    if thing["kind"] != "Deployment":
        return
    (container,) = pod["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe not in container:
            yield f"has no {probe}"
    if "checksum/config" not in pod_of(thing)["metadata"]["annotations"]:
        yield "is not rolled by a changed configuration"
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    if pod["terminationGracePeriodSeconds"] <= pause + 11:
        yield f"may be killed while it drains: {pod['terminationGracePeriodSeconds']} seconds in all"


def faults(thing, version):
    yield from schema_faults(thing, version)
    if thing["kind"] == "Secret":
        yield "is a Secret: they are only referred to"
    if thing["kind"] == "ServiceAccount" and thing.get("automountServiceAccountToken") is not False:
        yield "mounts a token for the Kubernetes API"
    if thing["kind"] in POD_OWNERS:
        yield from pod_faults(thing)
        if thing["kind"] != "StatefulSet":
            yield from own_faults(thing)


def dangling(things):
    """Names that nothing answers to: selectors without pods, volumes and accounts that are not made."""
    named = {(thing["kind"], thing["metadata"]["name"]) for thing in things}
    pods = [pod_of(thing)["metadata"]["labels"].items() for thing in things if thing["kind"] in POD_OWNERS]
    for thing in things:
        where = f"{thing['kind']} {thing['metadata']['name']}"
        selector = thing["spec"].get("selector") or thing["spec"].get("podSelector") if "spec" in thing else None
        if thing["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
            labels = selector.get("matchLabels", selector)
            if not any(labels.items() <= pod for pod in pods):
                yield f"{where} selects no pod"
        if thing["kind"] == "HorizontalPodAutoscaler":
            target = thing["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) not in named:
                yield f"{where} scales nothing"
        if thing["kind"] in POD_OWNERS - {"StatefulSet"}:
            pod = pod_of(thing)["spec"]
            if ("ServiceAccount", pod["serviceAccountName"]) not in named:
                yield f"{where} runs as an account that is not made"
            for volume in pod["volumes"]:
                if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in named:
                    yield f"{where} mounts a ConfigMap that is not made"


def main(version, files):
    found = []
    for file in files:
        things = [thing for thing in yaml.safe_load_all(Path(file).read_text()) if thing]
        if not things:
            found.append(f"{file}: nothing was rendered")
        for thing in things:
            where = f"{Path(file).stem}: {thing['kind']} {thing['metadata']['name']}"
            found += [f"{where}: {fault}" for fault in faults(thing, version)]
        found += [f"{Path(file).stem}: {fault}" for fault in dangling(things)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
