"""A release of the chart with what it needs, and cameras that send to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from figures import note
from node import Failed, Node, Object, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "helm" / "bayespfl-inspector"
MODEL = REPOSITORY / "assets" / "demo" / "model"
PICTURES = REPOSITORY / "assets" / "demo" / "images" / "leather"
RELEASE = "plant"
NAMESPACE = "factory"
NAME = "plant-bayespfl-inspector"
EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

# Small, so that several pods fit on two cores, and quick to notice.
VALUES: Object = {
    "replicas": 2,
    "tls": {"secretName": "inspection-tls"},
    "tokens": {"secretName": "inspection-tokens"},
    "test": {"tokenSecretName": "inspection-test-token"},
    "config": {
        "compute_threads": 1,
        "decode_threads": 1,
        "render_threads": 1,
        "max_stream_age_seconds": 20,
        "max_connection_age_seconds": 20,
        "security_reload_seconds": 1,
    },
    "drain": {"delaySeconds": 2},
    "probes": {"startup": {"seconds": 240}},
    "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1500Mi"}},
}


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


class Certificates:
    """An authority and a server's certificate of it, valid for a day."""

    def __init__(self, folder: Path, namespace: str, cn: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        key, request, names = folder / "ca.key", folder / "request.pem", folder / "names.txt"
        hosts = [
            f"{name}.{namespace}.svc{domain}"
            for name in (NAME, f"{NAME}-headless")
            for domain in ("", ".cluster.local")
        ]
        names.write_text(
            f"subjectAltName={','.join(f'DNS:{host}' for host in hosts)},DNS:localhost\nbasicConstraints=CA:FALSE\n"
        )
        _openssl("req", "-x509", *EC_KEY, "-keyout", key, "-out", self.ca, "-days", "1", "-subj", f"/CN={cn}")
        _openssl("req", *EC_KEY, "-keyout", self.key, "-out", request, "-subj", "/CN=server")
        signing = ("-in", request, "-CA", self.ca, "-CAkey", key, "-CAcreateserial", "-days", "1", "-extfile", names)
        _openssl("x509", "-req", *signing, "-out", self.certificate)


class Token:
    def __init__(self, name: str, role: str = "inspect") -> None:
        self.secret = f"bpfl_{secrets.token_hex(32)}"
        self.entry = {"name": name, "role": role, "sha256": hashlib.sha256(self.secret.encode()).hexdigest()}


class Camera:
    """Use as a context; afterwards `taken` says how many frames it gave the client, and `outcomes` what it got for them."""

    def __init__(self, plant: Plant, name: str, *, interval: float, timeout: float) -> None:
        job = {
            "name": name,
            "target": f"dns:///{NAME}-headless.{plant.namespace}.svc.cluster.local:50051",
            "picture": str(PICTURES / "scratch_0.jpg"),
            "interval": interval,
            "timeout": timeout,
            "ca": str(plant.certificates.ca),
            "token": plant.token.secret,
        }
        self._lines = plant.folder / f"camera-{name}.jsonl"
        self._log = plant.folder / f"camera-{name}.log"
        self.outcomes: list[Object] = []
        self.taken = 0
        environment = plant.node.environment() | {"PYTHONPATH": str(REPOSITORY / "client" / "python" / "src")}
        python = f"{os.environ['BAYESPFL_TEST_VENV']}/bin/python"
        command = plant.node.inside(python, Path(__file__).with_name("camera.py"), json.dumps(job))
        with self._lines.open("wb") as lines, self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=lines, stderr=log, env=environment)

    def answered(self) -> int:
        return self._lines.read_text().count("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            code = self._process.wait(240)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if kind is not None:
            return
        if code:
            raise Failed(f"a camera ended with {code}: {self._log.read_text()[-2000:]}")
        *self.outcomes, end = [json.loads(line) for line in self._lines.read_text().splitlines()]
        self.taken = end["taken"]


class Plant:
    def __init__(self, node: Node, folder: Path, namespace: str = NAMESPACE) -> None:
        self.node = node
        self.folder = folder
        self.namespace = namespace
        self.certificates = Certificates(folder / "pki", namespace)
        self.token = Token("line-1")
        node.kubectl("create", "namespace", namespace)
        labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
        node.kubectl("label", "namespace", namespace, *labels)
        self.write_certificates(self.certificates)
        self.write_tokens(self.token)
        self.write_secret("inspection-test-token", {"token": self.token.secret})

    # Secrets.

    def write_secret(self, name: str, content: dict[str, str], kind: str = "Opaque") -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "type": kind,
            "stringData": content,
        }
        self.node.kubectl("apply", "-f", "-", stdin=json.dumps(secret))

    def write_certificates(self, made: Certificates) -> None:
        files = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": made.ca}
        self.write_secret("inspection-tls", {key: path.read_text() for key, path in files.items()}, "kubernetes.io/tls")

    def write_tokens(self, *tokens: Token) -> None:
        # JSON is YAML.
        self.write_secret("inspection-tokens", {"tokens.yaml": json.dumps([each.entry for each in tokens])})

    # The release.

    def helm(
        self, verb: str, *arguments: str, settings: tuple[str, ...] = (), seconds: int = 300, check: bool = True
    ) -> str:
        values = self.folder / "values.json"
        values.write_text(json.dumps(VALUES))
        sets = [part for each in settings for part in ("--set", each)]
        where = ("--namespace", self.namespace, "--wait", "--timeout", f"{seconds}s")
        return self.node.helm(verb, RELEASE, CHART, *where, "--values", values, *sets, *arguments, check=check)

    def become(self, *settings: str, seconds: int = 300) -> None:
        """The release with these settings, all pods ready and no other left."""
        self.helm("upgrade", "--install", settings=settings, seconds=seconds)
        self.roll_out(seconds)

    def roll_out(self, seconds: int = 300) -> None:
        """Until the last new pod is ready, which Helm 3 does not wait for, and the last old one is gone."""
        self.node.kubectl("-n", self.namespace, "rollout", "status", f"deployment/{NAME}", f"--timeout={seconds}s")
        self.settle()

    def settle(self) -> None:
        wait_for("the end of old pods", lambda: all("deletionTimestamp" not in p["metadata"] for p in self.pods()), 90)

    def pods(self, component: str = "server") -> list[Object]:
        labels = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={component}"
        items: list[Object] = self.node.get("pods", namespace=self.namespace, labels=labels)["items"]
        return items

    def ready_pods(self) -> list[Object]:
        return [pod for pod in self.pods() if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]

    def restarts(self) -> int:
        return sum(each["restartCount"] for pod in self.pods() for each in pod["status"].get("containerStatuses", []))

    def test(self) -> bool:
        """`helm test`: a pod of its own sends pictures through the Service."""
        # By its exit code: what it prints says that the pictures' ConfigMap succeeded, whatever became of the pod.
        return self.node.succeeds("helm", "test", RELEASE, "--namespace", self.namespace, "--timeout", "120s")

    def test_log(self) -> str:
        """Of a test that failed."""
        return self.node.kubectl("-n", self.namespace, "logs", f"{NAME}-test")

    def metric(self, pod: str, name: str) -> float:
        """The sum of a metric's series, or of those with these labels, from the pod by way of the API server."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:9090/proxy/metrics"
        lines = self.node.kubectl("get", "--raw", path).splitlines()
        label = re.compile(r'\w+="[^"]*"')
        family, _, selector = name.partition("{")
        wanted = set(label.findall(selector))
        begin = re.compile(re.escape(family) + "[ {]")
        series = [line.rpartition(" ") for line in lines if begin.match(line)]
        values = [float(value) for labels, _, value in series if wanted <= set(label.findall(labels))]
        assert values, f"{pod} has no metric {name}"
        return sum(values)

    def verdicts(self) -> tuple[float, float]:
        """Passed and failed pictures, of all pods."""
        pods = names(self.ready_pods())
        passed, failed = (
            sum(self.metric(pod, f'bayespfl_verdicts_total{{verdict="{kind}"}}') for pod in pods)
            for kind in ("pass", "fail")
        )
        return passed, failed

    @contextlib.contextmanager
    def watching(self) -> Iterator[list[int]]:
        """Afterwards the list has how many pods were ready, change by change, as clients hear it."""
        counts: list[int] = []
        with tempfile.TemporaryFile("w+") as said:
            service = f"kubernetes.io/service-name={NAME}-headless"
            watch = ("kubectl", "-n", self.namespace, "get", "endpointslices", "-l", service, "--watch", "-o", "json")
            environment = self.node.environment()
            process = subprocess.Popen(self.node.inside(*watch), stdout=said, env=environment, start_new_session=True)
            try:
                wait_for("the first state", lambda: os.fstat(said.fileno()).st_size, 30)
                yield counts
            finally:
                # nsenter, and what it runs.
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
            said.seek(0)
            text, decoder = said.read(), json.JSONDecoder()
        while text := text.lstrip():
            state, end = decoder.raw_decode(text)
            counts.append(sum(each["conditions"]["ready"] for each in state.get("endpoints") or []))
            text = text[end:]

    # Load.

    @contextlib.contextmanager
    def cameras(self, count: int = 2, *, interval: float = 0.5, timeout: float = 120) -> Iterator[list[Camera]]:
        """So many cameras, each of which has an answer already; at the end all frames are answered and checked."""
        with contextlib.ExitStack() as stack:
            made = [
                stack.enter_context(Camera(self, f"line-{i}", interval=interval, timeout=timeout)) for i in range(count)
            ]
            wait_for("an answer to every camera", lambda: all(each.answered() for each in made), 120)
            yield made
        for each in made:
            check_outcomes(each.taken, each.outcomes)
        note(summary([outcome for each in made for outcome in each.outcomes], count))


def is_ready(pod: Object) -> bool:
    conditions: list[dict[str, Any]] = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def names(pods: list[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def summary(outcomes: list[Object], cameras: int) -> str:
    """Of checked outcomes, for the report."""
    latencies = sorted(each["latency"] for each in outcomes)
    again = sum(each["attempts"] > 1 for each in outcomes)
    return (
        f"{cameras} cameras, {len(outcomes)} frames: 0 lost, 0 failed, {again} sent again; latency median "
        f"{latencies[len(latencies) // 2]:.2f} s, longest {latencies[-1]:.2f} s"
    )


def check_outcomes(taken: int, outcomes: list[Object]) -> None:
    """One result for each frame, in order, none lost, none failed, each the right one."""
    assert taken > 0
    assert [each["tag"] for each in outcomes] == list(range(taken))
    assert [each for each in outcomes if not each["ok"]] == []
    assert {each["verdict"] for each in outcomes} == {"FAIL"}
