"""Checks that the NetworkPolicies let through the drawn edges and nothing else.

edges.py TRIAL CONSUL_TRIAL   what `helm template` printed for the trial, without and with Consul.
In a trial every server is a pod, so that every edge can be followed.
"""

import sys
from pathlib import Path

import yaml

from objects import POD_OWNERS, pod_of

SERVICES = {"profile": 7002, "recall": 7003, "ranking": 7004, "pricing": 7005, "control-plane": 7006}
# docs/ARCHITECTURE.md draws these; the chart has its own table, so that the two are compared.
DRAWN = {("gateway", service, port) for service, port in SERVICES.items()}
DRAWN |= {(follower, "control-plane", 7006) for follower in ("profile", "recall", "ranking", "pricing")}
DRAWN |= {(reader, "redis", 6379) for reader in ("profile", "recall", "ranking", "pricing", "stream")}
DRAWN |= {(client, "kafka", 9092) for client in ("gateway", "control-plane", "stream", "lake")}
DRAWN |= {("control-plane", "postgresql", 5432)}
# A server may speak to itself (Kafka's broker and its controller).
DRAWN |= {(server, server, port) for server, port in (("redis", 6379), ("kafka", 9092), ("postgresql", 5432))}
# The agent asks each service for its gRPC health; each service registers with the agent.
LISTENING = {"gateway": 7001, **SERVICES}
CONSUL = {(service, "consul", 8500) for service in [*LISTENING, "consul"]}
CONSUL |= {("consul", service, port) for service, port in LISTENING.items()}
# Where anybody may come in: apps, and in a trial whoever looks at metrics.
OPEN = {("gateway", 7001)} | {(service, 7009) for service in [*LISTENING, "stream", "lake"]}


def matches(selector, labels):
    return selector.get("matchLabels", {}).items() <= labels.items()


class Net:
    """Pods and policies of one rendering."""

    def __init__(self, file):
        things = [thing for thing in yaml.safe_load_all(Path(file).read_text()) if thing]
        owners = [thing for thing in things if thing["kind"] in POD_OWNERS]
        labels = [pod_of(owner)["metadata"]["labels"] for owner in owners]
        self.pods = {one["app.kubernetes.io/component"]: one for one in labels}
        self.policies = [thing["spec"] for thing in things if thing["kind"] == "NetworkPolicy"]

    def rules(self, pod, side):
        """The rules of every policy that is about a pod; a pod without a policy is a fault."""
        about = [policy for policy in self.policies if matches(policy["podSelector"], self.pods[pod])]
        if not about or not all(set(policy["policyTypes"]) == {"Ingress", "Egress"} for policy in about):
            raise SystemExit(f"{pod} is held by no policy of both directions")
        return [rule for policy in about for rule in policy.get(side, [])]

    def named(self, pod, side, peers_key):
        """(other pod, port) of the rules that name pods of this release."""
        found = set()
        for rule in self.rules(pod, side):
            for peer in rule.get(peers_key, []):
                if "namespaceSelector" in peer or "ipBlock" in peer:
                    continue
                others = [other for other, labels in self.pods.items() if matches(peer["podSelector"], labels)]
                found |= {(other, port["port"]) for other in others for port in rule["ports"]}
        return found

    def anyone(self, pod, side, peers_key):
        """Ports of rules that name nobody."""
        return {port["port"] for rule in self.rules(pod, side) if peers_key not in rule for port in rule["ports"]}

    def edges(self):
        out = {(pod, other, port) for pod in self.pods for other, port in self.named(pod, "egress", "to")}
        into = {(other, pod, port) for pod in self.pods for other, port in self.named(pod, "ingress", "from")}
        return out, into


def compare(file, drawn):
    net = Net(file)
    out, into = net.edges()
    for name, found in (("may go out", out), ("may come in", into)):
        yield from (f"{file}: {edge} {name} and is not drawn" for edge in sorted(found - drawn))
        yield from (f"{file}: {edge} is drawn and {name} not" for edge in sorted(drawn - found))
    open_to_all = {(pod, port) for pod in net.pods for port in net.anyone(pod, "ingress", "from")}
    yield from (f"{file}: anybody may reach {edge}" for edge in sorted(open_to_all ^ OPEN))
    anywhere = {(pod, port) for pod in net.pods for port in net.anyone(pod, "egress", "to")}
    yield from (f"{file}: {edge} may reach any address" for edge in sorted(anywhere))


def main(trial, consul_trial):
    found = [*compare(trial, DRAWN), *compare(consul_trial, DRAWN | CONSUL)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
