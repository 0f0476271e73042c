"""A Kubernetes node and its control plane, all real, on this machine and nowhere else in it.

One process holds new namespaces of processes, mounts and network; everything else runs in them, containers too. When it ends,
at the latest with the one that started it, the kernel kills whatever is left and takes the mounts and interfaces with it, so
nothing needs to be found again by its name. The host sees the processes, control groups of one name, and no change of its
settings: /proc/sys is read-only inside, but for the network's, which are the namespace's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

NODE = "node1"
NODE_ADDRESS = "10.99.0.1"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/24"
GROUP = "bayespfl-cluster"
PREFIX = "bpfl-cluster-"
CONTROLLERS = Path("/sys/fs/cgroup")
# What a kubelet sets, and what the host must not notice: inside, these values are there already.
SYSCTLS = {
    Path("/proc/sys") / name: value
    for name, value in {
        "vm/overcommit_memory": "1",
        "vm/panic_on_oom": "0",
        "kernel/panic": "10",
        "kernel/panic_on_oops": "1",
        "kernel/keys/root_maxkeys": "1000000",
        "kernel/keys/root_maxbytes": "25000000",
    }.items()
}

Object = dict[str, Any]


class Failed(Exception):
    """A command that did not do what it should; the text has what it said."""


def wait_for(what: str, condition: Callable[[], Any], seconds: float, period: float = 0.3) -> Any:
    """What the condition returns as soon as that is true; raises when it is not within the time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(period)
    return value


def read_settings() -> dict[Path, str]:
    return {path: path.read_text() for path in SYSCTLS if path.exists()}


class Node:
    """Use as a context. `folder` must not be on tmpfs nor on an overlay: container images lie there."""

    def __init__(self, folder: Path) -> None:
        self.tools = Path(os.environ["BAYESPFL_CLUSTER_TOOLS"])
        self.helm_program = Path(os.environ["BAYESPFL_HELM_3"])
        self.folder = folder
        self.logs = folder / "logs"
        self.kubeconfig = folder / "kubeconfig"
        self._settings = read_settings()
        self._holder: subprocess.Popen[bytes] | None = None
        self._init: int | None = None
        self._inside: list[str] = []

    # Starting.

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        for name in ("logs", "pki", "containerd/cni", "kubelet", "etcd", "pod-logs"):
            (self.folder / name).mkdir(parents=True)
        self._make_groups()
        self._hold_namespaces()
        self._make_network()
        self._write_files()
        self._start_control_plane()
        self._start_node()
        self._install_definitions()
        wait_for("the node's readiness", self._is_ready, 120)
        wait_for("cluster DNS", self._knows_names, 60)

    def _groups(self) -> list[Path]:
        if (CONTROLLERS / "cgroup.controllers").exists():
            return [CONTROLLERS / GROUP]
        return [each / GROUP for each in CONTROLLERS.iterdir() if each.is_dir()]

    def _make_groups(self) -> None:
        for group in self._groups():
            # The first start is not the first on this machine, if the last one was killed.
            with contextlib.suppress(OSError):
                self._remove_group(group)
            with contextlib.suppress(FileExistsError):
                group.mkdir()

    def _hold_namespaces(self) -> None:
        # Init of the namespace: it collects orphans, and takes everybody with it. It gets the signal when this process dies,
        # however that happens.
        holder = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--net",
            "--mount",
            "--propagation",
            "private",
            "--mount-proc",
        ]
        with (self.logs / "holder.log").open("wb") as log:
            self._holder = subprocess.Popen(
                [*holder, self.tools / "pause"], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        child: str = wait_for("the namespaces", lambda: children.read_text().strip(), 10)
        self._init = int(child)
        # In the mount namespace as soon as /proc shows that it is init there.
        self._inside = ["nsenter", "--target", child, "--pid", "--net", "--mount", "--"]
        wait_for("the namespaces' /proc", lambda: self.run("readlink", "/proc/self", check=False).strip().isdigit(), 10)
        for folder in ("vm", "kernel"):
            self.run("mount", "--bind", f"/proc/sys/{folder}", f"/proc/sys/{folder}")
            self.run("mount", "-o", "remount,bind,ro", f"/proc/sys/{folder}")
        for number, path in enumerate(self._settings):
            setting = self.folder / f"sysctl-{number}"
            setting.write_text(f"{SYSCTLS[path]}\n")
            self.run("mount", "--bind", setting, path)
        # Names of Services, for programs beside the pods. The file may be a link into /run.
        (self.folder / "resolv.conf").write_text(f"nameserver {NODE_ADDRESS}\n")
        names = Path("/etc/resolv.conf").resolve()
        # What kubelet and containerd write there whatever they are told.
        for folder in ("/run", "/var/lib/kubelet", "/var/log"):
            Path(folder).mkdir(exist_ok=True)
            self.run("mount", "-t", "tmpfs", "tmpfs", folder)
        self.run("mkdir", "-p", names.parent)
        self.run("touch", names)
        self.run("mount", "--bind", self.folder / "resolv.conf", names)
        # Volumes come into containers by mounts that are made after them.
        self.run("mount", "--make-rshared", "/")

    def _make_network(self) -> None:
        for command in (
            "ip link set lo up",
            "ip link add node0 type bridge",
            f"ip addr add {NODE_ADDRESS}/24 dev node0",
            "ip link set node0 up",
            f"ip route add {SERVICES} dev node0",
        ):
            self.run(*command.split())
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def _write_files(self) -> None:
        self._write_keys()
        self._write_json("containerd/cni/10-pods.conflist", self._network())
        self._write_json("kubelet.yaml", self._kubelet())
        self._write_json("kube-proxy.yaml", self._kube_proxy())
        (self.folder / "containerd.toml").write_text(self._containerd())
        (self.folder / "Corefile").write_text(
            f".:53 {{\n bind {NODE_ADDRESS}\n errors\n ready {NODE_ADDRESS}:8181\n kubernetes cluster.local {{\n"
            f"  kubeconfig {self.kubeconfig} test\n  pods disabled\n  ttl 5\n }}\n}}\n"
        )

    def _write_json(self, name: str, value: Object) -> None:
        # JSON is YAML.
        (self.folder / name).write_text(json.dumps(value, indent=1))

    def _write_keys(self) -> None:
        pki = self.folder / "pki"
        os.chmod(pki, 0o700)
        subprocess.run(["openssl", "genrsa", "-out", pki / "account.key", "2048"], check=True, capture_output=True)
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=front-proxy"]
        subprocess.run(
            [*request, "-keyout", pki / "proxy.key", "-out", pki / "proxy.crt"], check=True, capture_output=True
        )
        token = secrets.token_hex(16)
        (pki / "tokens.csv").write_text(f"{token},admin,1,system:masters\n")
        cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(json.dumps(config))

    def _network(self) -> Object:
        ipam = {
            "type": "host-local",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(self.folder / "containerd" / "addresses"),
        }
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}

    def _kubelet(self) -> Object:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{GROUP}",
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "maxOpenFiles": 4096,
            "address": NODE_ADDRESS,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "enforceNodeAllocatable": ["pods"],
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "resolvConf": "",
            "clusterDNS": [NODE_ADDRESS],
            "clusterDomain": "cluster.local",
            # Secrets reach pods in seconds instead of a minute.
            "syncFrequency": "5s",
            "volumePluginDir": str(self.folder / "kubelet" / "plugins"),
            "podLogsDir": str(self.folder / "pod-logs"),
            # Limits of the machine that cannot be raised are not an error.
            "featureGates": {"KubeletInUserNamespace": True},
        }

    def _kube_proxy(self) -> Object:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "hostnameOverride": NODE,
            "clusterCIDR": PODS,
            "clientConnection": {"kubeconfig": str(self.kubeconfig)},
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
        }

    @property
    def _socket(self) -> Path:
        return self.folder / "containerd" / "sock"

    def _containerd(self) -> str:
        folder = self.folder / "containerd"
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""\
version = 2
root = "{folder}/root"
state = "{folder}/state"
oom_score = 0
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[{cri}]
  sandbox_image = "docker.io/local/pause:1"
  restrict_oom_score_adj = true
[{cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
  BinaryName = "{self.tools}/debian/usr/sbin/runc"
[{cri}.cni]
  bin_dir = "{self.tools}/debian/usr/lib/cni"
  conf_dir = "{folder}/cni"
"""

    def environment(self) -> dict[str, str]:
        debian = self.tools / "debian" / "usr"
        path = f"{self.tools}:{self.helm_program.parent}:{debian}/sbin:{debian}/bin:{os.environ['PATH']}"
        return {
            "PATH": path,
            "LD_LIBRARY_PATH": f"{debian}/lib/x86_64-linux-gnu",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig),
            "TERM": os.environ.get("TERM", "dumb"),
            # iptables' plugins, which it looks for where it was meant to be installed.
            "XTABLES_LIBDIR": f"{debian}/lib/x86_64-linux-gnu/xtables",
        }

    def spawn(self, program: str, *arguments: str | Path) -> None:
        environment = self.environment() | {"GOMAXPROCS": "2"}
        with (self.logs / f"{program}.log").open("wb") as log:
            subprocess.Popen(
                [*self._inside, program, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )

    def _start_control_plane(self) -> None:
        pki = self.folder / "pki"
        here = "127.0.0.1"
        etcd = f"http://{here}:2379"
        self.spawn(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls=http://{here}:2380",
            "--unsafe-no-fsync",
        )
        self.spawn(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={here}",
            f"--advertise-address={here}",
            "--secure-port=6443",
            f"--cert-dir={pki}",
            f"--service-account-key-file={pki}/account.key",
            f"--service-account-signing-key-file={pki}/account.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
            f"--token-auth-file={pki}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            "--kubelet-preferred-address-types=InternalIP",
            f"--requestheader-client-ca-file={pki}/proxy.crt",
            f"--proxy-client-cert-file={pki}/proxy.crt",
            f"--proxy-client-key-file={pki}/proxy.key",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        )
        wait_for("the API server", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok", 120)
        shared = (
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--bind-address={here}",
            f"--cert-dir={pki}",
        )
        self.spawn(
            "kube-controller-manager",
            *shared,
            f"--service-account-private-key-file={pki}/account.key",
            "--horizontal-pod-autoscaler-sync-period=5s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        )
        self.spawn("kube-scheduler", *shared)
        self.spawn("coredns", "-conf", self.folder / "Corefile")

    def _start_node(self) -> None:
        self.spawn("containerd", "-c", self.folder / "containerd.toml")
        wait_for("containerd", lambda: "Server" in self.ctr("version", check=False), 60)
        self.load_image(self._pause_image())
        self.spawn(
            "kubelet",
            f"--config={self.folder}/kubelet.yaml",
            f"--kubeconfig={self.kubeconfig}",
            f"--root-dir={self.folder}/kubelet",
            f"--cert-dir={self.folder}/kubelet/pki",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
        )
        self.spawn("kube-proxy", f"--config={self.folder}/kube-proxy.yaml")

    def _pause_image(self) -> Path:
        """An image of one file, as `docker save` would write it."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add((self.tools / "pause").resolve(), "pause")
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/pause"]},
            "rootfs": {"type": "layers"},
        }
        digest = subprocess.run(["sha256sum"], input=layer.getvalue(), capture_output=True, check=True).stdout.split()[
            0
        ]
        config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{digest.decode()}"]}
        manifest = [{"Config": "config.json", "RepoTags": ["docker.io/local/pause:1"], "Layers": ["layer.tar"]}]
        archive = self.folder / "pause.tar"
        with tarfile.open(archive, "w") as tar:
            for name, content in (
                ("layer.tar", layer.getvalue()),
                ("config.json", json.dumps(config).encode()),
                ("manifest.json", json.dumps(manifest).encode()),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return archive

    def _install_definitions(self) -> None:
        # Resolved: kubectl follows no link to a folder.
        self.kubectl("apply", "--server-side", "-f", (self.tools / "crds").resolve())
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    def _is_ready(self) -> bool:
        text = self.kubectl("get", "node", NODE, "-o", "json", check=False)
        if not text.startswith("{"):
            return False
        conditions = json.loads(text)["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _knows_names(self) -> bool:
        name = "kubernetes.default.svc.cluster.local"
        return not self.run(sys.executable, "-c", f"import socket; socket.getaddrinfo('{name}', 443)", check=False)

    # Stopping.

    def _stop(self) -> None:
        if self._holder is not None:
            # Init of the namespace: with it ends everybody in there, and then the holder.
            if self._init is None:
                self._holder.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._init, signal.SIGKILL)
            self._holder.wait()
        left = [each for each in self._groups() if not self._removed(each)]
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            left.append(self.folder)
        changed = [str(path) for path, value in read_settings().items() if value != self._settings[path]]
        for path in changed:
            Path(path).write_text(self._settings[Path(path)])
        if changed or left:
            raise Failed(f"the host has changed: settings {changed} (put back); left behind: {list(map(str, left))}")

    def _removed(self, group: Path) -> bool:
        try:
            wait_for(f"the end of {group}", lambda: self._remove_group(group), 20)
        except Failed:
            return False
        return True

    @staticmethod
    def _remove_group(group: Path) -> bool:
        if not group.exists():
            return True
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not group.exists()

    # Using it.

    def inside(self, *command: str | Path) -> list[str | Path]:
        """The command that runs this one inside."""
        return [*self._inside, *command]

    def _run(
        self, command: tuple[str | Path, ...], stdin: str | None, *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.inside(*command),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            input=stdin,
            timeout=900,
            env=self.environment(),
        )
        if check and done.returncode:
            raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def run(self, *command: str | Path, check: bool = True, stdin: str | None = None) -> str:
        """A program inside; its standard output, or, where it may fail and does, both outputs together."""
        done = self._run(command, stdin, check=check)
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def run_both(self, *command: str | Path, stdin: str | None = None) -> str:
        """A program that must not fail; both its outputs."""
        done = self._run(command, stdin, check=True)
        return done.stdout + done.stderr

    def succeeds(self, *command: str | Path) -> bool:
        return self._run(command, None, check=False).returncode == 0

    def kubectl(self, *arguments: str | Path, check: bool = True, stdin: str | None = None) -> str:
        return self.run("kubectl", *arguments, check=check, stdin=stdin)

    def helm(self, *arguments: str | Path, check: bool = True) -> str:
        return self.run("helm", *arguments, check=check)

    def ctr(self, *arguments: str | Path, check: bool = True) -> str:
        return self.run("ctr", "--address", self._socket, "--namespace", "k8s.io", *arguments, check=check)

    def load_image(self, archive: Path) -> None:
        self.ctr("images", "import", archive)

    def get(self, kind: str, name: str = "", *, namespace: str = "default", labels: str = "") -> Object:
        """An object, or, without its name, the list of them."""
        selection = [name] if name else ["-l", labels] if labels else []
        value: Object = json.loads(self.kubectl("-n", namespace, "get", kind, *selection, "-o", "json"))
        return value

    def signal(self, container_id: str, number: signal.Signals) -> None:
        """To the container's first process."""
        tasks = self.ctr("tasks", "ls")
        process = next(line.split()[1] for line in tasks.splitlines() if line.startswith(container_id))
        self.run("kill", f"-{number.value}", process)

    def shell(self) -> int:
        """Somebody's own, with the node's kubectl and helm."""
        environment = self.environment()
        return subprocess.run([*self._inside, "bash", "--norc"], check=False, env=environment).returncode


@contextlib.contextmanager
def node() -> Iterator[Node]:
    """The node with the server's image. One at a time on a machine: the control groups have one name."""
    lock = Path("/run/lock/bayespfl-cluster")
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as locked:
        try:
            fcntl.flock(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another cluster test runs on this machine (it holds {lock})") from None
        # Of a run that was killed.
        for left in Path("/var/tmp").glob(f"{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with Node(Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))) as each:
            image = os.environ.get("BAYESPFL_IMAGE_ARCHIVE")
            if image:
                each.load_image(Path(image))
            yield each


if __name__ == "__main__":
    with node() as started:
        sys.exit(started.shell())
