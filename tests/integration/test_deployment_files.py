"""compose.yaml and the manifests, read by the programs that will read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.deployment import CARDS, COMPOSE, EXAMPLE, KUBERNETES, ROOT, to_fill_in
from tests.tools import needs

if TYPE_CHECKING:
    from pathlib import Path

COMPOSER = shutil.which("docker-compose")
KUBECTL = shutil.which("kubectl")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """compose.yaml beside a .env whose passwords somebody has filled in."""
    shutil.copy(COMPOSE, tmp_path)
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    wanted = {f"{name}=" for name in to_fill_in()}
    (tmp_path / ".env").write_text("\n".join(f"{x}filled" if x in wanted else x for x in lines))
    return tmp_path


def composed(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    assert COMPOSER
    return subprocess.run(
        [COMPOSER, "-f", "compose.yaml", "config", *words],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


@needs("docker-compose")
def test_compose_accepts_the_file_and_wants_each_password(project: Path) -> None:
    done = composed(project, "-q")
    assert done.returncode == 0, done.stderr
    whole = (project / ".env").read_text()
    for name in to_fill_in():
        (project / ".env").write_text(whole.replace(f"{name}=filled", f"{name}="))
        refused = composed(project, "-q")
        assert refused.returncode != 0, name
        assert f"set {name} in .env" in refused.stderr


@needs("docker-compose")
def test_what_compose_makes_of_the_file_is_what_is_meant(project: Path) -> None:
    told = yaml.safe_load(composed(project).stdout)["services"]
    assert told["api"]["environment"]["REDIS_URL"] == "redis://:filled@redis:6379/0"
    assert told["media"]["environment"]["ENGINES"] == ""
    assert told["object-store"]["environment"]["RCLONE_AUTH_KEY"] == '"filled,filled"'
    assert "S3_SECRET_KEY" not in told["flower"]["environment"]
    assert {port for one in told.values() for port in one.get("ports", [])} == {
        "127.0.0.1:8000:8000/tcp",
        "127.0.0.1:5555:5555/tcp",
        "127.0.0.1:9000:9000/tcp",
        "127.0.0.1:9090:9090/tcp",
        "127.0.0.1:3000:3000/tcp",
    }


@needs("kubectl")
def test_kustomize_builds_the_manifests(tmp_path: Path) -> None:
    """`kubectl kustomize` reads files alone: no cluster is asked."""
    folder = shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    shutil.copy(folder / "secrets.env.example", folder / "secrets.env")
    assert KUBECTL
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    secret = next(one for one in built if one["kind"] == "Secret")
    api = next(
        one for one in built if one["kind"] == "Deployment" and one["metadata"]["name"] == "api"
    )
    container = api["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "voicemill/api:0.1.0"
    assert container["envFrom"][1]["secretRef"]["name"] == secret["metadata"]["name"]
    assert {one["metadata"].get("namespace", "voicemill") for one in built} == {"voicemill"}
    assert not [one for one in built if one["metadata"]["name"].startswith("gpu-")]


@needs("kubectl")
def test_kustomize_adds_the_workers_with_cards_where_they_are_asked_for(tmp_path: Path) -> None:
    folder = shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    shutil.copy(folder / "secrets.env.example", folder / "secrets.env")
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text().replace("# components: [gpu]", "components: [gpu]"))
    assert KUBECTL
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    built = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}
    for name in CARDS:
        pod = built["Deployment", name]["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == f"voicemill/{name}:0.1.0"
        assert built["ScaledObject", name]["metadata"]["namespace"] == "voicemill"
        assert ("PodDisruptionBudget", name) in built
