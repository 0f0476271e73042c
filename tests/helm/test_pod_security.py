"""The check itself: each rule finds the pod that breaks it alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pod_security import pod_of, violations

GOOD: dict[str, Any] = {
    "metadata": {},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [
            {
                "name": "c",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "ports": [{"containerPort": 1}],
                "livenessProbe": {"httpGet": {"path": "/", "port": 1}},
            }
        ],
    },
}

POD = ("spec",)
CONTAINER = ("spec", "containers", 0)
CONTEXT = (*CONTAINER, "securityContext")


def _with(path: tuple[str | int, ...], key: str, value: Any) -> dict[str, Any]:
    pod = copy.deepcopy(GOOD)
    node: Any = pod
    for step in path:
        node = node[step]
    if value is None:
        del node[key]
    else:
        node[key] = value
    return pod


@pytest.mark.parametrize(
    ("path", "key", "value", "complaint"),
    [
        (POD, "hostNetwork", True, "hostNetwork"),
        (POD, "hostPID", True, "hostPID"),
        (POD, "hostIPC", True, "hostIPC"),
        (POD, "volumes", [{"name": "v", "hostPath": {"path": "/"}}], "volume v: hostPath"),
        (POD, "volumes", [{"name": "v", "nfs": {}}], "volume v: nfs"),
        ((*POD, "securityContext"), "runAsNonRoot", None, "runAsNonRoot is not true"),
        ((*POD, "securityContext"), "runAsNonRoot", False, "runAsNonRoot is false"),
        ((*POD, "securityContext"), "runAsUser", 0, "pod: runAsUser is 0"),
        ((*POD, "securityContext"), "seccompProfile", None, "no seccompProfile"),
        ((*POD, "securityContext"), "seccompProfile", {"type": "Unconfined"}, "pod: seccompProfile"),
        ((*POD, "securityContext"), "appArmorProfile", {"type": "Unconfined"}, "pod: appArmorProfile"),
        ((*POD, "securityContext"), "sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctl kernel.msgmax"),
        ((*POD, "securityContext"), "seLinuxOptions", {"type": "spc_t"}, "pod: seLinuxOptions"),
        ((*POD, "securityContext"), "seLinuxOptions", {"user": "u"}, "pod: seLinuxOptions"),
        ((*POD, "securityContext"), "windowsOptions", {"hostProcess": True}, "pod: hostProcess"),
        (CONTEXT, "privileged", True, "privileged"),
        (CONTEXT, "allowPrivilegeEscalation", None, "allowPrivilegeEscalation"),
        (CONTEXT, "allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
        (CONTEXT, "capabilities", None, "do not drop ALL"),
        (CONTEXT, "capabilities", {"drop": ["NET_RAW"]}, "do not drop ALL"),
        (CONTEXT, "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "capabilities are added"),
        (CONTEXT, "runAsUser", 0, "container c: runAsUser is 0"),
        (CONTEXT, "runAsNonRoot", False, "container c: runAsNonRoot is false"),
        (CONTEXT, "seccompProfile", {"type": "Unconfined"}, "container c: seccompProfile"),
        (CONTEXT, "procMount", "Unmasked", "procMount"),
        (CONTAINER, "ports", [{"containerPort": 1, "hostPort": 1}], "hostPort"),
        (CONTAINER, "livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 1}}, "names a host"),
        (CONTAINER, "lifecycle", {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 1}}}, "names a host"),
        (
            ("metadata",),
            "annotations",
            {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"},
            "annotation",
        ),
    ],
)
def test_finds(path: tuple[str | int, ...], key: str, value: Any, complaint: str) -> None:
    assert any(complaint in each for each in violations(_with(path, key, value)))


def test_lets_a_good_pod_pass() -> None:
    assert violations(GOOD) == []


def test_looks_into_init_containers() -> None:
    pod = copy.deepcopy(GOOD)
    pod["spec"]["initContainers"] = [{"name": "i"}]
    assert any("container i" in each for each in violations(pod))


@pytest.mark.parametrize(
    "holder",
    [
        {"kind": "Pod", "metadata": {}, "spec": GOOD["spec"]},
        {"kind": "Deployment", "spec": {"template": GOOD}},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": GOOD}}}},
    ],
)
def test_finds_the_pod_in(holder: dict[str, Any]) -> None:
    pod = pod_of(holder)
    assert pod is not None
    assert pod["spec"] == GOOD["spec"]


def test_finds_no_pod_in_a_resource_claim_template() -> None:
    assert pod_of({"kind": "ResourceClaimTemplate", "spec": {"spec": {}}}) is None
