"""The Kubernetes manifests: valid by the published schemas, whole, and locked down."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import uvicorn
import yaml

from jobs.figures import FIGURES
from tests.deployment import CARDS, KUBERNETES, ROOT, command_of, example, images, services
from tests.unit.test_compose import CELERY_ENDS, OF_A_CARD, OWN, SETTINGS

VERSIONS = ["1.30", "1.37"]
KEDA = "keda.sh/v1alpha1"
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))
GPU = KUBERNETES / "gpu"
COMPONENT = yaml.safe_load((GPU / "kustomization.yaml").read_text(encoding="utf-8"))
GENERATED = {"configMapGenerator": "settings.env", "secretGenerator": "secrets.env"}

REFERENCE = re.compile(r"\$\(([A-Z_]+)\)")
OF_UVICORN = {"FORWARDED_ALLOW_IPS"}

Object = dict[str, Any]


def documents() -> list[Object]:
    """Every object, in the order in which its kustomization names its file; cards' come last."""
    files = [KUBERNETES / name for name in KUSTOMIZATION["resources"]]
    files += [GPU / name for name in COMPONENT["resources"]]
    return [one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def of_kind(kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in documents() if one["kind"] == kind}


def pods() -> dict[str, Object]:
    """The pod of each Deployment and Job, by name."""
    owners = of_kind("Deployment") | of_kind("Job")
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def containers() -> list[tuple[str, Object]]:
    found = [
        (name, pod, key) for name, pod in pods().items() for key in ("initContainers", "containers")
    ]
    return [(name, one) for name, pod, key in found for one in pod.get(key, [])]


def settings(file: str) -> dict[str, str]:
    lines = (KUBERNETES / file).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_by_the_schema_of_kubernetes(version: str) -> None:
    checked = [one for one in documents() if one["apiVersion"] != KEDA]
    assert len(checked) > 10
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = of_kind("Deployment")["api"]
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 20
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_every_file_is_named_and_every_name_is_a_file() -> None:
    for folder, named in ((KUBERNETES, KUSTOMIZATION), (GPU, COMPONENT)):
        files = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert files == set(named["resources"])


def test_every_name_that_is_referred_to_exists() -> None:
    generated = {KUSTOMIZATION[kind][0]["name"] for kind in GENERATED}
    for name, container in containers():
        for source in container["envFrom"]:
            (reference,) = source.values()
            assert reference["name"] in generated, name
        volumes = {volume["name"] for volume in pods()[name]["volumes"]}
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, name
    for path in of_kind("Ingress")["api"]["spec"]["rules"][0]["http"]["paths"]:
        assert path["backend"]["service"]["name"] in of_kind("Service")
        assert path["backend"]["service"]["port"]["name"] == "http"
    for name, scaled in of_kind("ScaledObject").items():
        assert scaled["spec"]["scaleTargetRef"]["name"] in of_kind("Deployment"), name


def test_every_selector_finds_the_pods_it_means() -> None:
    labels = {
        n: d["spec"]["template"]["metadata"]["labels"] for n, d in of_kind("Deployment").items()
    }
    for name, one in (of_kind("Deployment") | of_kind("PodDisruptionBudget")).items():
        assert one["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    assert of_kind("Service")["api"]["spec"]["selector"].items() <= labels["api"].items()
    assert set(of_kind("PodDisruptionBudget")) == set(labels)
    policy = of_kind("NetworkPolicy")["api"]["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels["api"].items()


def test_settings_and_secrets_are_settings_of_the_code_and_no_secret_has_a_value() -> None:
    assert set(settings("settings.env")) <= SETTINGS | OF_UVICORN
    assert set(settings("secrets.env.example")) <= SETTINGS
    assert set(settings("secrets.env.example").values()) == {""}
    for _, container in containers():
        assert {one["name"] for one in container.get("env", [])} <= SETTINGS


INGRESS, CLIENT, LIE = "10.4.2.9", "203.0.113.5", "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "said", "seen"),
    [
        (INGRESS, CLIENT, CLIENT),
        (INGRESS, f"{LIE}, {CLIENT}", CLIENT),  # one that adds to what a client says of itself
        (INGRESS, f"{LIE}, {CLIENT}, 192.168.7.1", CLIENT),  # and a balancer before it
        ("fd12:1::7", "2001:db8::5", "2001:db8::5"),
        (INGRESS, "", INGRESS),
        (CLIENT, LIE, CLIENT),  # past the ingress
    ],
)
def test_the_ingress_alone_says_where_a_client_is(
    monkeypatch: pytest.MonkeyPatch, peer: str, said: str, seen: str
) -> None:
    """By uvicorn itself, with the variable that it reads."""
    for name in OF_UVICORN:
        monkeypatch.setenv(name, settings("settings.env")[name])
    assert not {"--forwarded-allow-ips", "--no-proxy-headers"} & set(images()["api"].command)
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["client"][0])

    server = uvicorn.Config(app, lifespan="off", interface="asgi3", log_config=None)
    server.load()
    headers = [(b"x-forwarded-for", said.encode())] if said else []
    scope: Any = {"type": "http", "client": (peer, 1), "headers": headers}
    nothing: Any = None
    asyncio.run(server.loaded_app(scope, nothing, nothing))
    assert found == [seen]


def test_only_the_ingress_and_prometheus_reach_the_api() -> None:
    """Whom uvicorn believes is a matter of addresses, which any pod has."""
    (rule,) = of_kind("NetworkPolicy")["api"]["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert all(list(source) == ["namespaceSelector"] for source in rule["from"])
    labels = [source["namespaceSelector"]["matchLabels"] for source in rule["from"]]
    assert labels == [
        {"kubernetes.io/metadata.name": name} for name in ("ingress-nginx", "monitoring")
    ]


def test_nothing_runs_as_root_or_writes_its_image() -> None:
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
    for name, container in containers():
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True, name
        assert locked["allowPrivilegeEscalation"] is False, name
        assert locked["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["limits"]["memory"], name


def filled(word: str) -> str:
    """As Kubernetes fills it in."""
    return REFERENCE.sub(lambda found: settings("settings.env")[found[1]], word)


def test_pods_run_the_images_and_commands_of_compose() -> None:
    for name, pod in pods().items():
        (container,) = pod["containers"]
        image = container["image"].removeprefix("voicemill/")
        assert image in images(), name
        ours = container.get("command") or images()[image].command
        assert list(map(filled, ours)) == command_of(services()[name]), name
    tags = {one["name"]: one["newTag"] for one in KUSTOMIZATION["images"]}
    assert set(tags) == {container["image"] for _, container in containers()}
    assert f'version = "{tags["voicemill/api"]}"' in (ROOT / "pyproject.toml").read_text()


def test_a_worker_with_a_card_asks_for_one_and_only_reads_its_models() -> None:
    asking = {
        name
        for name, one in containers()
        if one["resources"]["limits"].get("nvidia.com/gpu") is not None
    }
    assert asking == CARDS
    for name in CARDS:
        (container,) = pods()[name]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "models"]
        assert mount == {"name": "models", "mountPath": "/models", "readOnly": True}
        volumes = {one["name"]: one for one in pods()[name]["volumes"]}
        assert volumes["models"]["persistentVolumeClaim"]["readOnly"] is True


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_worker_with_a_card_goes_by_its_image_whatever_the_settings_say(name: str) -> None:
    (container,) = pods()[name]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    own = {OWN[name]: services()[name]["environment"][OWN[name]]} if name in OWN else {}
    image = images()[name].environment
    assert told == {setting: image[setting] for setting in OF_A_CARD} | own


def test_one_xtts_worker_takes_as_many_jobs_as_its_batch_has_slots() -> None:
    (container,) = pods()["gpu-xtts"]["containers"]
    assert container["command"][container["command"].index("-c") + 1] == "$(BATCH_SLOTS)"
    assert settings("settings.env")["BATCH_SLOTS"] == example()["BATCH_SLOTS"]


def test_no_pod_starts_on_a_schema_that_is_not_there_yet() -> None:
    for name in of_kind("Deployment"):
        (waiting,) = pods()[name]["initContainers"]
        assert waiting["command"] == ["python", "manage.py", "migrate", "--check"]
        assert waiting["image"] == pods()[name]["containers"][0]["image"]
    assert pods()["prepare"]["containers"][0]["command"][-1] == "deploy.prepare"


def test_probes_ask_where_the_api_answers_whatever_the_host_name() -> None:
    (api,) = pods()["api"]["containers"]
    paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        assert api[probe]["httpGet"] == {"path": path, "port": "http"}
    assert {port["name"] for port in api["ports"]} == {"http"}


def test_a_worker_is_given_the_time_it_takes_to_drain() -> None:
    everybodys = int(settings("settings.env")["DRAIN_SECONDS"])
    assert everybodys == int(example()["DRAIN_SECONDS"])
    for name in ("cpu", "media", *CARDS):
        (container,) = pods()[name]["containers"]
        own = {one["name"]: one["value"] for one in container.get("env", [])}
        drain = int(own.get("DRAIN_SECONDS", everybodys))
        grace = pods()[name]["terminationGracePeriodSeconds"]
        assert drain + CELERY_ENDS <= grace <= drain + 2 * CELERY_ENDS, name


def test_each_class_of_workers_grows_with_the_seconds_of_work_in_its_queue() -> None:
    scaled = of_kind("ScaledObject")
    assert set(scaled) == {"cpu", "media", *CARDS}
    for name, one in scaled.items():
        assert one["apiVersion"] == KEDA
        (trigger,) = one["spec"]["triggers"]
        assert trigger["type"] == "prometheus"
        metadata = trigger["metadata"]
        queue = name.replace("gpu-", "gpu.")
        assert f'voicemill_queue_seconds{{queue="{queue}"}}' in metadata["query"]
        assert metadata["serverAddress"].startswith("http://")
        assert all(isinstance(value, str) for value in metadata.values())
        assert float(metadata["threshold"]) > 0
        assert 1 <= one["spec"]["minReplicaCount"] <= one["spec"]["fallback"]["replicas"]
        assert one["spec"]["fallback"]["replicas"] <= one["spec"]["maxReplicaCount"]
        assert "replicas" not in of_kind("Deployment")[name]["spec"]  # or each apply sets it back


def test_a_training_that_runs_is_not_scaled_away() -> None:
    """It counts as a worker's share of what waits; the gauge says zero where none runs."""
    scaled = of_kind("ScaledObject")["gpu-train"]["spec"]
    metadata = scaled["triggers"][0]["metadata"]
    running = 'max(voicemill_queue_slots_used{queue="gpu.train"})'
    assert metadata["query"].endswith(f" + {metadata['threshold']} * {running}")
    assert "voicemill_queue_slots_used" in FIGURES
    scaler = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert scaler["scaleDown"]["stabilizationWindowSeconds"] == 3600  # as long as one may


def test_the_public_address_shows_neither_metrics_nor_readiness() -> None:
    rules = of_kind("Ingress")["api"]["spec"]["rules"]
    public = {path["path"] for rule in rules for path in rule["http"]["paths"]}
    assert public == {"/api", "/admin", "/static"}


def test_by_default_nobody_comes_in() -> None:
    policies = of_kind("NetworkPolicy")
    closed = policies["by-default"]["spec"]
    assert (closed["podSelector"], closed.get("ingress")) == ({}, None)
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert set(policies) == {"by-default", "api"}
