"""Streams against a server that does what the test wants: one outcome for each frame, in order, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from conftest import MakeInspector
from fake_server import BUSY, UNAVAILABLE, FakeServer, frame_error, frame_reply, refuse
from streams import end_streams, frames, ids, never_answer

import bayespfl
from bayespfl import Frame
from bayespfl._requests import StreamJob
from bayespfl._stream import StreamRun
from bayespfl.inspection.v1 import inspection_pb2


def run(inspector: Any, given: Any, category: str | None = "leather", **options: Any) -> list[bayespfl.Outcome]:
    return list(inspector.stream(given, category, **options))


def connect(inspector: Any) -> None:
    """So that none of a frame's time goes into the connection."""
    inspector.inspect(b"connects", "leather")


def test_gives_one_outcome_for_each_frame_in_order(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    given = frames(20)

    outcomes = run(make_inspector(fake_server.target), given, max_in_flight=4)

    assert ids(outcomes) == [f"f{i}" for i in range(20)]
    assert all(outcome.ok and outcome.attempts == 1 and outcome.latency > 0 for outcome in outcomes)
    assert [outcome.sequence for outcome in outcomes] == list(range(20))
    assert [outcome.tag for outcome in outcomes] == list(range(20))
    assert all(outcome.frame is frame for outcome, frame in zip(outcomes, given, strict=True))
    assert fake_server.streams == 1


def test_an_empty_stream_has_no_outcomes_and_makes_no_call(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    assert run(make_inspector(fake_server.target), []) == []
    assert fake_server.streams == 0


def test_sends_the_streams_options_once_and_a_frames_own_with_it(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    given = [
        b"bare bytes",
        Frame(b"x", "wood", camera_id="c", part_id="p", options=bayespfl.Options(samples=4, mask="png1")),
    ]

    run(make_inspector(fake_server.target), given, samples=2, flow="latest", anomaly_map=True, timeout=50)

    configuration = fake_server.configurations[0]
    assert configuration.flow_policy == inspection_pb2.FLOW_POLICY_LATEST
    assert (configuration.options.category, configuration.options.samples) == ("leather", 2)
    bare, own = fake_server.frames
    assert not bare.options.ListFields()
    assert (own.options.category, own.options.samples) == ("wood", 4)
    assert (own.metadata.camera_id, own.metadata.part_id) == ("c", "p")
    assert 20 < bare.timeout.seconds + bare.timeout.nanos / 1e9 <= 50
    assert bare.metadata.frame_id
    assert bare.metadata.frame_id != own.metadata.frame_id


def test_takes_no_more_frames_than_may_be_in_flight(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    release = threading.Event()

    def answer_when_released(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            release.wait(60)
            yield frame_reply(frame, sequence)

    fake_server.on_stream = answer_when_released
    taken: list[Frame] = []
    counted: list[int] = []
    third = threading.Event()

    def camera() -> Iterator[Frame]:
        for frame in frames(10):
            taken.append(frame)
            if len(taken) == 3:
                third.set()
            yield frame

    def count() -> None:
        third.wait(60)
        time.sleep(0.3)  # for it to take too many
        counted.append(len(taken))
        release.set()

    threading.Thread(target=count).start()
    outcomes = run(make_inspector(fake_server.target), camera(), max_in_flight=3)

    assert counted == [3]
    assert len(outcomes) == 10


def test_gives_outcomes_while_the_camera_has_no_frame(fake_server: FakeServer) -> None:
    answered = threading.Event()

    def camera() -> Iterator[Frame]:
        yield from frames(1)
        assert answered.wait(10), "the first frame's outcome waits for the second frame"

    with bayespfl.Inspector(fake_server.target) as inspector:
        for outcome in inspector.stream(camera(), "leather"):
            assert outcome.ok
            answered.set()


def test_a_frame_that_cannot_be_read_is_an_outcome_and_is_not_sent(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    outcomes = run(make_inspector(fake_server.target), [b"a", "/no/such/picture.png", b"c"])

    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, bayespfl.InputError)
    assert outcomes[1].attempts == 0
    assert len(fake_server.frames) == 2
    with pytest.raises(bayespfl.InputError, match="no/such/picture"):
        _ = outcomes[1].result


def answer_with_errors(errors: dict[tuple[str, int], Any]) -> Any:
    """Answers frames as usual, but for (frame id, attempt)."""

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            yield frame_reply(frame, sequence, errors.get((frame.metadata.frame_id, frame.metadata.attempt)))

    return on_stream


def test_sends_a_refused_frame_again_on_the_same_stream(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    full = frame_error(BUSY, "QUEUE_FULL", delay=0.3)
    fake_server.on_stream = answer_with_errors({("f1", 0): full, ("f1", 1): full})
    started = time.monotonic()

    outcomes = run(make_inspector(fake_server.target), frames(4))

    assert [(outcome.frame_id, outcome.attempts, outcome.ok) for outcome in outcomes] == [
        ("f0", 1, True),
        ("f1", 3, True),
        ("f2", 1, True),
        ("f3", 1, True),
    ]
    assert time.monotonic() - started > 0.6
    assert fake_server.streams == 1


def test_a_bad_frame_is_an_outcome_and_the_stream_goes_on(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    bad = frame_error(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PICTURE", "it is cut off")
    fake_server.on_stream = answer_with_errors({("f1", 0): bad})

    outcomes = run(make_inspector(fake_server.target), frames(3))

    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    error = outcomes[1].error
    assert isinstance(error, bayespfl.InvalidPictureError)
    assert (error.frame_id, error.attempts, error.message) == ("f1", 1, "it is cut off")
    assert error.request_id


def test_a_device_failure_is_tried_once_more_only(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    failed = frame_error(grpc.StatusCode.INTERNAL, "DEVICE_FAILED")
    fake_server.on_stream = answer_with_errors(
        {("f0", 0): failed, ("f0", 1): failed, ("f0", 2): failed, ("f1", 0): failed}
    )

    outcomes = run(make_inspector(fake_server.target), frames(2))

    assert isinstance(outcomes[0].error, bayespfl.DeviceFailedError)
    assert [outcome.attempts for outcome in outcomes] == [2, 2]
    assert outcomes[1].ok


def test_skipped_frames_are_told(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    def skip_all(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            reply = inspection_pb2.InspectStreamResponse(sequence=sequence, metadata=frame.metadata)
            reply.skipped.SetInParent()
            yield reply

    fake_server.on_stream = skip_all

    outcome = run(make_inspector(fake_server.target), frames(1), flow="latest")[0]

    assert (outcome.ok, outcome.skipped, outcome.error) == (False, True, None)
    with pytest.raises(bayespfl._frames.SkippedError):
        _ = outcome.result


@pytest.mark.parametrize(
    "how",
    [
        lambda context: refuse(context, frame_error(UNAVAILABLE, "MAX_STREAM_AGE")),
        lambda context: refuse(context, frame_error(UNAVAILABLE, "DRAINING")),
        lambda context: context.abort(grpc.StatusCode.UNAVAILABLE, "broken"),
        lambda context: context.abort(grpc.StatusCode.INTERNAL, "RST_STREAM"),
        lambda context: context.cancel(),
        lambda context: None,
    ],
    ids=["max_stream_age", "draining", "unavailable", "internal", "cancelled", "ended"],
)
def test_opens_a_new_stream_and_loses_no_frame(
    fake_server: FakeServer, make_inspector: MakeInspector, how: Any
) -> None:
    fake_server.on_stream = end_streams(2, how, times=3)

    outcomes = run(make_inspector(fake_server.target), frames(12), max_in_flight=4)

    assert ids(outcomes) == [f"f{i}" for i in range(12)]
    assert all(outcome.ok for outcome in outcomes)
    assert fake_server.streams == 4
    for outcome in outcomes:
        attempts = [f.metadata.attempt for f in fake_server.frames if f.metadata.frame_id == outcome.frame_id]
        assert attempts == sorted(set(attempts)), "an attempt was sent twice"
        assert outcome.attempts >= len(attempts)


def test_a_frame_answered_with_draining_goes_to_a_new_stream_without_waiting(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    draining = frame_error(UNAVAILABLE, "DRAINING")

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            yield frame_reply(frame, sequence, draining if number == 1 else None)

    fake_server.on_stream = on_stream

    outcomes = run(make_inspector(fake_server.target), frames(6), max_in_flight=3)

    assert all(outcome.ok for outcome in outcomes)
    assert fake_server.streams == 2
    assert [outcome.attempts for outcome in outcomes[:1]] == [2]


@pytest.mark.parametrize("what", ["picture", "frame", "sequence"])
def test_a_reply_of_something_else_makes_a_new_call(
    fake_server: FakeServer, make_inspector: MakeInspector, what: str
) -> None:
    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            reply = frame_reply(frame, sequence)
            if number == 1 and sequence == 1:
                if what == "picture":
                    reply.result.provenance.picture_sha256 = "0" * 64
                elif what == "frame":
                    reply.metadata.frame_id = "another"
                else:
                    reply.sequence = 7
            yield reply

    fake_server.on_stream = on_stream

    outcomes = run(make_inspector(fake_server.target), frames(4))

    assert all(outcome.ok for outcome in outcomes)
    assert fake_server.streams == 2
    assert [outcome.attempts for outcome in outcomes[:2]] == [1, 2]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNAUTHENTICATED", bayespfl.UnauthenticatedError),
        ("PERMISSION_DENIED", bayespfl.PermissionDeniedError),
        ("UNIMPLEMENTED", bayespfl.InspectionError),
        ("INVALID_ARGUMENT", bayespfl.InvalidArgumentError),
    ],
)
def test_what_every_frame_would_meet_ends_the_stream(
    fake_server: FakeServer, make_inspector: MakeInspector, code: str, kind: type[bayespfl.InspectionError]
) -> None:
    answered = threading.Event()

    def end(context: Any) -> None:
        answered.wait(60)  # grpc.aio may drop a reply that the end of the call follows at once
        context.abort(grpc.StatusCode[code], "no more")

    fake_server.on_stream = end_streams(1, end, times=99)
    outcomes: list[bayespfl.Outcome] = []

    with pytest.raises(kind, match="no more"):
        for outcome in make_inspector(fake_server.target).stream(frames(50), "leather", max_in_flight=5):
            outcomes.append(outcome)
            answered.set()

    assert outcomes[0].ok
    assert [type(outcome.error) for outcome in outcomes[1:]] == [kind] * (len(outcomes) - 1), outcomes
    assert 2 <= len(outcomes) <= 6
    assert ids(outcomes) == [f"f{i}" for i in range(len(outcomes))]
    assert fake_server.streams == 1


def test_no_frame_is_taken_once_the_stream_has_failed(
    fake_server: FakeServer, make_inspector: MakeInspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(number: int, received: Any, context: Any) -> Iterator[Any]:
        next(received)
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")
        yield

    fake_server.on_stream = end
    finished, entry = StreamRun._finished, StreamJob.entry

    # There is always a frame that is being prepared, and the caller has its outcomes before the engine looks.
    def prepare_slowly(self: StreamJob, *arguments: Any) -> Any:
        time.sleep(0.05)
        return entry(self, *arguments)

    def look_slowly(self: StreamRun) -> bool:
        time.sleep(0.02)
        return finished(self)

    monkeypatch.setattr(StreamJob, "entry", prepare_slowly)
    monkeypatch.setattr(StreamRun, "_finished", look_slowly)
    inspector = make_inspector(fake_server.target)
    connect(inspector)
    outcomes = []

    with pytest.raises(bayespfl.UnauthenticatedError):
        for outcome in inspector.stream(frames(100), "leather", max_in_flight=3):
            outcomes.append(outcome)

    assert 1 <= len(outcomes) <= 3


def test_an_unreachable_server_ends_the_stream_after_the_connect_timeout(make_inspector: MakeInspector) -> None:
    outcomes = []
    started = time.monotonic()

    with pytest.raises(bayespfl.UnreachableError, match="no server could be reached"):
        for outcome in make_inspector("127.0.0.1:1", connect_timeout=1).stream(frames(20), "leather"):
            outcomes.append(outcome)

    assert time.monotonic() - started < 30  # of the minute that a frame has
    assert len(outcomes) == 8
    assert all(isinstance(outcome.error, bayespfl.UnreachableError) for outcome in outcomes)


def test_an_outage_is_waited_out(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    inspector = make_inspector(fake_server.target, connect_timeout=1.5)
    inspector.server_info()
    given = frames(6)

    def camera() -> Iterator[Frame]:
        yield from given[:2]
        time.sleep(0.3)
        fake_server.stop()
        threading.Timer(2.0, fake_server.start).start()
        yield from given[2:]

    outcomes = run(inspector, camera())

    assert [outcome.ok for outcome in outcomes] == [True] * 6


def test_a_frames_time_bounds_its_attempts(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    full = frame_error(BUSY, "QUEUE_FULL", "all are taken")

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            yield frame_reply(frame, sequence, full if frame.metadata.frame_id == "f0" else None)

    fake_server.on_stream = on_stream
    inspector = make_inspector(fake_server.target)
    connect(inspector)

    outcomes = run(inspector, [Frame(b"refused", frame_id="f0", timeout=1.5), *frames(2)[1:]])

    error = outcomes[0].error
    assert isinstance(error, bayespfl.QueueFullError)
    assert "all are taken (tried" in error.message
    assert outcomes[0].attempts >= 2
    assert outcomes[1].ok


def test_a_server_that_hangs_costs_only_the_late_frame(
    fake_server: FakeServer, make_inspector: MakeInspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayespfl._ledger.STALL_GRACE", 0.3)
    done = threading.Event()

    def hang_once(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            if number == 1 and sequence == 1:
                done.wait(60)
                return
            yield frame_reply(frame, sequence)

    fake_server.on_stream = hang_once
    given = frames(4)
    given[1] = Frame(b"late", frame_id="f1", timeout=1.5)
    inspector = make_inspector(fake_server.target)
    connect(inspector)

    outcomes = run(inspector, given)
    done.set()

    assert [outcome.ok for outcome in outcomes] == [True, False, True, True]
    assert isinstance(outcomes[1].error, bayespfl.DeadlineExceededError)
    assert [outcome.attempts for outcome in outcomes] == [1, 1, 2, 2]


def test_a_frame_over_a_limit_is_an_outcome_and_is_not_sent(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.max_message_bytes = 2000

    outcomes = run(make_inspector(fake_server.target, max_message_bytes=1 << 20), [b"a", bytes(3000), bytes(2 << 20)])

    assert [outcome.ok for outcome in outcomes] == [True, False, False]
    assert "the server's limit is 2000 bytes" in str(outcomes[1].error)
    assert "(max_message_bytes) is 1048576 bytes" in str(outcomes[2].error)
    assert all(isinstance(outcome.error, bayespfl.MessageTooLargeError) for outcome in outcomes[1:])
    assert len(fake_server.frames) == 1


def test_a_reply_that_is_too_large_costs_only_its_frame(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            reply = frame_reply(frame, sequence)
            if frame.metadata.frame_id == "f1":
                reply.result.inspected_picture.data = bytes(2 << 20)
            yield reply

    fake_server.on_stream = on_stream

    outcomes = run(make_inspector(fake_server.target, max_reply_bytes=1 << 20), frames(4))

    assert [outcome.ok for outcome in outcomes] == [True, False, True, True]
    assert isinstance(outcomes[1].error, bayespfl.MessageTooLargeError)
    assert "1048576 bytes (max_reply_bytes)" in outcomes[1].error.message


def test_what_the_frames_raise_is_raised_after_the_outcomes(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    def camera() -> Iterator[Frame]:
        yield from frames(2)
        raise OSError("the camera was unplugged")

    outcomes = []
    with pytest.raises(OSError, match="unplugged"):
        for outcome in make_inspector(fake_server.target).stream(camera(), "leather"):
            outcomes.append(outcome)

    assert [outcome.ok for outcome in outcomes] == [True, True]


def test_leaving_the_loop_ends_the_call(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    cancelled = threading.Event()

    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        context.add_callback(cancelled.set)
        for sequence, frame in enumerate(received):
            if sequence == 1:
                cancelled.wait(60)
            yield frame_reply(frame, sequence)

    fake_server.on_stream = on_stream
    outcomes = make_inspector(fake_server.target).stream(frames(5), "leather")
    next(outcomes)
    outcomes.close()

    assert cancelled.wait(60)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_in_flight": 0}, "max_in_flight is 0; it must be 1..1024"),
        ({"flow": "fast"}, "flow is 'fast'; it may be 'block', 'latest'"),
        ({"timeout": 0}, "timeout is 0"),
        ({"mask": "jpeg"}, "mask is 'jpeg'; it may be"),
    ],
)
def test_wrong_arguments_are_told_at_once(options: dict[str, Any], sentence: str) -> None:
    with bayespfl.Inspector() as inspector, pytest.raises(bayespfl.InputError, match=sentence):
        inspector.stream([], "leather", **options)


def test_one_picture_is_no_stream() -> None:
    with bayespfl.Inspector() as inspector, pytest.raises(bayespfl.InputError, match="one picture"):
        inspector.stream("picture.png", "leather")


def test_closing_the_inspector_gives_each_frame_its_outcome_and_ends_the_stream(fake_server: FakeServer) -> None:
    come = never_answer(fake_server)
    inspector = bayespfl.Inspector(fake_server.target)

    def close() -> None:
        come.wait(60)
        inspector.close()

    closer = threading.Thread(target=close)
    closer.start()
    outcomes = []
    with pytest.raises(RuntimeError, match="the inspector was closed"):
        for outcome in inspector.stream(frames(3), "leather"):
            outcomes.append(outcome)
    closer.join()

    assert ids(outcomes) == ["f0", "f1", "f2"]
    assert all(isinstance(outcome.error, bayespfl.CancelledError) for outcome in outcomes)


def test_two_streams_run_at_once(fake_server: FakeServer) -> None:
    with bayespfl.Inspector(fake_server.target) as inspector:
        pairs = zip(
            inspector.stream(frames(10), "leather"),
            inspector.stream(frames(10), "leather", max_in_flight=2),
            strict=True,
        )
        assert all(first.ok and second.ok and first.frame_id == second.frame_id for first, second in pairs)


def test_no_thread_is_left_behind(fake_server: FakeServer) -> None:
    fake_server.on_stream = end_streams(
        1, lambda context: refuse(context, frame_error(UNAVAILABLE, "MAX_STREAM_AGE")), 5
    )
    before = set(threading.enumerate())
    with bayespfl.Inspector(fake_server.target) as inspector:
        assert all(outcome.ok for outcome in inspector.stream(frames(12), "leather", max_in_flight=1))
        assert fake_server.streams == 6

    def left() -> list[str]:
        return [t.name for t in threading.enumerate() if t not in before and "ThreadPoolExecutor" not in t.name]

    deadline = time.monotonic() + 60
    while left() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left() == []
