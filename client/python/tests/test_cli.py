"""The `bayespfl` command."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from conftest import PICTURES, ROOT
from fake_server import FakeServer

from bayespfl import cli
from bayespfl.cli._inputs import collect_inputs, read_manifest
from bayespfl.cli._output_names import OutputNames
from bayespfl.cli._picture_files import LeftOut
from bayespfl.testing import RunningServer, start_server

LEATHER = PICTURES / "leather"


@dataclass
class Finished:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def bayespfl(*arguments: object, server: str = "127.0.0.1:1", data: bytes = b"") -> Finished:
    """Runs the command inside this process, with nothing of the environment but the server's address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BAYESPFL_")}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment | {"BAYESPFL_SERVER": server}, clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(data))),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            code = int(cli.main([str(argument) for argument in arguments]))
        except SystemExit as end:  # of argparse
            code = int(end.code or 0)
    return Finished(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["one by one", "stream"])
def test_significant_bits_are_sent_and_stand_in_the_lines(
    fake_server: FakeServer, tmp_path: Path, stream: list[str]
) -> None:
    picture = tmp_path / "a.tif"
    picture.write_bytes(b"dark")
    arguments = ["inspect", picture, "--category", "leather", "--json", *stream]

    told = bayespfl(*arguments, "--significant-bits", "12", server=fake_server.target)
    forgotten = bayespfl(*arguments, server=fake_server.target)

    line = json.loads(told.stdout)
    assert (line["provenance"]["picture"]["significant_bits"], line["warnings"]) == (12, [])
    assert json.loads(forgotten.stdout)["warnings"] == [{"reason": "SHALLOW_SAMPLES", "message": "it fills 12 bits"}]


def test_a_manifests_own_significant_bits_come_before_the_flags(fake_server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"dark")
    manifest = tmp_path / "m.csv"
    manifest.write_text("image,category,significant_bits\na.tif,leather,10\na.tif,leather,\n")

    finished = bayespfl(
        "inspect", "--manifest", manifest, "--json", "--significant-bits", "12", server=fake_server.target
    )

    assert [request.image.significant_bits for request in fake_server.requests] == [10, 12], finished
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [line["provenance"]["picture"]["significant_bits"] for line in lines] == [10, 12]
    manifest.write_text("image,category,significant_bits\na.tif,leather,8\n")
    refused = bayespfl("inspect", "--manifest", manifest, server=fake_server.target)
    assert 'line 2: significant_bits is "8"; expected 9 to 16, or nothing' in refused.stderr


def test_a_warning_is_told_once(fake_server: FakeServer, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"good" if name == "b.png" else b"dark")

    finished = bayespfl("inspect", tmp_path, "--category", "leather", server=fake_server.target)

    assert finished.stdout.splitlines()[-1] == "warning: 2 of 3 pictures: it fills 12 bits", finished


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["inspect"], "name pictures and their --category, or a --manifest"),
        (["inspect", LEATHER], "--category is missing"),
        (["inspect", LEATHER, "--category", "x" * 257], "must have 1..256 bytes"),
        (["inspect", "/no/such", "--category", "x"], "no such file or folder: /no/such"),
        (["inspect", LEATHER, "--category", "x", "--samples", "65"], "'65' is no whole number of 1..64"),
        (["inspect", LEATHER, "--category", "x", "--significant-bits", "8"], "'8' is no whole number of 9..16"),
        (["inspect", LEATHER, "--category", "x", "--fail-above", "2"], "'2' is no number of 0..1"),
        (["inspect", LEATHER, "--category", "x", "--latest"], "--latest needs --stream"),
        (["inspect", LEATHER, "--category", "x", "--regions"], "--regions needs --json"),
        (["inspect", LEATHER, "--category", "x", "--seed", "1", "--random-seed"], "not allowed with"),
        (["inspect", "--manifest", "/no/such.csv"], "cannot read /no/such.csv"),
        (["inspect", "--cat", "x", LEATHER], "unrecognized arguments"),
        (["replay", "/no/such", "x"], "cannot read /no/such"),
        (["health", "--server", "nowhere"], "is no server address"),
        (["health", "--token-file", "/no/such"], "cannot read the token file /no/such"),
        (["models", "load", "x"], "--admin"),
        (["admin", "drain"], "--admin"),
        (["admin", "log-level", "debug", "--for", "soon", "--admin", "x"], "'soon' is no time"),
        (["admin", "log-level", "--for", "10m", "--admin", "127.0.0.1:1"], "--for needs a level"),
        (
            ["admin", "log-level", "debug", "--configured", "--admin", "127.0.0.1:1"],
            "--configured goes without a level",
        ),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_code_1(arguments: list[object], sentence: str) -> None:
    finished = bayespfl(*arguments)

    assert finished.returncode == 1, finished
    assert sentence in finished.stderr
    assert finished.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["health"],
        ["info"],
        ["models", "list"],
        ["inspect", LEATHER / "good_0.jpg", "--category", "leather", "--timeout", "1"],
    ],
)
def test_an_unreachable_server_is_exit_code_3(arguments: list[object]) -> None:
    finished = bayespfl(*arguments, "--timeout", "1")

    assert finished.returncode == 3, finished
    assert "127.0.0.1:1" in finished.stderr


def test_says_its_version_as_a_program_of_its_own() -> None:
    command = [sys.executable, "-m", "bayespfl.cli", "--version"]

    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stdout == b"0.1.0\n"


@pytest.mark.server
class TestWithServer:
    def test_health_info_and_models(self, bayespfl_server: RunningServer) -> None:
        server = bayespfl_server.target

        assert bayespfl("health", server=server).stdout == "SERVING\n"
        info = json.loads(bayespfl("info", "--json", server=server).stdout)
        assert info["default_model"]["name"] == "bayespfl-demo"
        assert info["limits"]["max_picture_bytes"] == 4 << 20
        assert "max_frames_in_flight" in bayespfl("info", server=server).stdout
        listed = json.loads(bayespfl("models", "list", "--json", server=server).stdout)["models"]
        assert [model["name"] for model in listed] == ["bayespfl-demo"]
        assert bayespfl("models", "list", server=server).stdout.splitlines()[1].startswith("bayespfl-demo  yes")
        got = json.loads(bayespfl("models", "get", "--json", server=server).stdout)
        assert len(got["categories"]) == 9
        assert "  leather: mask 0.34" in bayespfl("models", "get", server=server).stdout
        missing = bayespfl("models", "get", "nuts", server=server)
        assert (missing.returncode, "refused" in missing.stderr) == (1, True)

    def test_changes_models_on_the_administration_port(self, bayespfl_server: RunningServer) -> None:
        admin = ["--admin", bayespfl_server.admin]

        loaded = bayespfl("models", "load", "model", *admin)
        assert (loaded.returncode, loaded.stdout.startswith("model serves: 2.0.0+")) == (0, True), loaded
        assert (
            bayespfl("models", "default", "model", *admin).stdout == "model answers the requests that name no model\n"
        )
        assert bayespfl("models", "default", "bayespfl-demo", *admin).returncode == 0
        assert bayespfl("models", "unload", "model", *admin).stdout == "model serves no more\n"
        refused = bayespfl("models", "unload", "nuts", *admin)
        assert (refused.returncode, "the administration port at" in refused.stderr) == (1, True)

    def test_changes_the_log_level(self, bayespfl_server: RunningServer) -> None:
        admin = ["--admin", bayespfl_server.admin]

        assert bayespfl("admin", "log-level", *admin).stdout == "info (configured: info)\n"
        assert bayespfl("admin", "log-level", "debug", *admin).stdout == "debug (configured: info)\n"
        timed = bayespfl("admin", "log-level", "warning", "--for", "1h30m", *admin).stdout
        assert re.fullmatch(r"warning until 20\S+Z \(configured: info\)\n", timed), timed
        assert bayespfl("admin", "log-level", "--configured", *admin).stdout == "info (configured: info)\n"
        refused = bayespfl("admin", "log-level", "off", *admin)
        assert (refused.returncode, "the administration port at" in refused.stderr) == (1, True)

    def test_shows_the_configuration_as_the_other_client_does(self, bayespfl_server: RunningServer) -> None:
        program = Path(os.environ["BAYESPFL_SERVER_BINARY"]).with_name("bayespfl-client")
        if not program.exists():
            pytest.skip(f"there is no {program.name} beside the server to compare with")
        for arguments in (["admin", "config"], ["admin", "config", "--json"]):
            other = subprocess.run(
                [program, *arguments, "--admin", str(bayespfl_server.admin)], capture_output=True, text=True, check=True
            )
            ours = bayespfl(*arguments, "--admin", bayespfl_server.admin)
            assert ours.stdout == other.stdout
            assert "max_image_bytes" in ours.stdout

    def test_drains_a_server(self) -> None:
        with start_server(["--admin-port", "0"]) as server:
            drained = bayespfl("admin", "drain", "--wait", "--admin", server.admin)
            health = bayespfl("health", server=server.target)

        assert drained.stdout == "DRAINING: 0 frames in flight, 0 streams and 0 other calls open\n", drained
        assert (health.returncode, health.stdout) == (3, "NOT_SERVING\n")

    @pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["one by one", "stream"])
    def test_prints_a_table_in_order_and_exits_by_the_verdicts(
        self, bayespfl_server: RunningServer, stream: list[str]
    ) -> None:
        finished = bayespfl(
            "inspect", LEATHER, "--category", "leather", *stream, "--fail-on", "fail", server=bayespfl_server.target
        )

        assert finished.returncode == 2, finished
        rows = [line.split()[:3] for line in finished.stdout.splitlines()]
        assert rows[:4] == [
            ["image", "category", "verdict"],
            ["good_0.jpg", "leather", "PASS"],
            ["hole_0.jpg", "leather", "FAIL"],
            ["scratch_0.jpg", "leather", "FAIL"],
        ]
        assert "3 frames, 0 failed, 1 PASS, 2 FAIL" in finished.stdout

    def test_exit_codes(self, bayespfl_server: RunningServer, tmp_path: Path) -> None:
        server = bayespfl_server.target
        good = LEATHER / "good_0.jpg"
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"no picture")

        def code(*arguments: object) -> int:
            return bayespfl("inspect", *arguments, server=server).returncode

        assert code(good, "--category", "leather", "--fail-on", "review") == 0
        assert code(good, "--category", "leather", "--fail-above", "0.01") == 2
        assert code(good, "--category", "never seen", "--fail-on", "fail") == 4
        assert code(broken, good, "--category", "leather") == 4
        assert code(broken, good, "--category", "leather", "--stream") == 4
        assert code(good, "--category", "leather", "--model", "nuts") == 4

    def test_writes_overlays_and_masks(self, bayespfl_server: RunningServer, tmp_path: Path) -> None:
        pytest.importorskip("PIL", reason="--output needs Pillow; it is not in this environment")

        finished = bayespfl(
            "inspect",
            "--manifest",
            PICTURES / "manifest.csv",
            "--stream",
            "--output",
            tmp_path,
            server=bayespfl_server.target,
        )

        assert finished.returncode == 0, finished
        assert len(list(tmp_path.rglob("*_overlay.png"))) == len(list(tmp_path.rglob("*_mask.png"))) == 27
        assert (tmp_path / "leather/scratch_0_overlay.png").read_bytes().startswith(b"\x89PNG")

    def test_results_beside_the_pictures_are_not_inspected_again(
        self, bayespfl_server: RunningServer, tmp_path: Path
    ) -> None:
        pytest.importorskip("PIL", reason="--output needs Pillow; it is not in this environment")
        (tmp_path / "line 2").mkdir()
        shutil.copy(LEATHER / "good_0.jpg", tmp_path / "good.jpg")
        shutil.copy(LEATHER / "hole_0.jpg", tmp_path / "line 2/hole.jpg")
        for stream in ([], [], ["--stream"]):
            finished = bayespfl(
                "inspect",
                tmp_path,
                "--category",
                "leather",
                "--json",
                "--output",
                tmp_path,
                *stream,
                server=bayespfl_server.target,
            )

            assert finished.returncode == 0, finished
            inspected = [json.loads(line)["image"] for line in finished.stdout.splitlines()]
            assert sorted(inspected) == ["good.jpg", "line 2/hole.jpg"]
            results = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.png"))
            assert results == ["good_mask.png", "good_overlay.png", "line 2/hole_mask.png", "line 2/hole_overlay.png"]

    def test_a_line_of_json_can_be_replayed(self, bayespfl_server: RunningServer, tmp_path: Path) -> None:
        server = bayespfl_server.target
        picture = LEATHER / "scratch_0.jpg"
        printed = bayespfl(
            "inspect", "-", "--category", "leather", "--json", "--regions", server=server, data=picture.read_bytes()
        )
        line = json.loads(printed.stdout)
        assert (line["image"], line["verdict"], line["attempt"]) == ("stdin", "FAIL", 0)
        assert line["regions_total"] == len(line["regions"]) >= 1
        log = tmp_path / "log.jsonl"
        log.write_text(printed.stdout)

        again = bayespfl("replay", log, picture, server=server)
        assert (again.returncode, again.stdout.splitlines()[0]) == (0, "equal to the bit"), again

        line["score"] -= 0.5
        line["provenance"]["device"] = "cuda:7"
        log.write_text(printed.stdout + json.dumps(line | {"result_id": "other"}))
        different = bayespfl("replay", log, picture, "--result-id", "other", server=server)
        assert different.returncode == 2
        assert different.stdout.startswith(f"different\nnumbers that differ:\n  score {str(line['score'])[:4]}")
        assert "device cuda:7 -> cpu" in different.stdout
        assert bayespfl("replay", log, picture, server=server).returncode == 1
        other = bayespfl("replay", log, LEATHER / "good_0.jpg", "--result-id", "other", server=server)
        assert (other.returncode, "not the picture of that result" in other.stdout) == (2, True)

    def test_prints_what_the_other_client_prints(self, bayespfl_server: RunningServer) -> None:
        program = Path(os.environ["BAYESPFL_SERVER_BINARY"]).with_name("bayespfl-client")
        if not program.exists():
            pytest.skip(f"there is no {program.name} beside the server to compare with")
        arguments = ["inspect", str(LEATHER), "--category", "leather", "--json", "--regions"]
        other = subprocess.run(
            [program, *arguments, "--server", bayespfl_server.target], capture_output=True, text=True, check=True
        )
        ours = bayespfl(*arguments, server=bayespfl_server.target)

        for one, two in zip(other.stdout.splitlines(), ours.stdout.splitlines(), strict=True):
            expected, line = json.loads(one), json.loads(two)
            for changing in ("result_id", "timings", "latency_seconds"):
                assert changing in line
                del expected[changing], line[changing]
            assert line == expected
            assert list(line) == list(expected)

    def test_prints_models_as_the_other_client_does(self, bayespfl_server: RunningServer) -> None:
        program = Path(os.environ["BAYESPFL_SERVER_BINARY"]).with_name("bayespfl-client")
        if not program.exists():
            pytest.skip(f"there is no {program.name} beside the server to compare with")
        for arguments in (
            ["models", "list"],
            ["models", "get"],
            ["info"],
            ["models", "get", "--json"],
            ["info", "--json"],
        ):
            other = subprocess.run(
                [program, *arguments, "--server", bayespfl_server.target], capture_output=True, text=True, check=True
            )
            assert bayespfl(*arguments, server=bayespfl_server.target).stdout == other.stdout


def test_manifests(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(
        '\ufeffcategory,image,object,note\r\n\r\n MN-17 ,nuts/1.png,metal nut,"a, b"\r\n,,,\r\nX,2.png,,\n,,,\n'.encode()
    )

    inputs = read_manifest(manifest)

    assert [(one.name, one.category, one.object) for one in inputs] == [
        ("nuts/1.png", "MN-17", "metal nut"),
        ("2.png", "X", None),
    ]
    assert inputs[0].picture == tmp_path / "nuts/1.png"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("image\n", 'has no column "category"'),
        ("image,category,image\n", 'names the column "image" twice'),
        ("image,category\n", "a header and no rows"),
        ("image,category\na\n", "line 2: the row has 1 fields, the header 2"),
        ("image,category\na,b\n,b\n", "line 3: the image is empty"),
        ("image,category\na, \n", "line 2: the category is empty"),
        ('image,category\n"a,b\n', "line 2"),
    ],
)
def test_wrong_manifests(tmp_path: Path, text: str, sentence: str) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(text)

    with pytest.raises(ValueError, match=sentence):
        read_manifest(manifest)


def test_folders_are_walked_without_the_output(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "a.jpg", "out/old.png", "note.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")

    assert [one.name for one in collect_inputs([str(tmp_path)], "c", None, tmp_path / "out")] == ["a.jpg", "b/2.PNG"]
    with pytest.raises(ValueError, match="no picture in the folder"):
        collect_inputs([str(ROOT / "docs")], "c", None, None) if not list(
            (ROOT / "docs").rglob("*.jpg")
        ) else collect_inputs([str(ROOT / "scripts")], "c", None, None)


def _put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_what_folders_hold_besides_is_counted(tmp_path: Path) -> None:
    _put(tmp_path, "a.jpg", "._a.jpg", ".git/b.jpg", "notes.TXT", "a_overlay.png", "a_mask.png", "x/c_mask.png")
    _put(tmp_path, "b.jfif", "c.jpe", "d.mpo")
    (tmp_path / "dead.png").symlink_to(tmp_path / "nowhere.png")
    left_out = LeftOut()

    inputs = collect_inputs([str(tmp_path)], "c", None, None, left_out)

    assert [one.name for one in inputs] == ["a.jpg", "b.jfif", "c.jpe", "d.mpo", "x/c_mask.png"]
    assert left_out.sentence() == (
        "6 files left out: 2 hidden, 1 of another kind (.txt), 2 results of inspections, 1 dead link or device"
    )


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    _put(tmp_path, "in/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "in/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    left_out = LeftOut()

    inputs = collect_inputs([str(tmp_path / "in")], "c", None, None, left_out)

    assert [one.name for one in inputs] == ["a.jpg", "linked/b.jpg"]
    assert left_out.sentence() == "1 file left out: 1 link to folders that were read already"


def test_paths_tell_the_same_name_in_two_folders_apart(tmp_path: Path) -> None:
    _put(tmp_path, "a/000.jpg", "b/000.jpg")

    inputs = collect_inputs([str(tmp_path / "a"), str(tmp_path / "b")], "c", None, None)

    assert [one.name for one in inputs] == [str(tmp_path / "a/000.jpg"), str(tmp_path / "b/000.jpg")]
    assert [one.file for one in inputs] == ["000.jpg", "000.jpg"]


def test_output_names_stay_in_the_folder_and_never_meet(tmp_path: Path) -> None:
    names = OutputNames(tmp_path)
    names.protect(tmp_path / "a_mask.png")

    assert names.take("../../etc/x.png")[0] == tmp_path / "etc/x_overlay.png"
    assert names.take("a.png")[1] == tmp_path / "a-2_mask.png"
    assert names.take("A.jpg")[1] == tmp_path / "A_mask.png"
    assert names.take("a.bmp")[1] == tmp_path / "a-3_mask.png"
    assert names.take("b\n\\.png")[0].name == "b___overlay.png"
    assert len(names.take("ü" * 300 + ".png")[0].name.encode()) < 255
