"""What each page takes for granted, what is run in another form, and what must come of it.

A block with the tag `sh` is run as it stands; a page without an entry here has all it needs. Whatever an entry names must
be on the page: one that is not there any more is a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from expectations import Check, every_line, helps, says, tells, warns_of_nothing, writes


@dataclass(frozen=True)
class Instead:
    """Text of the page's commands, what is run in its place, and why."""

    text: str
    run: str
    why: str


@dataclass(frozen=True)
class Plan:
    # What the page's commands name and the reader has: the name, and a command that makes it. In this order, before all.
    has: Mapping[str, str] = field(default_factory=dict)
    # The files that the page's blocks with the tag `yaml` are, in order; they lie there from the beginning.
    yaml: tuple[str, ...] = ()
    # The server that another page has told the reader to start.
    server: str = ""
    instead: tuple[Instead, ...] = ()
    # The exit code of the one command that holds the text, where it is not 0.
    exits: Mapping[str, int] = field(default_factory=dict)
    # What must come of the one command that holds the text.
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    # Blocks without a tag show output: of which command, in order.
    shows: tuple[str, ...] = ()


# Blocks that other tests run, and the files of those tests; "" is no tag.
ELSEWHERE: dict[tuple[str, str], str] = {
    ("README.md", "go"): "client/go/internal/snippets/snippets_test.go",
    ("README.md", "python"): "client/python/tests/test_docs.py",
    ("client/python/README.md", "python"): "client/python/tests/test_docs.py",
    ("deploy/bundle/INSTALL.md", "sh"): "tests/image/test_bundle.py",  # make image-test
    ("docs/cpp.md", "cpp"): "scripts/test_cpp_consumer.sh",
    ("docs/cpp.md", "sh"): "scripts/test_cpp_consumer.sh",
    ("docs/docker.md", "sh"): "tests/image/test_docs.py",  # make image-test
    ("docs/go.md", "go"): "client/go/internal/snippets/snippets_test.go",
    ("docs/go.md", "sh"): "client/go/internal/snippets/snippets_test.go",
    (
        "docs/kubernetes.md",
        "sh",
    ): "tests/cluster/test_documentation.py",  # make cluster-test
    ("docs/kubernetes.md", "yaml"): "tests/cluster/test_documentation.py",
    ("docs/kserve.md", ""): "tests/e2e/kserve_test.py",
    ("docs/kserve.md", "python"): "tests/e2e/kserve_test.py",
    ("docs/monitoring.md", ""): "tests/traces/live/test_collector.py",
    ("docs/python.md", "python"): "client/python/tests/test_docs.py",
}

_ADAPTER = """- seriesQuery: 'bayespfl_queue_wait_seconds_count{queue="execute",namespace!="",pod!=""}'"""

_CHART_INSTALL = (
    "helm install plant helm/bayespfl-inspector --namespace inspection --create-namespace --wait --timeout 15m \\"
)
_CHART_SECRETS = "kubectl -n inspection create secret tls inspection-tls --cert=server.pem --key=server.key"
_CHART_RUN = "the short form of docs/kubernetes.md, whose commands make cluster-test runs"

# Blocks that no test runs: page and first line, and why. What needs a program that `make setup` does not bring belongs here,
# or better into ELSEWHERE, once a test that has the program reads the page.
NOT_RUN: dict[tuple[str, str], str] = {
    (
        "docs/docker.md",
        "docker run --detach --name inspector --gpus all … bayespfl-inspector:0.1.0-cuda",
    ): "needs a GPU",
    (
        "docs/docker.md",
        "docker compose --file deploy/compose.yaml up --detach --wait",
    ): "tests/image runs this file with a Prometheus of its own; that of the page comes from a registry",
    (
        "docs/docker.md",
        "make packages",
    ): "installs on this machine; tests/image does so in a root of its own",
    (
        "docs/docker.md",
        "mkdir inspection && tar -C inspection --strip-components 1 -xzf build/packages/bayespfl-*-linux-amd64.tar.gz",
    ): "installs on this machine; tests/image does so in a root of its own",
    ("docs/kubernetes.md", _ADAPTER): "needs prometheus-adapter",
    ("helm/bayespfl-inspector/README.md", _CHART_INSTALL): _CHART_RUN,
    ("helm/bayespfl-inspector/README.md", _CHART_SECRETS): _CHART_RUN,
    (
        "docs/operations.md",
        "cpu           libtorch 2.11.0 AVX512 threads=16",
    ): "what a machine with a GPU says",
    (
        "recipes/demo-model/README.md",
        "recipes/demo-model/training-set.sh out/training            # surfaces, objects, photographs",
    ): "fetches 155 MB of photographs; tests/recipes runs what needs none of them",
    (
        "docs/demo-model.md",
        "recipes/demo-model/train.sh out/demo-model",
    ): "fetches the same and trains for two hours",
}

_DEMO_MODEL = "assets/demo/model"
_LEATHER = "assets/demo/images/leather"
_OF_LEATHER = ("good_0", "hole_0", "scratch_0")
# The id of the last line of the server's result log.
_LAST_RESULT = (
    """$(tail -n 1 results.jsonl | python3 -c 'import json, sys; print(json.load(sys.stdin)["result_id"])')"""
)
_TINY = "--vision-heads 4 --text-heads 4 --image-size 56"
_SHORT_BENCH = "--size 60 --seconds 0"
_ONE_PICTURE = "calibrate --fail-rate 0.5 --review-rate 0.5"

PLANS: dict[str, Plan] = {
    "README.md": Plan(
        instead=(
            Instead(
                "make demo",
                "make --old-file=programs demo",
                "the programs are built; it is the demo that is run",
            ),
            Instead("make test", "make --dry-run test", "this test is a part of it"),
        ),
        checks={
            "make --old-file=programs demo": (
                writes(
                    "out/demo/leather/hole_0_overlay.png",
                    "out/demo/leather/hole_0_mask.png",
                ),
            ),
            "make --dry-run test": (says("^scripts/test.sh$"),),
        },
        shows=("make --old-file=programs demo",),
    ),
    "docs/calibration.md": Plan(
        instead=(
            Instead("--count 100", "--count 1", "900 pictures take minutes to paint"),
            Instead(
                "bayespfl-model calibrate",
                f"bayespfl-model {_ONE_PICTURE}",
                "one picture supports no other rates",
            ),
        ),
        exits={"--fail-on fail": 2},
        checks={
            "--category HIDE-12 --object leather": (
                says("HIDE-12"),
                writes("assets/demo/model/calibration.json"),
            ),
            "--fail-on fail": (says(r"^good_0\.jpg +HIDE-12 ", r"^hole_0\.jpg +HIDE-12 +FAIL "),),
        },
    ),
    "docs/evaluation.md": Plan(
        checks={
            "bayespfl-model evaluate": (
                writes(*(f"out/report/{name}" for name in ("report.html", "report.md", "report.json"))),
                writes("out/report/metrics.csv", "out/report/scores.csv"),
            ),
        },
    ),
    "docs/kserve.md": Plan(checks={"pip install": (says("already satisfied: tritonclient"), warns_of_nothing())}),
    "docs/models.md": Plan(
        instead=(
            Instead(
                "--arch vit-l-14-336",
                "--arch tiny",
                "files of the published sizes are a gigabyte",
            ),
            Instead(
                "model convert",
                f"model convert {_TINY}",
                "shapes tell nothing else of so small a model",
            ),
            Instead("--count 12", "--count 1", "108 pictures take half a minute to paint"),
        ),
        checks={
            "bayespfl-model init": (helps("bayespfl-model init", r"\bvit-l-14-336\b"),),
            "bayespfl-model verify": (says("out/model"),),
            "bayespfl-model evaluate": (writes("out/report/report.html"),),
            "--output out/leather": (
                every_line(r'\{"image":"'),
                writes("out/leather/hole_0_overlay.png", "out/leather/hole_0_mask.png"),
            ),
            "bayespfl-model replay": (says("equal to the bit$"),),
            "generate_images.py": (writes("out/calibration/leather/good_0.jpg"),),
        },
    ),
    "docs/operations.md": Plan(
        has={
            "pictures/": f"ln -s {_LEATHER} pictures",
            "models/": "mkdir models",
            "leather-v1": f"cp -r {_DEMO_MODEL} models/leather-v1",
            "leather-v2": f"cp -r {_DEMO_MODEL} models/leather-v2",
        },
        server=f"bayespfl-server --model {_DEMO_MODEL}",
        instead=(
            Instead(
                " bench ",
                " bench --seconds 1 --warm-up 0 ",
                "a measurement takes half a minute for each load",
            ),
            Instead("--cameras 64", "--cameras 2", "a search takes many loads"),
        ),
        checks={
            "--p99 300": (says("^stream density: "),),
            "models load leather-v2": (says("^leather-v2 serves: "),),
            "models default leather-v2": (says("^leather-v2 answers the requests that name no model$"),),
            "models unload leather-v1": (says("^leather-v1 serves no more$"),),
            "admin log-level --admin": (says(r"^info \(configured: info\)$"),),
            "admin log-level debug": (says(r"^debug until 20.* \(configured: info\)$"),),
            "admin config": (says("^admin_port: 50052  # flag, --admin-port$", "^# model leather-v2, digest "),),
            "admin drain": (says("^DRAINING: 0 frames in flight, 0 streams and 0 other calls open$"),),
        },
    ),
    "docs/performance.md": Plan(
        instead=(
            Instead(
                "make bench",
                f"BENCH_FLAGS='{_SHORT_BENCH}' make --old-file=programs bench",
                "the programs are built; it is the measurement that is run, and a short one",
            ),
            Instead("model bench", f"model bench {_SHORT_BENCH}", "a measurement takes half a minute"),
            Instead(
                "tests/serving_bench",
                "tests/serving_bench --pictures raw-64 --callers 1 --seconds 0.1 --warm-up 0",
                "all cases take a minute",
            ),
            Instead(
                "tests/serving_ratio",
                "tests/serving_ratio --turns 1 --seconds 1 --warm-up 0",
                "ten turns take more than a minute",
            ),
        ),
        checks={
            "make --old-file=programs bench": (writes("out/bench.json"), says("^the scores of all forms agree: ")),
            "--json out/bench.json": (writes("out/bench.json"), says("^60 px, 1 turn; ")),
            "--repeats 3": (says("^the scores of all forms agree: "),),
            "--json out/serving.json": (writes("out/serving.json"), says("^raw-64 +stream +1 .* 0$")),
            "--json out/ratio.json": (writes("out/ratio.json"), says(r"^median +[0-9.]+ ")),
        },
    ),
    "docs/python.md": Plan(
        has={
            "parts/": "mkdir parts",
            "part.png": f"cp {_LEATHER}/hole_0.jpg part.png; cp part.png parts",
            "line-a": f"mkdir models; cp -r {_DEMO_MODEL} models/line-a",
            "results.jsonl": "true  # the server's result log",
        },
        server=f"bayespfl-server --model {_DEMO_MODEL} --model-root models --admin-port 50052 --result-log results.jsonl",
        instead=(Instead("0190b2a6-...", _LAST_RESULT, "an id that is in the log"),),
        checks={
            "pip install": (
                says("^Successfully installed bayespfl-client-"),
                warns_of_nothing(),
            ),
            "bayespfl inspect": (
                says(r"^part\.png +leather +FAIL "),
                writes("out/part_overlay.png", "out/part_mask.png"),
            ),
            "bayespfl replay": (says("^equal to the bit$"),),
            "models load line-a": (says("^line-a serves: "),),
        },
    ),
    "docs/quickstart.md": Plan(
        has={"GOOD_PICTURES": f"mkdir GOOD_PICTURES; cp {_LEATHER}/good_0.jpg GOOD_PICTURES"},
        instead=(
            Instead(
                "bayespfl-model calibrate",
                f"bayespfl-model {_ONE_PICTURE}",
                "one picture supports no other rates",
            ),
        ),
        checks={
            "bayespfl-client health": (says("SERVING"),),
            "--output out/leather": (
                writes(*(f"out/leather/{name}_{kind}.png" for name in _OF_LEATHER for kind in ("overlay", "mask"))),
            ),
            "--json --regions": (every_line(r'\{"image":"[^"]*hole_0\.jpg",.*"regions":'),),
            "inspect --stream": (says("^27 frames, 0 failed, "),),
            "bayespfl-client info": (says("bayespfl-demo"),),
            "models list": (says("^bayespfl-demo "),),
            "models get": (says("leather"),),
            "bayespfl-client replay": (says("^equal to the bit$"),),
            "bayespfl-model calibrate": (says("^leather: "),),
            "9090/metrics": (every_line("# (HELP|TYPE) |(bayespfl|process)_"),),
            "bayespfl-model inspect": (writes("out/maps/good_0.npy"),),
        },
        shows=("--output out/leather",),
    ),
    "docs/security.md": Plan(
        has={
            "DIR": f"ln -s {_DEMO_MODEL} DIR",
            "server.key": "openssl ecparam -genkey -noout -name prime256v1 -out server.key",
            "server.pem": "openssl req -x509 -key server.key -days 1 -subj /CN=gpu -addext subjectAltName=DNS:gpu -out server.pem",
            "ca.pem": "cp server.pem ca.pem",
            "token": "printf abc >token  # the page shows its SHA-256",
        },
        yaml=("tokens.yaml",),
        checks={
            "--token-file token": (says("bayespfl-demo"),),
            "sha256sum": (says("^[0-9a-f]{64}  -$"),),
        },
    ),
    "docs/synthetic.md": Plan(
        checks={
            "--output out/parts": (
                says("^out/parts: 16 pictures"),
                writes("out/parts/nut/test/good/000.png", "out/parts/brushed_metal/test/good/003.png"),
            ),
            "bayespfl-model evaluate": (writes("out/report/report.html"),),
            "--output out/on-photographs": (
                says("^out/on-photographs: 8 pictures of 2 photographs in 2 categories, 0 left out"),
                writes("out/on-photographs/wood/test/good/000.png"),
            ),
        },
    ),
    "docs/training.md": Plan(
        checks={
            "--output out/learn": (says("^out/learn: 32 pictures"),),
            "train --dry-run": (
                says("^would read   32 pictures to learn from"),
                says("^would cache  the features of 80 pictures"),
            ),
            "train --config out/train.yaml": (
                writes("out/run/model/config.json", "out/run/report.html", "out/run/epochs.csv"),
                tells("^epoch [0-9]+, stage 1: loss ", "^epoch [0-9]+, stage 2: loss "),
            ),
            "train --config out/towers.yaml": (writes("out/towers/model/clip.safetensors", "out/towers/report.html"),),
            "inspect --model out/run/model": (says('"score"'),),
            "inspect --model out/towers/model": (says('"score"'),),
        },
    ),
}
