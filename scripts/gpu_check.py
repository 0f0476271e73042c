"""The steps of `scripts/gpu-check.sh run`, which says what they are for. Needs nothing but Python's own library and, in the
same Python, the wheel torch."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

CHECKOUT = Path(__file__).resolve().parents[1]
MODEL = CHECKOUT / "assets/demo/model"
IMAGES = CHECKOUT / "assets/demo/images"
TORCH = "2.11.0"  # what the programs are built with: its C++ interface changes with each release
SCHEMA = 2
REHEARSAL_PATIENCE = 6  # a rehearsal's limits are so many times as long: a CPU is slower than a GPU


class StepError(Exception):
    """Why a step failed, in a sentence."""


@dataclasses.dataclass(frozen=True)
class Step:
    """`work` raises StepError, or returns what the step found out; `sentence` says it in one line of the table."""

    name: str
    limit_s: float
    work: Callable[[Check], dict[str, Any]]
    sentence: Callable[[dict[str, Any]], str]


class Check:
    """The machine as the steps see it: the device, the unpacked programs, and the time that is left for a step."""

    def __init__(self, device: str, programs: Path, torch: Path) -> None:
        self.device = device
        self.on_cpu = device == "cpu"
        self._programs = programs
        self._deadline = 0.0
        libraries = [str(torch / "lib"), str(programs / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("BAYESPFL_")}
        self._environment |= {
            "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
            "TEST_CHECKOUT": str(CHECKOUT),
            "TEST_DEVICE": device,
        }

    def begin(self, limit_s: float) -> None:
        self._deadline = time.monotonic() + limit_s

    def left(self) -> float:
        return max(0.1, self._deadline - time.monotonic())

    def program(self, name: str) -> str:
        return str(self._programs / "bin" / name)

    def run(self, name: str, *arguments: str | Path, codes: tuple[int, ...] = (0,)) -> str:
        """What a program prints. StepError: another exit code than these, or the step's time is over."""
        try:
            finished = subprocess.run(
                [self.program(name), *arguments],
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.left(),
                env=self._environment,
            )
        except subprocess.TimeoutExpired:
            raise StepError(f"{name} was not done when the step's time was over") from None
        except OSError as error:
            raise StepError(f"{name} cannot be started: {error.strerror}") from None
        if finished.returncode not in codes:
            said = (finished.stderr.strip() or finished.stdout.strip())[-2000:]
            raise StepError(f"{name} ended with {finished.returncode}: {said}")
        return finished.stdout

    @contextlib.contextmanager
    def server(self, *flags: str) -> Iterator[Server]:
        """A server on the device while the block runs; it must then end with 0."""
        command = [self.program("bayespfl-server"), "--model", str(MODEL), "--device", self.device, "--port", "0"]
        command += ["--http-port", "0", "--drain-delay-seconds", "0", "--log-level", "error", *flags]
        with tempfile.TemporaryFile("w+") as log:
            try:
                process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment
                )
            except OSError as error:
                raise StepError(f"bayespfl-server cannot be started: {error.strerror}") from None
            # A server that hangs prints nothing: the timer ends the reading, and whatever else waits for the process.
            timer = threading.Timer(self.left(), process.kill)
            timer.start()
            try:
                yield Server(process)
                process.terminate()
                code = process.wait()
                if code != 0:
                    log.seek(0)
                    raise StepError(f"bayespfl-server ended with {code}: {log.read()[-2000:]}")
            except EOFError:
                log.seek(0)
                raise StepError(f"bayespfl-server ended before it was ready: {log.read()[-2000:]}") from None
            finally:
                timer.cancel()
                process.kill()
                process.communicate()


class Server:
    """A server that is ready. EOFError: it ended before."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        addresses = {}
        assert process.stdout is not None
        for line in process.stdout:
            if match := re.match(r"bayespfl-server: (.*) listening on (\S+)", line):
                addresses[match[1]] = match[2]
            if line.startswith("bayespfl-server: ready"):
                self.address, self._http = addresses["gRPC"], addresses["HTTP"]
                return
        raise EOFError

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        try:
            with urllib.request.urlopen(f"http://{self._http}/metrics", timeout=10) as answer:
                page = answer.read().decode()
        except OSError as error:
            raise StepError(f"the server's /metrics do not answer: {error}") from None
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)
        return sum(map(float, values))


def look_at_devices(check: Check) -> dict[str, Any]:
    printed = check.run("bayespfl-model", "devices", *([] if check.on_cpu else ["--require-gpu"]))
    return {"printed": printed.splitlines()}


def run_tests(check: Check, *programs: str) -> dict[str, Any]:
    passed = {}
    for program in programs:
        printed = check.run(program, "--gtest_brief=1")
        found = re.search(r"^\[  PASSED  \] (\d+) test", printed, re.MULTILINE)
        if not found:
            raise StepError(f"{program} does not say how many tests passed: {printed[-500:]}")
        passed[program] = int(found[1])
    return {"passed": passed}


def passed_sentence(results: dict[str, Any]) -> str:
    return ", ".join(f"{program} {count} tests" for program, count in results["passed"].items())


def pictures() -> list[Path]:
    """A good and a defective one of each of the demo's materials."""
    return sorted(picture for folder in IMAGES.iterdir() for picture in sorted(folder.glob("*.jpg"))[:2])


def bench(check: Check, what: str) -> dict[str, Any]:
    """What `device_bench` finds out, in each precision that the device computes in."""
    precisions = "fp32,bf16" if check.on_cpu else "fp32,bf16,fp16"
    # 2: it is too far off, which its numbers say better than its exit code.
    printed = check.run("device_bench", what, check.device, precisions, MODEL, *pictures(), codes=(0, 2))
    return {"precisions": [json.loads(line) for line in printed.splitlines()]}


def compare(check: Check) -> dict[str, Any]:
    found = bench(check, "compare")
    for each in found["precisions"]:
        if not each["agrees"]:
            raise StepError(f"scores or maps are further apart than {each['tolerance']}: {json.dumps(each)}")
    return found


def compare_sentence(results: dict[str, Any]) -> str:
    lines = []
    for each in results["precisions"]:
        worst = max(max(batch["from_alone"].values()) for batch in each["batches"])
        lines.append(
            f"{each['precision']}: from the CPU's fp32 {max(each['from_cpu'].values()):.1e}, "
            f"in a batch from alone {worst:.1e}, alone again {max(each['alone_again'].values()):.0e}"
        )
    return "\n".join(lines)


def measure(check: Check) -> dict[str, Any]:
    return bench(check, "speed")


def speed_sentence(results: dict[str, Any]) -> str:
    most = (
        f"{max(batch['frames_per_second'] for batch in each['batches']):.1f} in {each['precision']}"
        for each in results["precisions"]
    )
    return f"frames/s at most: {', '.join(most)}"


def replay_graphs(check: Check) -> dict[str, Any]:
    found = bench(check, "graphs")
    for each in found["precisions"]:
        if not each["agrees"]:
            raise StepError(f"what was recorded is not what is computed: {json.dumps(each)}")
        if not each["replays"] and not check.on_cpu:
            raise StepError(f"nothing was recorded: {'; '.join(each['notices'])}")
    return found


def graphs_sentence(results: dict[str, Any]) -> str:
    lines = []
    for each in results["precisions"]:
        gains = (
            f"{batch['batch']}: {1e3 * batch['seconds']:.1f} -> {1e3 * batch['recorded_seconds']:.1f} ms"
            for batch in each["batches"]
        )
        lines.append(
            f"{each['precision']}: {each['replays']} batches replayed, off by {max(each['largest'].values()):.1e}; "
            f"{', '.join(gains)}"
        )
    return "\n".join(lines)


def put_load(check: Check, server: Server, seconds: int, warm_up: int) -> dict[str, Any]:
    """What `bayespfl-client bench` says of a closed loop; no frame may have failed."""
    cameras = 2 if check.on_cpu else 32
    arguments = ["--category", "leather", "--cameras", str(cameras), "--seconds", str(seconds)]
    arguments += ["--warm-up", str(warm_up), "--json", str(IMAGES / "leather")]
    # 4: frames failed, which are counted in what it prints.
    printed = check.run("bayespfl-client", "bench", "--server", server.address, *arguments, codes=(0, 4))
    load: dict[str, Any] = json.loads(printed)
    if load["errors"] or not load["results"]:
        raise StepError(f"{load['results']} frames were answered, and of the others: {load['errors']}")
    return load


def serve(check: Check) -> dict[str, Any]:
    with check.server() as server:
        load = put_load(check, server, seconds=10, warm_up=3)
        batches = server.metric("bayespfl_batch_size_count")
        return {
            "load": load,
            "frames_of_a_batch": server.metric("bayespfl_batch_size_sum") / max(1, batches),
            "largest_batch": server.metric("bayespfl_batch_size_limit"),
            "device_memory_used_bytes": server.metric("bayespfl_device_memory_used_bytes"),
        }


def serve_sentence(results: dict[str, Any]) -> str:
    load = results["load"]
    return (
        f"{load['cameras']} cameras: {load['answered_per_second']:.1f} frames/s, "
        f"p99 {load['latency_milliseconds']['p99']:.0f} ms, {results['frames_of_a_batch']:.1f} frames a batch"
    )


def run_out_of_memory(check: Check) -> dict[str, Any]:
    """Every third batch does not fit into the device: it is computed in parts, and no frame is lost."""
    with check.server("--inject-faults", "device_memory:3") as server:
        load = put_load(check, server, seconds=5, warm_up=0)
        count = server.metric("bayespfl_out_of_memory_total")
    if count == 0:
        raise StepError("no batch met the fault")
    return {"load": load, "out_of_memory": count}


def memory_sentence(results: dict[str, Any]) -> str:
    return (
        f"{results['out_of_memory']:.0f} batches did not fit, {results['load']['results']} frames answered, none lost"
    )


def train(check: Check) -> dict[str, Any]:
    """Both stages of a tiny model, twice: the device's backward must give the same bits again."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        check.run("bayespfl-model", "init", "--arch", "tiny", "--output", folder / "start")
        for name, families, seed in (("learn", "disc,plate", "1"), ("judge", "leather", "2")):
            arguments = ("--families", families, "--good", "4", "--anomalous", "4", "--side", "96", "--seed", seed)
            check.run("bayespfl-model", "synthesize", "--output", folder / name, *arguments)
        weights, epochs = [], []
        for run in ("first", "second"):
            config = folder / f"{run}.yaml"
            config.write_text(
                f"model: start\noutput: {run}\ntraining: [{{path: learn}}]\nvalidation: [{{path: judge}}]\n"
                "batch_size: 4\nepochs: 12\npatience: 0\nsamples: 2\nreport_pictures: 0\n"
                f"device: {check.device}\n"
            )
            check.run("bayespfl-model", "train", "--config", config)
            weights.append((folder / run / "model/bayespfl.safetensors").read_bytes())
            epochs.append((folder / run / "epochs.csv").read_text().splitlines()[1:])
    stages = sorted({row.split(",")[1] for row in epochs[0]})
    if weights[0] != weights[1] or epochs[0] != epochs[1]:
        raise StepError("two runs of the same training ended with other bits")
    return {"epochs": len(epochs[0]), "stages": stages}


def train_sentence(results: dict[str, Any]) -> str:
    return f"{results['epochs']} epochs of the stages {' and '.join(results['stages'])}, twice to the same bits"


# Together less than eight minutes.
STEPS = (
    Step("devices", 30, look_at_devices, lambda results: results["printed"][-1]),
    Step("parity", 45, lambda check: run_tests(check, "parity_test", "detect_golden_test"), passed_sentence),
    Step("detector", 60, lambda check: run_tests(check, "detector_test"), passed_sentence),
    Step("compare", 50, compare, compare_sentence),
    Step("speed", 50, measure, speed_sentence),
    Step("graphs", 40, replay_graphs, graphs_sentence),
    Step("server", 50, serve, serve_sentence),
    Step("memory", 40, run_out_of_memory, memory_sentence),
    Step("train", 60, train, train_sentence),
)


def try_step(check: Check, step: Step) -> dict[str, Any]:
    print(f"gpu-check: {step.name}", file=sys.stderr, flush=True)
    begin = time.monotonic()
    check.begin(step.limit_s * (REHEARSAL_PATIENCE if check.on_cpu else 1))
    try:
        results = step.work(check)
        outcome = {"passed": True, "sentence": step.sentence(results), "results": results}
    except StepError as error:
        outcome = {"passed": False, "sentence": str(error), "results": None}
    except (LookupError, TypeError, ValueError, OSError) as error:  # a program printed what nobody expected
        outcome = {"passed": False, "sentence": f"{type(error).__name__}: {error}", "results": None}
    return {"step": step.name, "seconds": round(time.monotonic() - begin, 1)} | outcome


def refuse(sentence: str) -> NoReturn:
    print(f"gpu-check: {sentence}", file=sys.stderr)
    sys.exit(2)


def find_torch() -> tuple[Path, str]:
    """LibTorch's folder in the wheel of this Python, and its version. Torch is not imported: no Python runs on the GPU."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        refuse("this Python has no torch; name one that has it in GPU_CHECK_PYTHON")
    version = importlib.metadata.version("torch")
    if version.partition("+")[0] != TORCH:
        refuse(f"the programs need torch {TORCH}; this Python has {version}")
    return Path(found.origin).parent, version


def describe_machine() -> dict[str, Any]:
    processor = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    machine = {
        "processor": processor[1] if processor else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "gpu": None,
    }
    if nvidia := shutil.which("nvidia-smi"):
        query = "--query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm"
        with contextlib.suppress(subprocess.TimeoutExpired):
            said = subprocess.run(
                [nvidia, query, "--format=csv,noheader"], check=False, capture_output=True, text=True, timeout=20
            )
            machine["gpu"] = said.stdout.strip() or None
    return machine


def print_table(report: dict[str, Any]) -> None:
    print(
        f"{report['device']}, torch {report['torch']}, {report['machine']['gpu'] or report['machine']['processor']}\n"
    )
    print("step      result  seconds  what")
    for step in report["steps"]:
        lines = step["sentence"].splitlines() or [""]
        print(f"{step['step']:<9} {'ok' if step['passed'] else 'FAILED':<6} {step['seconds']:>8.1f}  {lines[0]}")
        for line in lines[1:]:
            print(f"{'':27}{line}")
    for step in report["steps"]:
        if step["step"] != "speed" or not step["passed"]:
            continue
        print("\nin    batch  frames/s        ms  GFLOP/s  of GEMM  GEMM GFLOP/s")
        for each in step["results"]["precisions"]:
            for batch in each["batches"]:
                print(
                    f"{each['precision']:<5} {batch['batch']:>5} {batch['frames_per_second']:>9.1f} "
                    f"{1e3 * batch['seconds']:>9.1f} {1e-9 * batch['flop_per_second']:>8.0f} "
                    f"{batch['gemm_share']:>8.0%} {1e-9 * batch['gemm_flop_per_second']:>13.0f}"
                )
    passed = sum(step["passed"] for step in report["steps"])
    print(f"\n{passed} of {len(report['steps'])} steps passed in {report['seconds']:.0f} s")


def main() -> int:
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(description=__doc__, prog="gpu-check.sh run")
    parser.add_argument("folder", type=Path, help="what `gpu-check.sh pack` made")
    parser.add_argument("--device", required=True)
    parser.add_argument("--json", type=Path, help="write everything into this file")
    parser.add_argument("--steps", default=",".join(names), help=f"some of {', '.join(names)}")
    arguments = parser.parse_args()
    wanted = arguments.steps.split(",")
    if unknown := [name for name in wanted if name not in names]:
        parser.error(f"there is no step {unknown[0]}")
    torch, version = find_torch()
    begin = time.monotonic()
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "device": arguments.device,
        "torch": version,
        "machine": describe_machine(),
    }
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with tarfile.open(arguments.folder / "programs.tar.xz") as archive:
                # Pythons before 3.11.4 know no filters; the archive is our own.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                archive.extractall(scratch)
        except (OSError, tarfile.TarError) as error:
            refuse(f"the programs cannot be unpacked: {error}")
        check = Check(arguments.device, Path(scratch), torch)
        report["steps"] = [try_step(check, step) for step in STEPS if step.name in wanted]
    report["seconds"] = round(time.monotonic() - begin, 1)
    report["passed"] = all(step["passed"] for step in report["steps"])
    print_table(report)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
