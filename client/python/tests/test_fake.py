"""The fakes for users' tests, and the pytest plugin."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import bayespfl
from bayespfl import AsyncInspector, ErrorReason, Frame, Inspector, Verdict
from bayespfl.results import read_only
from bayespfl.testing import AsyncFakeInspector, FakeInspector, make_error, make_model, make_result

METHODS = ["inspect", "stream", "models", "model", "server_info", "health"]


@pytest.mark.parametrize("method", METHODS)
def test_the_two_kinds_of_client_have_one_shape(method: str) -> None:
    one = inspect.signature(getattr(Inspector, method)).parameters
    other = inspect.signature(getattr(AsyncInspector, method)).parameters

    assert list(one) == list(other)
    assert [parameter.default for parameter in one.values()] == [parameter.default for parameter in other.values()]


@pytest.mark.parametrize("method", METHODS)
def test_the_fake_has_the_same_shape(method: str) -> None:
    assert inspect.signature(getattr(FakeInspector, method)) == inspect.signature(getattr(Inspector, method))


def test_both_kinds_are_made_with_the_same_arguments() -> None:
    assert inspect.signature(Inspector.__init__).parameters == inspect.signature(AsyncInspector.__init__).parameters


def test_answers_as_it_was_told_and_remembers_what_was_asked() -> None:
    fake = FakeInspector(make_result(verdict=Verdict.FAIL, score=0.9))

    result = fake.inspect(b"picture", "leather", frame_id="f", object="skin", part_id="p")

    assert (result.verdict, result.score, result.category, result.object) == (Verdict.FAIL, 0.9, "leather", "skin")
    assert (result.frame.frame_id, result.frame.part_id) == ("f", "p")
    assert [(call.category, call.frame_id) for call in fake.calls] == [("leather", "f")]


def test_answers_may_depend_on_the_question_and_be_errors() -> None:
    fake = FakeInspector(
        lambda call: make_error(ErrorReason.QUEUE_FULL, retry_after=1) if call.category == "bad" else make_result()
    )

    outcomes = list(fake.stream([Frame(b"a", tag=1), Frame(b"b", "bad"), "/no/such/file"], "good"))

    assert [outcome.ok for outcome in outcomes] == [True, False, False]
    assert isinstance(outcomes[1].error, bayespfl.QueueFullError)
    assert isinstance(outcomes[2].error, bayespfl.InputError)
    assert [outcome.attempts for outcome in outcomes] == [1, 1, 0]
    assert outcomes[0].tag == 1
    with pytest.raises(bayespfl.QueueFullError):
        fake.inspect(b"x", "bad")


def test_a_frames_options_go_before_the_streams_field_by_field() -> None:
    fake = FakeInspector()
    frames: list[Frame | bytes] = [
        Frame(b"a", options=bayespfl.Options(samples=4)),
        b"b",
        Frame(b"c", options=bayespfl.Options(mask=False)),
    ]

    assert all(outcome.ok for outcome in fake.stream(frames, "good", samples=2, anomaly_map=True, mask="png1"))

    asked = [(call.options.samples, call.options.anomaly_map, call.options.mask) for call in fake.calls]
    assert asked == [(4, True, "png1"), (2, True, "png1"), (2, True, False)]


def test_what_is_kept_back_was_never_sent() -> None:
    (outcome,) = FakeInspector().stream([bytes(70 << 20)], "good")

    assert isinstance(outcome.error, bayespfl.MessageTooLargeError)
    assert outcome.attempts == 0


def test_results_can_pass_from_one_process_to_another() -> None:
    result = make_result(mask=read_only(np.eye(3, dtype=bool)), timings=MappingProxyType({"total": 0.5}))

    other = pickle.loads(pickle.dumps(result))

    assert (other.verdict, other.provenance, dict(other.timings)) == (
        result.verdict,
        result.provenance,
        {"total": 0.5},
    )
    assert np.array_equal(other.mask, np.eye(3, dtype=bool))
    assert not other.mask.flags.writeable
    with pytest.raises(TypeError):
        other.timings["total"] = 1


def test_checks_pictures_as_the_real_one_does() -> None:
    with pytest.raises(bayespfl.InputError, match="it may be"):
        FakeInspector().inspect(b"x", "leather", mask="gif")  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", list(ErrorReason))
def test_errors_for_tests_have_the_classes_of_real_ones(reason: ErrorReason) -> None:
    error = make_error(reason)

    expected = bayespfl.UnreachableError if reason is ErrorReason.UNSPECIFIED else bayespfl.errors._BY_REASON[reason]
    assert type(error) is expected


def test_knows_one_model() -> None:
    fake = FakeInspector(model=make_model(name="nuts"))

    assert fake.model("nuts").categories_total == 1
    assert fake.models()[0].categories == ()
    with pytest.raises(bayespfl.ModelNotFoundError, match='there is "nuts"'):
        fake.model("bolts")


def test_the_asynchronous_fake_does_the_same() -> None:
    async def camera() -> Any:
        yield b"a"
        yield b"b"

    async def use() -> list[bool]:
        async with AsyncFakeInspector(make_result(score=0.5)) as fake:
            assert (await fake.inspect(b"x", "leather")).score == 0.5
            outcomes = [outcome async for outcome in fake.stream(camera(), "leather")]
            assert [outcome.sequence for outcome in outcomes] == [0, 1]
            assert len(fake.calls) == 3
            fake.state = bayespfl.HealthState.NOT_SERVING
            assert await fake.health() is bayespfl.HealthState.NOT_SERVING
            return [outcome.ok async for outcome in fake.stream([b"a"], "leather")]

    assert asyncio.run(use()) == [True]


def run_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, **environment: str) -> pytest.RunResult:
    for name in ("BAYESPFL_SERVER_BINARY", "BAYESPFL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile("def test_serves(bayespfl_inspector):\n    assert bayespfl_inspector.health() == 1\n")
    return pytester.runpytest_subprocess("-rs", "-p", "no:cacheprovider")


def test_the_plugin_skips_with_a_sentence_where_there_is_no_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))

    result = run_plugin(pytester, monkeypatch)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*no real server for this test: no bayespfl-server on the PATH, and BAYESPFL_SERVER_BINARY names none*"]
    )


def test_the_plugin_skips_with_a_sentence_where_there_is_no_model(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_plugin(pytester, monkeypatch, BAYESPFL_SERVER_BINARY=sys.executable)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*BAYESPFL_MODEL must name a package's folder*"])


def test_the_plugin_fails_where_the_server_does_not_start(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\necho 'no such model' >&2\nexit 1\n")
    program.chmod(0o755)

    result = run_plugin(pytester, monkeypatch, BAYESPFL_SERVER_BINARY=str(program), BAYESPFL_MODEL="/nowhere")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*stopped before it was ready*", "*no such model*"])
