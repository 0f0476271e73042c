"""Against a real server: what is sent is what it takes, and what it says is what comes out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PICTURES, MakeInspector
from fake_server import own_address

import bayespfl
from bayespfl import Frame, Inspector, Verdict
from bayespfl.testing import RunningServer

pytestmark = pytest.mark.server


def test_inspects_a_picture(make_inspector: MakeInspector, bayespfl_server: RunningServer, scratch: Path) -> None:
    time = datetime(2026, 3, 4, 5, 6, 7, 890000, UTC)

    result = make_inspector(bayespfl_server.target).inspect(
        scratch,
        "leather",
        frame_id="f1",
        camera_id="c1",
        part_id="p1",
        capture_time=time,
        anomaly_map=True,
        deviation_map=True,
        regions=True,
        inspected_picture=True,
    )

    assert result.verdict is Verdict.FAIL
    assert result.decided_by is not None
    assert result.frame == bayespfl.FrameInfo("f1", "c1", "p1", time, 0)
    assert result.mask.shape == result.anomaly_map.shape == result.deviation_map.shape == (result.height, result.width)
    assert result.mask.dtype == np.bool_
    assert result.anomaly_map.dtype == np.float32
    assert np.array_equal(result.mask, result.anomaly_map >= np.float32(result.thresholds.mask))
    assert result.provenance.picture_sha256 == hashlib.sha256(scratch.read_bytes()).hexdigest()
    assert list(result.timings)[-1] == "total"
    assert result.regions_total >= 1
    assert result.inspected_pixels().shape == (result.height, result.width, 3)
    assert result.request_id


def test_encodings_change_the_network_and_not_the_result(bayespfl_inspector: Inspector, scratch: Path) -> None:
    exact = bayespfl_inspector.inspect(scratch, "leather", anomaly_map="float32", mask="coco_rle")
    assert exact.mask is not None
    assert exact.anomaly_map is not None

    for mask in ("png1", "png8"):
        other = bayespfl_inspector.inspect(scratch, "leather", mask=mask)
        assert other.mask is not None
        assert np.array_equal(other.mask, exact.mask)
    for anomaly_map, step in (("png16", 1 / 65535), ("png8", 1 / 255)):
        other = bayespfl_inspector.inspect(scratch, "leather", anomaly_map=anomaly_map)  # type: ignore[arg-type]
        assert other.anomaly_map is not None
        assert np.abs(other.anomaly_map - exact.anomaly_map).max() <= 0.51 * step


def test_nothing_is_sent_that_was_not_asked_for(bayespfl_inspector: Inspector, good: Path) -> None:
    result = bayespfl_inspector.inspect(good, "leather", mask=False)

    assert result.verdict is Verdict.PASS
    assert (result.mask, result.anomaly_map, result.deviation_map, result.inspected_picture) == (None,) * 4
    assert result.regions == ()
    assert result.regions_total is None
    with pytest.raises(ValueError, match="inspected_picture=True"):
        result.inspected_pixels()


def test_a_category_that_is_not_calibrated_has_no_verdict(bayespfl_inspector: Inspector, good: Path) -> None:
    result = bayespfl_inspector.inspect(good, "PCB-4711 rev C", object="leather")

    assert result.verdict is Verdict.NONE
    assert result.decided_by is None
    assert result.object == "leather"


def pixels_of(result: bayespfl.Result) -> Any:
    return result.inspected_pixels()


def test_arrays_arrive_as_the_pixels_that_they_are(bayespfl_inspector: Inspector) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (40, 60, 3)).astype(np.uint8)

    def seen(array: Any, **how: Any) -> Any:
        return bayespfl_inspector.inspect(
            array, "leather", inspected_picture=True, mask=False, **how
        ).inspected_pixels()

    assert np.array_equal(seen(rgb, pixel_format="RGB8"), rgb)
    assert np.array_equal(seen(rgb[:, :, ::-1], pixel_format="BGR8"), rgb)
    assert np.array_equal(seen(np.dstack([rgb, rgb[:, :, :1]])), rgb)
    assert np.array_equal(seen(rgb[:, :, 0]), np.repeat(rgb[:, :, :1], 3, axis=2))
    deep = rgb.astype(np.uint16) * 257
    assert np.array_equal(seen(deep, pixel_format="RGB16"), rgb)
    assert np.array_equal(seen(deep[:, :, ::-1], pixel_format="BGR16"), rgb)
    assert np.array_equal(seen(deep[:, :, 0]), np.repeat(rgb[:, :, :1], 3, axis=2))
    twelve = np.rint(rgb / 255 * 4095).astype(np.uint16)
    assert np.array_equal(seen(twelve, pixel_format="RGB16", significant_bits=12), rgb)


def test_raw_pixels_may_have_padding(bayespfl_inspector: Inspector) -> None:
    gray = np.arange(32 * 50, dtype=np.uint8).reshape(32, 50)
    padded = np.hstack([gray, np.zeros((32, 14), np.uint8)])
    raw = bayespfl.RawPicture(padded.tobytes(), width=50, height=32, stride=64, pixel_format="Mono8")

    result = bayespfl_inspector.inspect(raw, "leather", inspected_picture=True)

    assert np.array_equal(result.inspected_pixels()[:, :, 1], gray)


def test_a_stream_of_pictures(make_inspector: MakeInspector, bayespfl_server: RunningServer) -> None:
    files = sorted(PICTURES.glob("*/*_0.jpg"))[:9]
    given = [Frame(file, file.parent.name.replace("_", " "), tag=file) for file in files]

    outcomes = list(make_inspector(bayespfl_server.target).stream([*given, b"no picture"], "leather", mask="png1"))

    assert [outcome.tag for outcome in outcomes[:-1]] == files
    for outcome in outcomes[:-1]:
        assert (outcome.result.verdict is Verdict.PASS) == outcome.tag.name.startswith("good")
    assert isinstance(outcomes[-1].error, bayespfl.InvalidPictureError)


def test_a_wrong_option_names_its_field_and_the_call(
    make_inspector: MakeInspector, bayespfl_server: RunningServer, good: Path
) -> None:
    with pytest.raises(bayespfl.InvalidFieldError) as caught:
        make_inspector(bayespfl_server.target).inspect(good, "leather", samples=65)

    assert caught.value.violations[0].field == "options.samples"
    assert len(caught.value.request_id) == 32


def test_a_wrong_option_of_a_stream_ends_it(
    make_inspector: MakeInspector, bayespfl_server: RunningServer, good: Path
) -> None:
    outcomes = []

    with pytest.raises(bayespfl.InvalidFieldError):
        for outcome in make_inspector(bayespfl_server.target).stream([good] * 20, "leather", samples=65):
            outcomes.append(outcome)

    assert outcomes
    assert all(isinstance(outcome.error, bayespfl.InvalidFieldError) for outcome in outcomes)


def test_a_model_that_there_is_not(make_inspector: MakeInspector, bayespfl_server: RunningServer, good: Path) -> None:
    inspector = make_inspector(bayespfl_server.target)

    with pytest.raises(bayespfl.ModelNotFoundError, match="bayespfl-demo"):
        inspector.inspect(good, "leather", model="nuts")
    with pytest.raises(bayespfl.ModelNotFoundError):
        inspector.model("nuts")


def test_a_picture_over_the_servers_message_limit_is_not_sent(bayespfl_inspector: Inspector) -> None:
    limit = bayespfl_inspector.server_info().limits.max_message_bytes

    with pytest.raises(bayespfl.MessageTooLargeError, match=f"the server's limit is {limit} bytes"):
        bayespfl_inspector.inspect(bytes(limit), "leather")


def test_a_picture_over_the_servers_picture_limit_is_told_by_the_server(bayespfl_inspector: Inspector) -> None:
    limit = bayespfl_inspector.server_info().limits.max_picture_bytes

    with pytest.raises(bayespfl.PictureTooLargeError):
        bayespfl_inspector.inspect(bytes(limit + 1), "leather")


def test_tells_its_models(make_inspector: MakeInspector, bayespfl_server: RunningServer) -> None:
    inspector = make_inspector(bayespfl_server.target)

    listed = inspector.models()[0]
    model = inspector.model()

    assert (listed.name, listed.is_default, listed.categories) == ("bayespfl-demo", True, ())
    assert model.categories_total == len(model.categories) == 9
    leather = next(category for category in model.categories if category.category == "leather")
    assert leather.thresholds.lines
    assert leather.thresholds.source is bayespfl.ThresholdSource.CATEGORY
    assert inspector.health("bayespfl.inspection.v1.InspectionService") is bayespfl.HealthState.SERVING
    with pytest.raises(bayespfl.InspectionError) as caught:
        inspector.health("no.such.Service")
    assert caught.value.code.name == "NOT_FOUND"


def test_the_overlay_is_on_the_picture(bayespfl_inspector: Inspector, scratch: Path) -> None:
    pytest.importorskip("PIL", reason="overlays need Pillow; it is not in this environment")
    result = bayespfl_inspector.inspect(scratch, "leather", anomaly_map="png8", inspected_picture=True)
    assert result.mask is not None

    overlay = np.asarray(result.overlay())

    picture = result.inspected_pixels()
    assert overlay.shape[1] == result.width
    assert overlay.shape[0] > result.height
    changed = np.abs(overlay[: result.height].astype(int) - picture).max(axis=2)
    assert changed[result.mask].mean() > 2 * changed[~result.mask].mean()
    png = result._repr_png_()
    assert png is not None
    assert png.startswith(b"\x89PNG")
    assert "FAIL by" in result._repr_html_()
    assert "data:image/png;base64," in result._repr_html_()


def test_a_result_without_a_picture_shows_its_numbers(bayespfl_inspector: Inspector, good: Path) -> None:
    result = bayespfl_inspector.inspect(good, "<b>&co", object="leather")

    assert result._repr_png_() is None
    shown = result._repr_html_()
    assert "no verdict" in shown
    assert "&lt;b&gt;&amp;co" in shown
    assert "<img" not in shown


def test_a_token_opens_a_server_that_wants_one(tmp_path: Path, good: Path) -> None:
    from bayespfl.testing import start_server

    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(f"- {{name: line, role: inspect, sha256: {hashlib.sha256(b'bpfl_secret').hexdigest()}}}\n")
    with start_server(["--tokens-file", str(tokens)]) as server:
        with Inspector(server.target, token="bpfl_secret") as inspector:
            assert inspector.inspect(good, "leather").verdict is Verdict.PASS
        with Inspector(server.target) as inspector:
            with pytest.raises(bayespfl.UnauthenticatedError):
                inspector.inspect(good, "leather")
            with pytest.raises(bayespfl.UnauthenticatedError):
                list(inspector.stream([good], "leather"))


def test_frames_survive_a_server_that_is_replaced(make_inspector: MakeInspector, good: Path) -> None:
    import threading

    from bayespfl.testing import start_server

    host = ["--host", own_address()]
    with start_server(host) as first:
        port = first.target.rpartition(":")[2]
        inspector = make_inspector(first.target)
        outcomes: list[bayespfl.Outcome] = []

        def restart() -> None:
            first.stop()
            second = start_server([*host, "--port", port])
            running.append(second)
            second.__enter__()

        running: list[Any] = []
        restarter = threading.Thread(target=restart)
        for outcome in inspector.stream([good] * 12, "leather", max_in_flight=4, timeout=120):
            if len(outcomes) == 3:
                restarter.start()
            outcomes.append(outcome)
        restarter.join()
        for server in running:
            server.__exit__(None, None, None)

    assert [outcome.ok for outcome in outcomes] == [True] * 12
