"""Kubernetes' Pod Security Standard "restricted" (of 1.36), on objects that have not met an API server yet.

Stricter than the standard in one point: a user namespace (`hostUsers: false`) excuses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

VOLUME_KINDS = frozenset(
    """
    configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret
    """.split()  # noqa: SIM905
)
SELINUX_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
SAFE_SYSCTLS = frozenset(
    """
    kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies
    net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout
    net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem
    """.split()  # noqa: SIM905
)
PROFILES = ("RuntimeDefault", "Localhost")


def pod_of(each: Object) -> Object | None:
    """The pod, or the pod template, that the object holds."""
    spec = each.get("spec") or {}
    if each["kind"] == "Pod":
        return {"metadata": each["metadata"], "spec": spec}
    if each["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Object | None = spec.get("template")
    return template if template is not None and "containers" in (template.get("spec") or {}) else None


def _containers(spec: Object) -> Iterator[Object]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or []


def _context_violations(where: str, context: Object) -> Iterator[str]:
    """What may be wrong in a pod's context as well as in a container's."""
    if context.get("runAsUser") == 0:
        yield f"{where}: runAsUser is 0"
    if context.get("runAsNonRoot") is False:
        yield f"{where}: runAsNonRoot is false"
    if (context.get("seccompProfile") or {"type": "RuntimeDefault"}).get("type") not in PROFILES:
        yield f"{where}: seccompProfile is neither RuntimeDefault nor Localhost"
    if (context.get("appArmorProfile") or {"type": "RuntimeDefault"}).get("type") not in PROFILES:
        yield f"{where}: appArmorProfile is neither RuntimeDefault nor Localhost"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield f"{where}: seLinuxOptions"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{where}: hostProcess"


def _handlers(container: Object) -> Iterator[Object]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield container.get(probe) or {}
    for hook in ("postStart", "preStop"):
        yield (container.get("lifecycle") or {}).get(hook) or {}


def _container_violations(container: Object, pod_context: Object) -> Iterator[str]:
    where = f"container {container['name']}"
    context = container.get("securityContext") or {}
    yield from _context_violations(where, context)
    if context.get("privileged"):
        yield f"{where}: privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{where}: allowPrivilegeEscalation is not false"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield f"{where}: capabilities do not drop ALL"
    if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield f"{where}: capabilities are added"
    if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is not True:
        yield f"{where}: runAsNonRoot is not true"
    if not context.get("seccompProfile", pod_context.get("seccompProfile")):
        yield f"{where}: no seccompProfile"
    if context.get("procMount", "Default") != "Default":
        yield f"{where}: procMount"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield f"{where}: hostPort"
    for handler in _handlers(container):
        if any((handler.get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket")):
            yield f"{where}: a probe or hook names a host"


def violations(pod: Object) -> list[str]:
    """What the standard does not allow, in words; empty: all is well."""
    spec: Object = pod["spec"]
    context: Object = spec.get("securityContext") or {}
    found = list(_context_violations("pod", context))
    found += [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    for sysctl in context.get("sysctls") or []:
        if sysctl["name"] not in SAFE_SYSCTLS:
            found.append(f"pod: sysctl {sysctl['name']}")
    for volume in spec.get("volumes") or []:
        # An empty volume is an emptyDir.
        kinds = set(volume) - {"name"}
        if kinds - VOLUME_KINDS:
            found.append(f"volume {volume['name']}: {', '.join(sorted(kinds - VOLUME_KINDS))}")
    for key, profile in ((pod.get("metadata") or {}).get("annotations") or {}).items():
        if key.startswith("container.apparmor.security.beta.kubernetes.io/") and profile == "unconfined":
            found.append(f"pod: annotation {key}")
    for container in _containers(spec):
        found += _container_violations(container, context)
    return found
