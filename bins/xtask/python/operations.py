"""What runs oO holds together: Compose, Kubernetes, Terraform, Prometheus, Grafana and the forge's workflow, without network.

`cargo xtask test operations` runs it. Kubernetes' objects are held against its own schemas after the overlays are put
together here: as kustomize does, as far as compose/k8s needs it.
"""

import copy
import importlib.util
import json
import re
import unittest
from pathlib import Path

import hcl2
import jsonschema
import kubernetes_validate
import promql_parser
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "compose"
KUBERNETES = "1.37"
SERVICES = ["gateway", "auth", "integrations", "events", "profile", "recommender", "notifier", "trainer"]


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, as Compose does."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"{twice} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read(path):
    return yaml.load(path.read_text(), Strict)


def vendored_schema(name):
    # Its data is all that we want of that package: it is not imported, so that what its commands stand on is not installed.
    package = Path(importlib.util.find_spec("check_jsonschema").origin).parent
    return json.loads((package / "builtin_schemas" / "vendor" / f"{name}.json").read_text())


class Compose(unittest.TestCase):
    services = read(COMPOSE / "compose.yaml")["services"]

    def test_it_is_what_compose_understands(self):
        jsonschema.validate(read(COMPOSE / "compose.yaml"), vendored_schema("compose-spec"))

    def test_every_container_has_only_the_rights_it_needs_and_an_end_to_its_log(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertIn("max-size", service["logging"]["options"])
                # Our own image has a user; others name one.
                if service["image"] != "oo:local" and not service["image"].startswith("nats"):
                    self.assertNotIn(str(service["user"]).split(":")[0], ["", "0", "root"])

    def test_only_the_public_way_in_is_open_to_others(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(name == "caddy" or port.startswith("127.0.0.1:"), f"{name}: {port}")

    def test_what_a_profile_mounts_is_there(self):
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((COMPOSE / source).exists(), f"{name}: {source}")

    def test_trying_it_names_the_file_that_integrations_reads(self):
        lines = (line for line in (COMPOSE / "try.env").read_text().splitlines() if line and not line.startswith("#"))
        settings = dict(line.split("=", 1) for line in lines)
        self.assertEqual(settings["COMPOSE_PROFILES"], "try")
        self.assertTrue((COMPOSE / settings["OO_ACCOUNTS"]).exists())
        self.assertIn("${OO_ACCOUNTS:-./settings.env}", self.services["integrations"]["env_file"])


class Watching(unittest.TestCase):
    dashboards = sorted((COMPOSE / "watch/grafana/dashboards").glob("*.json"))
    prometheus = COMPOSE / "watch/prometheus"

    def test_prometheus_asks_every_service(self):
        [job] = read(self.prometheus / "prometheus.yaml")["scrape_configs"]
        asked = [target["labels"]["service"] for target in job["static_configs"]]
        self.assertEqual(asked, SERVICES)
        self.assertEqual([t["targets"] for t in job["static_configs"]], [[f"{name}:8080"] for name in SERVICES])

    def test_every_alert_can_be_asked_and_says_how_urgent_it_is(self):
        [group] = read(self.prometheus / "alerts.yaml")["groups"]
        for rule in group["rules"]:
            with self.subTest(rule["alert"]):
                promql_parser.parse(rule["expr"])
                self.assertIn(rule["labels"]["severity"], ["page", "ticket"])
                self.assertTrue(rule["annotations"]["summary"])

    def test_every_panel_can_be_asked_and_has_a_place_of_its_own(self):
        self.assertEqual(len(self.dashboards), 3)
        for path in self.dashboards:
            board, taken = json.loads(path.read_text()), set()
            for panel in board["panels"]:
                with self.subTest(f"{path.name}: {panel['title']}"):
                    for target in panel["targets"]:
                        asked = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1d")
                        promql_parser.parse(asked)
                    at = panel["gridPos"]
                    place = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
                    self.assertFalse(place & taken)
                    self.assertLessEqual(at["x"] + at["w"], 24)
                    taken |= place

    def test_dashboards_ask_the_source_that_is_set_up(self):
        [source] = read(COMPOSE / "watch/grafana/provisioning/datasources/prometheus.yaml")["datasources"]
        for path in self.dashboards:
            for panel in json.loads(path.read_text())["panels"]:
                self.assertEqual(panel["datasource"]["uid"], source["uid"])


def merged(base, patch):
    """A strategic merge: maps key by key, lists of named things by name, everything else replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: merged(base[key], value) if key in base else value for key, value in patch.items()}
    if isinstance(base, list) and isinstance(patch, list) and all("name" in one for one in base + patch if isinstance(one, dict)):
        if all(isinstance(one, dict) for one in base + patch):
            names = {one["name"]: one for one in base}
            return list((names | {one["name"]: merged(names.get(one["name"], {}), one) for one in patch}).values())
    return copy.deepcopy(patch)


def built(folder, test):
    """All objects of an overlay. Whatever lies in its folder must be used."""
    told = read(folder / "kustomization.yaml")
    known = {"apiVersion", "kind", "namespace", "resources", "patches", "replicas"}
    test.assertLessEqual(set(told), known, f"{folder}: teach this test the rest")
    used, objects = {"kustomization.yaml"}, []
    for resource in told["resources"]:
        if (folder / resource).is_dir():
            objects += built(folder / resource, test)
        else:
            used.add(resource)
            objects += list(yaml.safe_load_all((folder / resource).read_text()))
    for patch in told.get("patches", []):
        used.add(patch["path"])
        target, change = patch["target"], read(folder / patch["path"])
        fits = [o for o in objects if o["kind"] == target["kind"] and target.get("name", o["metadata"]["name"]) == o["metadata"]["name"]]
        test.assertTrue(fits, f"{patch['path']} changes nothing")
        for one in fits:
            name = one["metadata"]["name"]
            one.update(merged(one, change))
            one["metadata"]["name"] = name
    for replicas in told.get("replicas", []):
        [one] = [o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == replicas["name"]]
        one["spec"]["replicas"] = replicas["count"]
    test.assertEqual({path.name for path in folder.glob("*.yaml")}, used, f"{folder}: something in it is used by nothing")
    return objects


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.overlays = {name: built(COMPOSE / "k8s" / name, self) for name in ["one-node", "cluster"]}

    def every(self, *kinds):
        for overlay, objects in self.overlays.items():
            for one in objects:
                if not kinds or one["kind"] in kinds:
                    yield f"{overlay}: {one['kind']} {one['metadata']['name']}", one

    def of(self, overlay, kind):
        return {one["metadata"]["name"]: one for one in self.overlays[overlay] if one["kind"] == kind}

    def test_every_object_is_what_kubernetes_understands(self):
        for name, one in self.every():
            with self.subTest(name):
                kubernetes_validate.validate(one, KUBERNETES, strict=True)

    def test_no_object_is_there_twice(self):
        for objects in self.overlays.values():
            names = [(one["kind"], one["metadata"]["name"]) for one in objects]
            self.assertEqual(len(names), len(set(names)))

    def test_every_service_runs_and_every_container_has_only_the_rights_it_needs(self):
        for overlay in self.overlays:
            self.assertEqual(list(self.of(overlay, "Deployment")), SERVICES)
        for name, one in self.every("Deployment", "StatefulSet"):
            with self.subTest(name):
                pod = one["spec"]["template"]["spec"]
                self.assertFalse(pod["automountServiceAccountToken"])
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertGreater(pod["securityContext"]["runAsUser"], 0)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"]:
                    rights = container["securityContext"]
                    self.assertFalse(rights["allowPrivilegeEscalation"])
                    self.assertTrue(rights["readOnlyRootFilesystem"])
                    self.assertEqual(rights["capabilities"], {"drop": ["ALL"]})
                    self.assertIn("memory", container["resources"]["limits"])
                    self.assertLessEqual({"startupProbe", "readinessProbe", "livenessProbe"}, set(container))

    def test_what_selects_finds_and_what_is_mounted_is_there(self):
        for overlay in self.overlays:
            pods = {}
            for kind in ["Deployment", "StatefulSet"]:
                for name, one in self.of(overlay, kind).items():
                    labels = one["spec"]["template"]["metadata"]["labels"]
                    self.assertEqual(one["spec"]["selector"]["matchLabels"], labels, name)
                    pods[labels["app.kubernetes.io/name"]] = one["spec"]["template"]["spec"]
                    spec = one["spec"]["template"]["spec"]
                    there = {volume["name"] for volume in spec["volumes"] if len(volume) == 2} if "volumes" in spec else set()
                    there |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
                    for container in spec["containers"]:
                        self.assertLessEqual({mount["name"] for mount in container["volumeMounts"]}, there, name)
            for name, service in self.of(overlay, "Service").items():
                ports = [port["name"] for c in pods[service["spec"]["selector"]["app.kubernetes.io/name"]]["containers"] for port in c["ports"]]
                for port in service["spec"]["ports"]:
                    self.assertIn(port["targetPort"], ports, name)
            for budget in self.of(overlay, "PodDisruptionBudget").values():
                self.assertIn(budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"], pods)
            for scaler in self.of(overlay, "HorizontalPodAutoscaler").values():
                self.assertIn(scaler["spec"]["scaleTargetRef"]["name"], self.of(overlay, "Deployment"))

    def test_a_cluster_keeps_three_copies_and_three_profile_nodes(self):
        self.assertEqual(self.of("cluster", "StatefulSet")["nats"]["spec"]["replicas"], 3)
        self.assertEqual(self.of("cluster", "ConfigMap")["settings"]["data"]["OO_LOG__REPLICAS"], "3")
        self.assertEqual(self.of("cluster", "HorizontalPodAutoscaler")["profile"]["spec"]["minReplicas"], 3)
        self.assertNotIn("replicas", self.of("one-node", "StatefulSet")["nats"]["spec"])

    def test_settings_are_those_of_compose(self):
        compose = {line.split("=")[0] for line in (COMPOSE / "settings.env").read_text().splitlines() if line.startswith("OO_")}
        theirs = set(self.of("one-node", "ConfigMap")["settings"]["data"])
        # Loopback is for trying alone; the proxy before the door is there in a cluster always.
        self.assertEqual(compose - {"OO_NOTIFIER__LOOPBACK"}, theirs - {"OO_GATEWAY__PROXIES"})


class Machine(unittest.TestCase):
    folder = COMPOSE / "terraform"

    def parsed(self):
        blocks = {}
        for path in sorted(self.folder.glob("*.tf")):
            with path.open() as file:
                for kind, found in hcl2.load(file).items():
                    blocks.setdefault(kind, []).extend(found)
        return blocks

    def test_every_variable_is_told_and_used_and_every_one_used_is_there(self):
        blocks = self.parsed()
        text = "\n".join(path.read_text() for path in sorted(self.folder.glob("*.tf")))
        names = set()
        for variable in blocks["variable"]:
            for name, body in variable.items():
                if name.startswith("__"):
                    continue
                name = name.strip('"')
                names.add(name)
                self.assertTrue(body["description"], name)
                self.assertIn(f"var.{name}", text)
        self.assertEqual(names, set(re.findall(r"\bvar\.(\w+)", text)))

    def test_the_first_start_is_what_cloud_init_understands(self):
        text = (self.folder / "cloud-init.yaml").read_text()
        self.assertTrue(text.startswith("#cloud-config\n"))
        # Without what Terraform fills in.
        told = yaml.safe_load(re.sub(r"\$\{(\w+)\}", r"\1", text))
        self.assertTrue(all(isinstance(command, str) for command in told["runcmd"]))
        filled = set(re.findall(r"\$\{(\w+)\}", text))
        [template] = re.findall(r"templatefile\(.*?, \{(.*?)\}\)", (self.folder / "main.tf").read_text(), re.DOTALL)
        self.assertEqual(filled, set(re.findall(r"(\w+)\s+=", template)))


class Forge(unittest.TestCase):
    def test_the_workflow_is_what_the_forge_understands_and_runs_the_one_command(self):
        # To YAML 1.1 the key `on` is a truth value.
        workflow = {"on" if key is True else key: value for key, value in read(ROOT / ".github/workflows/ci.yaml").items()}
        jsonschema.validate(workflow, vendored_schema("github-workflows"))
        steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
        self.assertIn("bash .ci/run", steps)


if __name__ == "__main__":
    unittest.main()
