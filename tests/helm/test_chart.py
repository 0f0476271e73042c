"""What the chart renders to: goldens, Pod Security, what belongs together, and what is refused."""

from __future__ import annotations

import base64
import difflib
import re
from pathlib import Path
from typing import Any

import pytest
import values_document as document
import yaml
from pod_security import pod_of, violations
from rendering import (
    Refused,
    golden_of,
    golden_text,
    helm,
    objects,
    of_kind,
    render,
    run,
    value_sets,
)

SETS = pytest.mark.parametrize("value_set", value_sets(), ids=lambda path: path.name.removesuffix("-values.yaml"))
Object = dict[str, Any]


def chart(*settings: str, **options: Any) -> str:
    """The chart with settings of Helm's `--set` form."""
    return render(helm("3"), *(part for each in settings for part in ("--set", each)), **options)


def deployment(*settings: str) -> Object:
    spec: Object = of_kind(chart(*settings), "Deployment")[0]["spec"]
    return spec


def server(*settings: str) -> Object:
    containers: list[Object] = deployment(*settings)["template"]["spec"]["containers"]
    return next(each for each in containers if each["name"] == "server")


def config(*settings: str) -> Object:
    maps = [each for each in of_kind(chart(*settings), "ConfigMap") if "server.yaml" in each.get("data", {})]
    loaded: Object = yaml.safe_load(maps[0]["data"]["server.yaml"])
    return loaded


# Goldens.


@pytest.mark.parametrize("version", ["3", "4"])
@SETS
def test_renders_to_its_golden(value_set: Path, version: str) -> None:
    if version == "4" and helm("4") is None:
        pytest.skip("Helm 4 is not there; scripts/helm.sh setup 4 builds it")
    golden = golden_of(value_set).read_text().splitlines(keepends=True)
    rendered = golden_text(helm(version), value_set).splitlines(keepends=True)
    difference = "".join(difflib.unified_diff(golden, rendered, golden_of(value_set).name, "rendered"))
    assert difference == "", f"run scripts/chart.sh update if this is meant:\n{difference}"


def test_every_golden_has_its_values() -> None:
    goldens = set((document.CHART / "ci").glob("*.golden.yaml"))
    assert goldens == {golden_of(value_set) for value_set in value_sets()}


@SETS
def test_value_set_says_what_it_is_for(value_set: Path) -> None:
    assert value_set.read_text().startswith("# ")


@SETS
def test_passes_lint(value_set: Path) -> None:
    run(helm("3"), "lint", "--strict", document.CHART, "--values", value_set)


@SETS
def test_has_no_duplicate(value_set: Path) -> None:
    """Helm 4 applies on the server, where a key, a name or a port that is there twice is an error."""
    found = objects(strictly(golden_of(value_set).read_text()))
    identities = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in found]
    assert len(identities) == len(set(identities))
    for each in found:
        assert duplicates(each) == []


def strictly(text: str) -> str:
    """The text, when no mapping in it has a key twice."""

    def check(node: yaml.Node | None) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"a key is there twice: {keys}, line {node.start_mark.line + 1}"
            for _, child in node.value:
                check(child)
        elif isinstance(node, yaml.SequenceNode):
            for child in node.value:
                check(child)

    for node in yaml.compose_all(text):
        check(node)
    return text


def duplicates(node: Any, path: str = "") -> list[str]:
    """Lists below the node in which a name (of a port: the number too), or a mount's path, is there twice."""
    found: list[str] = []
    if isinstance(node, dict):
        for key, child in node.items():
            found += duplicates(child, f"{path}.{key}")
    elif isinstance(node, list):
        for keys in (("name",), ("mountPath",), ("containerPort", "protocol"), ("port", "protocol")):
            values = [tuple(map(each.get, keys)) for each in node if isinstance(each, dict) and keys[0] in each]
            if len(values) != len(set(values)):
                found.append(f"{path}[].{keys[0]}")
        for child in node:
            found += duplicates(child, path)
    return found


def test_finds_duplicates() -> None:
    assert duplicates({"a": [{"name": "x"}, {"name": "x"}]}) == [".a[].name"]
    with pytest.raises(AssertionError, match="twice"):
        strictly("a: {b: 1, b: 2}")


# Pod Security and what goes beyond it.


@SETS
def test_is_restricted(value_set: Path) -> None:
    pods = [pod for each in objects(golden_of(value_set).read_text()) if (pod := pod_of(each)) is not None]
    assert len(pods) == 2  # the server's and the test's
    for pod in pods:
        assert violations(pod) == []
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False


@SETS
def test_roots_are_read_only_but_for_the_switch(value_set: Path) -> None:
    values = yaml.safe_load(value_set.read_text())
    writable = values.get("gpu", {}).get("writableRootFilesystem", False)
    for each in objects(golden_of(value_set).read_text()):
        pod = pod_of(each)
        for container in [] if pod is None else pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            expected = not (writable and container["name"] == "server")
            assert container["securityContext"]["readOnlyRootFilesystem"] is expected, container["name"]


# The rollout.


@pytest.mark.parametrize(
    ("settings", "strategy"),
    [
        ([], {"type": "Recreate"}),
        (["replicas=2"], {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        (
            ["autoscaling.kind=hpa"],
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        ),
        (["strategy.type=Recreate", "replicas=2"], {"type": "Recreate"}),
    ],
)
def test_strategy_needs_no_spare_gpu(settings: list[str], strategy: Object) -> None:
    assert deployment(*settings)["strategy"] == strategy


def test_autoscaler_alone_sets_the_number_of_pods() -> None:
    assert "replicas" not in deployment("autoscaling.kind=hpa")
    assert deployment("replicas=3")["replicas"] == 3


def test_grace_period_is_the_sum_of_the_stop() -> None:
    settings = ("drain.preStopSeconds=7", "drain.delaySeconds=11", "drain.timeoutSeconds=60")
    assert deployment(*settings)["template"]["spec"]["terminationGracePeriodSeconds"] == 7 + 11 + 60 + 5
    assert server(*settings)["lifecycle"] == {"preStop": {"sleep": {"seconds": 7}}}
    assert config(*settings)["drain_delay_seconds"] == 11
    assert config(*settings)["drain_timeout_seconds"] == 60
    assert "lifecycle" not in server()


def test_connection_grace_outlasts_the_streams() -> None:
    made = config("config.max_stream_age_seconds=1000", "drain.timeoutSeconds=100")
    assert made["max_connection_grace_seconds"] >= 1.1 * 1000 + 100
    assert config("config.max_connection_grace_seconds=400")["max_connection_grace_seconds"] == 400


@pytest.mark.parametrize(("seconds", "period", "failures"), [(600, 2, 300), (601, 10, 61), (10, 30, 1)])
def test_startup_probe_lasts_as_long_as_the_load_may(seconds: int, period: int, failures: int) -> None:
    settings = (f"probes.startup.seconds={seconds}", f"probes.startup.periodSeconds={period}")
    assert server(*settings)["startupProbe"]["failureThreshold"] == failures
    assert deployment(*settings)["progressDeadlineSeconds"] > seconds


def test_grpc_probes_leave_liveness_to_http() -> None:
    container = server("probes.grpc=true")
    assert container["startupProbe"]["grpc"] == container["readinessProbe"]["grpc"] == {"port": 50051}
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"


def _checksum(*settings: str) -> str:
    checksum: str = deployment(*settings)["template"]["metadata"]["annotations"]["checksum/config"]
    return checksum


def test_pods_roll_when_their_configuration_changes() -> None:
    assert _checksum() == _checksum("commonLabels.a=b")
    assert _checksum() != _checksum("config.max_batch=8")


# What must not change with a version, or an upgrade is refused.


@SETS
def test_selectors_select_the_pods(value_set: Path) -> None:
    found = objects(golden_of(value_set).read_text())
    template = next(each for each in found if each["kind"] == "Deployment")["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    for each in found:
        selector = each.get("spec", {}).get("selector", each.get("spec", {}).get("podSelector"))
        if selector is None or each["kind"] == "ServiceMonitor":
            continue
        wanted = selector.get("matchLabels", selector)
        assert wanted.items() <= labels, each["kind"]
        assert "helm.sh/chart" not in wanted
        assert "app.kubernetes.io/version" not in wanted


def test_service_monitor_selects_the_headless_service_alone() -> None:
    text = chart("serviceMonitor.enabled=true")
    wanted = of_kind(text, "ServiceMonitor")[0]["spec"]["selector"]["matchLabels"].items()
    selected = [each for each in of_kind(text, "Service") if wanted <= each["metadata"]["labels"].items()]
    assert [each["metadata"]["name"] for each in selected] == ["plant-bayespfl-inspector-headless"]


def test_long_names_still_fit() -> None:
    text = render(helm("3"), "--set", f"fullnameOverride={'a' * 60}")
    assert all(len(each["metadata"]["name"]) <= 63 for each in objects(text))


# Devices and models.


def test_gpus_are_asked_for_and_named() -> None:
    assert server("gpu.enabled=true", "gpu.count=2")["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert config("gpu.enabled=true", "gpu.count=2")["device"] == "cuda:0,cuda:1"
    assert server("gpu.enabled=true")["image"].endswith("-cuda")
    assert "device" not in config()
    assert server()["image"] == f"bayespfl-inspector:{_version()}"


def _version() -> str:
    version: str = yaml.safe_load((document.CHART / "Chart.yaml").read_text())["appVersion"]
    return version


def test_precision_reaches_the_server() -> None:
    assert "precision" not in config()
    assert config("config.precision=int8")["precision"] == "int8"
    for precision in ("bf16", "fp16"):
        assert config("gpu.enabled=true", f"config.precision={precision}")["precision"] == precision


def test_claim_template_is_named_by_what_is_in_it() -> None:
    def name(*settings: str) -> str:
        text = chart("gpu.enabled=true", "gpu.claim.enabled=true", *settings)
        template: str = of_kind(text, "ResourceClaimTemplate")[0]["metadata"]["name"]
        pod = of_kind(text, "Deployment")[0]["spec"]["template"]["spec"]
        assert pod["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": template}]
        assert pod["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]
        return template

    assert name() == name()
    assert name() != name("gpu.count=2")


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ([], {"model": "/opt/bayespfl/model"}),
        (["model.source=claim", "model.claim.name=c"], {"model": "/models"}),
        (["model.source=claim", "model.claim.name=c", "model.folder=a/b"], {"model": "/models/a/b"}),
        (
            ["model.source=image", "model.image.reference=r", "model.names={a,b}", "model.default=b"],
            {"model_root": "/models", "models": "a,b", "default_model": "b"},
        ),
    ],
)
def test_server_finds_the_model_where_it_is_mounted(settings: list[str], model: Object) -> None:
    keys = ("model", "model_root", "models", "default_model")
    made = config(*settings)
    assert {key: made[key] for key in keys if key in made} == model


def test_large_numbers_stay_whole(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("config: {max_bytes_in_flight: 1099511627776}")
    assert "max_bytes_in_flight: 1099511627776\n" in render(helm("3"), "--values", values)


def test_pods_may_only_reach_where_the_model_comes_from_and_traces_go() -> None:
    def egress(*settings: str) -> Any:
        return of_kind(chart(*settings), "NetworkPolicy")[0]["spec"]["egress"]

    def ports(url: str) -> list[int]:
        found = egress("model.source=download", f"model.download.url={url}", f"model.download.sha256={'0' * 64}")
        return [each["port"] for each in found[0]["ports"]]

    assert egress() == []
    assert ports("https://a.example/m.tar") == [53, 53, 443]
    assert ports("http://a.example/m.tar") == [53, 53, 80]
    assert ports("https://a.example:8443/m.tar") == [53, 53, 8443]

    def collector_ports(url: str) -> list[int]:
        return [each["port"] for rule in egress(f"config.otlp_endpoint={url}") for each in rule["ports"]]

    assert collector_ports("http://collector.monitoring:4318") == [53, 53, 4318]
    assert collector_ports("https://otlp.example/tenant") == [53, 53, 443]


def test_a_stop_has_time_for_the_last_traces() -> None:
    def grace(*settings: str) -> int:
        seconds: int = deployment(*settings)["template"]["spec"]["terminationGracePeriodSeconds"]
        return seconds

    assert grace("config.otlp_endpoint=http://collector:4318") == grace() + 3


# What is refused, and how.


@pytest.mark.parametrize(
    "settings",
    [
        ["replica=2"],
        ["config.max_bach=8"],
        ["config.max_batch=-1"],
        ["config.max_batch=many"],
        ["config.host=0.0.0.0"],
        ["config.tls_key=/k"],
        ["config.log_level=loud"],
        ["config.precision=fp8"],
        ["config.trace_sample_ratio=1.5"],
        ["image.tag=a/b"],
        ["image.digest=sha256:1"],
        ["image.pullPolicy=Sometimes"],
        ["model.source=git"],
        ["model.path=relative"],
        ["model.folder=/absolute"],
        ["model.download.url=ftp://a/b.tar"],
        ["model.download.url=https://a/b.zip"],
        ["model.download.sha256=abc"],
        ["drain.timeoutSeconds=-1"],
        ["drain.timeoutSeconds=20s"],
        ["gpu.count=0"],
        ["gpu.resource=gpu"],
        ["probes.startup.seconds=0"],
        ["service.type=ExternalName"],
        ["service.port=70000"],
        ["tls.certManager.duration=90days"],
        ["tokens.entries[0].name=a"],
        [f"tokens.entries[0].name=a,tokens.entries[0].role=root,tokens.entries[0].sha256={'0' * 64}"],
        ["tokens.entries[0].name=a,tokens.entries[0].role=inspect,tokens.entries[0].sha256=secret"],
        ["podDisruptionBudget.maxUnavailable=some"],
        ["autoscaling.kind=vpa"],
        ["autoscaling.minReplicas=0"],
        ["autoscaling.queueWaitSeconds=0"],
        ["autoscaling.keda.serverAddress=prometheus"],
        ["podAntiAffinity=sometimes"],
        ["hostUsers=maybe"],
        ["serviceAccount.token=true"],
        ["strategy.type=Sometimes"],
        ["appArmorProfile.type=runtime/default"],
        ["resources.limit.memory=1Gi"],
    ],
    ids=lambda settings: re.sub(r"0{8,}", "0…", ",".join(settings)),
)
def test_schema_refuses(settings: list[str]) -> None:
    with pytest.raises(Refused, match="don't meet the specifications of the schema"):
        chart(*settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["tokens.secretName=t"], "tokens need TLS"),
        (
            [
                "tls.secretName=s",
                "tokens.secretName=t",
                f"tokens.entries[0].name=a,tokens.entries[0].role=inspect,tokens.entries[0].sha256={'0' * 64}",
            ],
            "two places",
        ),
        (["admin.enabled=true"], "admin.enabled needs tokens"),
        (["admin.expose=true"], "admin.expose needs admin.enabled"),
        (["tls.clientCa.secretName=c"], "tls.clientCa needs TLS"),
        (["tls.certManager.enabled=true"], "issuerRef.name is empty"),
        (["probes.grpc=true", "tls.secretName=s"], "probes.grpc does not go with TLS"),
        (["model.source=claim"], "set model.claim.name"),
        (["model.source=download"], "set model.download.url"),
        (["model.source=download", "model.download.url=https://a/b.tar"], "model.download.sha256"),
        (["model.source=image"], "set model.image.reference"),
        (["model.default=a"], "not one of model.names"),
        (["autoscaling.kind=keda"], "serverAddress"),
        (["autoscaling.kind=hpa", "autoscaling.hpa.cpuUtilization=null"], "queueWaitMetric"),
        (["autoscaling.kind=hpa", "resources.requests=null"], "resources.requests.cpu"),
        (["autoscaling.minReplicas=9"], "larger than"),
        (["gpu.claim.enabled=true"], "needs gpu.enabled"),
        (["gpu.enabled=true", "config.precision=int8"], "with gpu.enabled take bf16, fp16 or fp32"),
        (["config.precision=fp16"], "without gpu.enabled take bf16, int8 or fp32"),
        (["grpcRoute.enabled=true"], "parentRefs is empty"),
        (["grpcRoute.backendTls.enabled=true"], "grpcRoute.backendTls needs TLS"),
        (["grpcRoute.backendTls.enabled=true", "tls.secretName=s"], "caConfigMapName is empty"),
        (["ingress.enabled=true"], "ingress.hosts is empty"),
        (["serviceMonitor.enabled=true", "podMonitor.enabled=true"], "twice"),
        (["config.max_stream_age_seconds=0"], "needs config.max_stream_age_seconds"),
        (["config.max_connection_grace_seconds=100"], "must be at least"),
    ],
    ids=lambda each: re.sub(r"0{8,}", "0…", ",".join(each)) if isinstance(each, list) else "",
)
def test_says_what_does_not_go_together(settings: list[str], sentence: str) -> None:
    with pytest.raises(Refused, match=re.escape(sentence)):
        chart(*settings)


@pytest.mark.parametrize(
    ("settings", "kubernetes", "sentence"),
    [
        ([], "1.30.0", "kubeVersion"),
        (["gpu.enabled=true", "gpu.claim.enabled=true"], "1.33.0", "gpu.claim needs Kubernetes 1.34"),
        (["model.source=image", "model.image.reference=r"], "1.32.0", "needs Kubernetes 1.33"),
    ],
)
def test_says_which_kubernetes_it_needs(settings: list[str], kubernetes: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        chart(*settings, kubernetes=kubernetes)


# What is said at the end.


@SETS
def test_notes_say_what_is_open(value_set: Path, tmp_path: Path) -> None:
    notes_object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "notes"},
        "data": {"notes": '{{ include "bayespfl-inspector.notes" . | b64enc }}'},
    }
    values = yaml.safe_load(value_set.read_text())
    extended = tmp_path / "values.yaml"
    extended.write_text(yaml.safe_dump(values | {"extraObjects": [notes_object]}))
    maps = of_kind(render(helm("3"), "--values", extended), "ConfigMap")
    notes = base64.b64decode(
        next(each for each in maps if each["metadata"]["name"] == "notes")["data"]["notes"]
    ).decode()
    found = objects(golden_of(value_set).read_text())
    pod = next(pod for each in found if (pod := pod_of(each)) is not None)
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert ("WARNING: no TLS" in notes) == ("tls" not in volumes)
    assert ("WARNING: neither" in notes) == ("tls" in volumes and not volumes & {"tokens", "client-ca"})
    assert "helm -n inspection test plant" in notes
    assert "%!" not in notes
