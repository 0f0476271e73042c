"""The commands of docs/kubernetes.md, as they stand there, one after the other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from node import Node
from plant import REPOSITORY, Certificates, Token

PAGE = REPOSITORY / "docs" / "kubernetes.md"
# test_nodes.py drains: the only node of this cluster cannot be emptied to the end.
ELSEWHERE = ("kubectl drain",)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documentation")
    (made / "helm").symlink_to(REPOSITORY / "helm")
    certificates = Certificates(made / "pki", "inspection")
    for path in (certificates.ca, certificates.certificate, certificates.key):
        shutil.copy(path, made)
    token = Token("line-3")
    (made / "token").write_text(token.secret)
    (made / "tokens.yaml").write_text("- " + ", ".join(f"{k}: {v}" for k, v in token.entry.items()).join("{}") + "\n")
    values = next(block for block in blocks("yaml") if block.startswith("replicas"))
    # Two pods and a test beside them, on two cores.
    (made / "plant.yaml").write_text(
        values + "resources: {requests: {cpu: 50m, memory: 256Mi}}\nconfig: {compute_threads: 1}\n"
    )
    return made


def test_commands_do_what_the_page_says(node: Node, folder: Path) -> None:
    commands = [block for block in blocks("sh") if not block.startswith(ELSEWHERE)]
    assert len(commands) == len(blocks("sh")) - len(ELSEWHERE)
    said = [node.run("bash", "-euo", "pipefail", "-c", f"cd {folder}\n{block}") for block in commands]
    everything = "\n".join(said)
    for expected in (
        "STATUS: deployed",
        "TEST SUITE:     plant-bayespfl-inspector-test",
        "Rollback was a success",
        "uninstalled",
        "bayespfl_frames_total",
    ):
        assert expected in everything, expected
    # /readyz.
    assert "ok" in everything.splitlines()
    assert node.get("deployments", namespace="inspection")["items"] == []
    node.kubectl("delete", "namespace", "inspection")
