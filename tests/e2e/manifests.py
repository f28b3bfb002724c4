# Reads the deployment files for tests/e2e/51_deploy.t.
#
#   manifests.py kubernetes MODELS <RENDERED   tells what is wrong: names and types against the
#                                              published API (MODELS: the folder of Python's client),
#                                              what one object says of another, hardening
#   manifests.py compose <RENDERED             the same of a compose file as docker-compose shows it
#   manifests.py pod OUT <RENDERED             what the container is given, laid out as OUT/root, and
#   manifests.py service OUT <RENDERED         its commands as shell words in OUT/words
#
# A line for each fault; no line and exit code 0 if there is none.
import ast
import base64
import os
import re
import shlex
import sys

import yaml

faults = []


def fault(text):
    faults.append(text)


def same(got, wanted, what):
    if got != wanted:
        fault(f"{what}: is {got!r}, should be {wanted!r}")


# ---- the published API -----------------------------------------------------------------------


class Api:
    """The classes that Kubernetes' generator made from its API, read without running them."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {f[:-3].replace("_", ""): f for f in os.listdir(folder) if f.endswith(".py")}
        self.known = {}

    def find(self, name):
        """{JSON name: type}, and the JSON names that must be there. None if there is no such."""
        if name in self.known:
            return self.known[name]
        file = self.files.get(name.lower())
        if not file:
            return None
        with open(os.path.join(self.folder, file), encoding="utf-8") as f:
            text = f.read()
        tables = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if node.targets[0].id in ("openapi_types", "attribute_map"):
                    tables[node.targets[0].id] = ast.literal_eval(node.value)
        json = tables["attribute_map"]
        needed = re.findall(r"Invalid value for `(\w+)`, must not be `None`", text)
        self.known[name] = (
            {json[n]: t for n, t in tables["openapi_types"].items()},
            {json[n] for n in needed if n in json},
        )
        return self.known[name]

    def check(self, value, kind, where):
        simple = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}
        if value is None:
            fault(f"{where}: is empty")
        elif kind.startswith("list["):
            if not isinstance(value, list):
                fault(f"{where}: should be a list")
                return
            for i, item in enumerate(value):
                self.check(item, kind[5:-1], f"{where}[{i}]")
        elif kind.startswith("dict("):
            if not isinstance(value, dict):
                fault(f"{where}: should be a mapping")
                return
            for name, item in value.items():
                self.check(item, kind[5:-1].split(", ")[1], f"{where}.{name}")
        elif kind in simple:
            if not isinstance(value, simple[kind]) or (kind == "int" and isinstance(value, bool)):
                fault(f"{where}: should be of type {kind}")
        elif self.find(kind) is None:
            fault(f"{where}: the API has no {kind}")
        elif not isinstance(value, dict):
            fault(f"{where}: should be a mapping ({kind})")
        else:
            members, needed = self.find(kind)
            for name, item in value.items():
                if name in members:
                    self.check(item, members[name], f"{where}.{name}")
                else:
                    fault(f"{where}.{name}: {kind} has no such member")
            for name in sorted(needed - set(value)):
                fault(f"{where}.{name}: is missing ({kind})")


# ---- Kubernetes ------------------------------------------------------------------------------


def named(objects, kind, name=None):
    for o in objects:
        if o["kind"] == kind and name in (None, o["metadata"]["name"]):
            return o
    fault(f"there is no {kind} {name or ''}")
    return {"metadata": {}, "spec": {}}


def check_objects(objects):
    """What one says of another."""
    workload = named(objects, "StatefulSet")["spec"]
    pod = workload["template"]
    labels = pod["metadata"]["labels"]
    container = pod["spec"]["containers"][0]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    mounts = {m["name"] for m in container["volumeMounts"]}
    selectors = {"StatefulSet": workload["selector"]["matchLabels"]}
    for o in objects:
        kind, name, spec = o["kind"], o["metadata"]["name"], o.get("spec", {})
        if kind != "Namespace":
            same(o["metadata"].get("namespace"), "licensing", f"{kind} {name}: its namespace")
        if kind == "Service":
            selectors[f"{kind} {name}"] = spec["selector"]
            for p in spec["ports"]:
                same(p["port"], ports.get(p["targetPort"]), f"{kind} {name}: the port's target")
        elif kind == "PodDisruptionBudget":
            selectors[kind] = spec["selector"]["matchLabels"]
            same(spec["minAvailable"], workload["replicas"] - 1, "budget: one at a time")
        elif kind == "NetworkPolicy":
            selectors[kind] = spec["podSelector"]["matchLabels"]
            same(spec["policyTypes"], ["Ingress", "Egress"], "network: both ways are closed")
            asked = {p["port"] for rule in spec["ingress"] for p in rule["ports"]}
            same(asked, set(ports.values()), "network: ports that may be asked")
            same({p["port"] for rule in spec["egress"] for p in rule["ports"]}, {53, 443},
                 "network: ports that it may ask")
            if not all(rule.get("from") for rule in spec["ingress"]) or not all(
                    rule.get("to") for rule in spec["egress"]):
                fault("network: a rule is open to all")
    for who, selector in selectors.items():
        for key, value in selector.items():
            same(labels.get(key), value, f"{who}: selects the pods by {key}")
    status = named(objects, "Service", workload["serviceName"])
    same(status["spec"].get("clusterIP"), "None", "the StatefulSet's service is headless")
    volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
    claims = {c["metadata"]["name"] for c in workload["volumeClaimTemplates"]}
    same(mounts, set(volumes) | claims, "what is mounted")
    for v in volumes.values():
        if "secret" in v:
            named(objects, "Secret", v["secret"]["secretName"])
        if "configMap" in v:
            named(objects, "ConfigMap", v["configMap"]["name"])
    check_hardening(pod["spec"], container)


def check_hardening(pod, container):
    """Pod Security Standards, profile restricted, and more."""
    for name, wanted in {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532,
                         "fsGroupChangePolicy": "OnRootMismatch",
                         "seccompProfile": {"type": "RuntimeDefault"}}.items():
        same(pod["securityContext"].get(name), wanted, f"pod: {name}")
    same(container["securityContext"], {"allowPrivilegeEscalation": False,
                                        "readOnlyRootFilesystem": True,
                                        "capabilities": {"drop": ["ALL"]}}, "container")
    same(pod.get("automountServiceAccountToken"), False, "pod: automountServiceAccountToken")
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        same(name in pod, False, f"pod: has {name}")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        # "probe" gives up after 5 s by itself.
        if container[probe]["timeoutSeconds"] <= 5:
            fault(f"{probe}: ends before the command does")
        same(container[probe]["exec"]["command"][:2], ["/license-proxy", "probe"], probe)
    if container["resources"].get("limits", {}).get("memory") is None:
        fault("container: has no bound for memory")


def kubernetes(models):
    objects = list(yaml.safe_load_all(sys.stdin))
    api = Api(models)
    for o in objects:
        group, _, version = o["apiVersion"].rpartition("/")
        kind = version.capitalize() + o["kind"]
        api.check(o, kind, f'{group}/{kind} {o["metadata"]["name"]}')
    for kind in ("Namespace", "ConfigMap", "Secret", "Service", "NetworkPolicy"):
        named(objects, kind)
    if not faults:
        check_objects(objects)


# ---- compose ---------------------------------------------------------------------------------


def compose():
    file = yaml.safe_load(sys.stdin)
    proxy = file["services"]["license-proxy"]
    for name, wanted in {"user": "65532:65532", "read_only": True, "cap_drop": ["ALL"],
                         "security_opt": ["no-new-privileges:true"], "restart": "unless-stopped",
                         "secrets": [{"source": "license-key"}]}.items():
        same(proxy.get(name), wanted, f"license-proxy: {name}")
    same(proxy["healthcheck"]["test"], ["CMD", "/license-proxy", "probe"], "health check")
    for name in ("mem_limit", "pids_limit", "stop_grace_period", "logging"):
        if name not in proxy:
            fault(f"license-proxy: has no {name}")
    for name in ("privileged", "cap_add", "environment", "network_mode", "pid"):
        same(name in proxy, False, f"license-proxy: has {name}")
    same([n for n in file["services"]["service"]["networks"]
          if not (file["networks"][n] or {}).get("internal")], [], "the service's ways out")
    same([n for n in file["services"]["service"]["networks"] if n not in proxy["networks"]], [],
         "networks of the service that the proxy isn't on")


# ---- what a container is given ---------------------------------------------------------------


def put(out, path, content):
    path = f"{out}/root{path}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def words(out, **lists):
    with open(f"{out}/words", "w", encoding="utf-8") as f:
        for name, items in lists.items():
            f.write(f"{name}=({' '.join(map(shlex.quote, items))})\n")


def pod(out):
    objects = list(yaml.safe_load_all(sys.stdin))
    spec = named(objects, "StatefulSet")["spec"]["template"]["spec"]
    container = spec["containers"][0]
    volumes = {v["name"]: v for v in spec["volumes"]}
    states, secrets = [], []
    for mount in container["volumeMounts"]:
        v, path = volumes.get(mount["name"], {}), mount["mountPath"]
        if "configMap" in v:
            files = named(objects, "ConfigMap", v["configMap"]["name"])["data"]
            files = {name: text.encode() for name, text in files.items()}
        elif "secret" in v:
            files = named(objects, "Secret", v["secret"]["secretName"])["data"]
            files = {name: base64.b64decode(text) for name, text in files.items()}
            secrets += [f"{path}/{name}" for name in files]
        else:
            states.append(path)
            continue
        for name, content in files.items():
            put(out, f"{path}/{name}", content)
    words(out, command=["/license-proxy", *container["args"]], states=states, secrets=secrets,
          startup=container["startupProbe"]["exec"]["command"],
          live=container["livenessProbe"]["exec"]["command"],
          ready=container["readinessProbe"]["exec"]["command"])


def service(out):
    file = yaml.safe_load(sys.stdin)
    proxy = file["services"]["license-proxy"]
    states, secrets = [], []
    for volume in proxy["volumes"]:
        source, path, _ = volume.split(":")
        if source in file["volumes"]:
            states.append(path)
        else:
            with open(source, "rb") as f:
                put(out, path, f.read())
    for secret in proxy["secrets"]:
        path = f'/run/secrets/{secret["source"]}'
        with open(file["secrets"][secret["source"]]["file"], "rb") as f:
            put(out, path, f.read())
        secrets.append(path)
    health = proxy["healthcheck"]["test"][1:]
    words(out, command=["/license-proxy", *proxy["command"]], states=states, secrets=secrets,
          startup=health, live=health, ready=health)


{"kubernetes": kubernetes, "compose": compose, "pod": pod, "service": service}[sys.argv[1]](
    *sys.argv[2:])
print("".join(f"{f}\n" for f in faults), end="")
sys.exit(bool(faults))
