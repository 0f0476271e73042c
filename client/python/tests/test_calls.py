"""Unary calls against a server that does what the test wants: what is sent again, when, and for how long."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import grpc
import pytest
from conftest import MakeInspector, SyncFacade
from fake_server import BUSY, UNAVAILABLE, FakeServer, answer, frame_error, refuse

import bayespfl

PICTURE = b"not looked at by this server"


def fail_first(server: FakeServer, times: int, fail: Any) -> None:
    """The first `times` calls end as `fail` wants; later ones succeed."""

    def on_inspect(request: Any, context: Any) -> Any:
        if len(server.requests) <= times:
            return fail(request, context)
        return answer(request.image, request.metadata)

    server.on_inspect = on_inspect


def without_waiting(inspector: Any) -> list[float]:
    """The delays that it would have waited. Its clock goes on by them alone, so that a slow machine costs no attempts."""
    delays: list[float] = []
    is_async = not isinstance(inspector, bayespfl.Inspector)

    def sleep(seconds: float) -> None:
        delays.append(seconds)

    async def sleep_async(seconds: float) -> None:
        delays.append(seconds)

    inspector.connection.timing.sleep = sleep_async if is_async else sleep
    inspector.connection.timing.uniform = lambda low, high: 1.0
    inspector.connection.timing.now = lambda: sum(delays)
    return delays


def start_after(inspector: Any, server: FakeServer, seconds: float) -> list[float]:
    """Starts the server once the client has waited longer than this between its attempts; the waits so far."""
    slept: list[float] = []

    def note(delay: float) -> None:
        before = sum(slept)
        slept.append(delay)
        if before <= seconds < before + delay:
            server.start()

    def sleep(delay: float) -> None:
        note(delay)
        time.sleep(delay)

    async def sleep_async(delay: float) -> None:
        note(delay)
        await asyncio.sleep(delay)

    inspector.connection.timing.sleep = sleep if isinstance(inspector, bayespfl.Inspector) else sleep_async
    return slept


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (BUSY, "QUEUE_FULL"),
        (BUSY, "BYTES_FULL"),
        (BUSY, "STREAMS_FULL"),
        (BUSY, "RATE_LIMITED"),
        (UNAVAILABLE, "NOT_READY"),
        (UNAVAILABLE, "DRAINING"),
        (UNAVAILABLE, "NO_REPLICA"),
        (UNAVAILABLE, "DEVICE_HUNG"),
    ],
)
def test_sends_again_after_a_safe_reason(
    fake_server: FakeServer, make_inspector: MakeInspector, code: grpc.StatusCode, reason: str
) -> None:
    fail_first(fake_server, 2, lambda _, context: refuse(context, frame_error(code, reason)))
    inspector = make_inspector(fake_server.target)
    delays = without_waiting(inspector)

    result = inspector.inspect(PICTURE, "leather", frame_id="f1")

    assert result.frame.attempt == 2
    assert [request.metadata.attempt for request in fake_server.requests] == [0, 1, 2]
    assert {request.metadata.frame_id for request in fake_server.requests} == {"f1"}
    assert delays == pytest.approx([0.1, 0.15])


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PICTURE", bayespfl.InvalidPictureError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", bayespfl.DeadlineExceededError),
        (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", bayespfl.ModelNotFoundError),
        (BUSY, "FRAME_TOO_LARGE", bayespfl.FrameTooLargeError),
        (grpc.StatusCode.INTERNAL, "INTERNAL", bayespfl.InternalError),
    ],
)
def test_never_sends_again_what_would_fail_again(
    fake_server: FakeServer,
    make_inspector: MakeInspector,
    code: grpc.StatusCode,
    reason: str,
    kind: type[bayespfl.InspectionError],
) -> None:
    fail_first(fake_server, 99, lambda _, context: refuse(context, frame_error(code, reason, "why not")))
    inspector = make_inspector(fake_server.target)

    with pytest.raises(kind, match="why not") as caught:
        inspector.inspect(PICTURE, "leather", frame_id="f1")

    assert len(fake_server.requests) == 1
    assert (caught.value.attempts, caught.value.frame_id) == (1, "f1")
    assert caught.value.request_id == fake_server.contexts[0]["x-request-id"]


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "UNKNOWN", "CANCELLED"])
def test_takes_these_codes_without_the_servers_word_for_a_broken_connection(
    fake_server: FakeServer, make_inspector: MakeInspector, code: str
) -> None:
    fail_first(fake_server, 1, lambda _, context: context.abort(grpc.StatusCode[code], "gone"))
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    assert inspector.inspect(PICTURE, "leather").frame.attempt == 1


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"])
def test_gives_gRPCs_own_refusals_their_reason_and_does_not_repeat_them(
    fake_server: FakeServer, make_inspector: MakeInspector, code: str
) -> None:
    fail_first(fake_server, 99, lambda _, context: context.abort(grpc.StatusCode[code], "no"))
    inspector = make_inspector(fake_server.target)

    with pytest.raises(bayespfl.InspectionError) as caught:
        inspector.inspect(PICTURE, "leather")

    expected = "MESSAGE_TOO_LARGE" if code == "RESOURCE_EXHAUSTED" else code
    assert str(caught.value.reason) == expected
    assert len(fake_server.requests) == 1


def test_waits_as_long_as_the_server_asks(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    fail_first(fake_server, 1, lambda _, context: refuse(context, frame_error(BUSY, "QUEUE_FULL", delay=1.75)))
    inspector = make_inspector(fake_server.target)
    delays = without_waiting(inspector)

    inspector.inspect(PICTURE, "leather")

    assert delays == [1.75]


def test_sends_a_picture_that_brought_a_device_down_once_more_and_no_more(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    broken = frame_error(grpc.StatusCode.INTERNAL, "DEVICE_FAILED")
    fail_first(fake_server, 99, lambda _, context: refuse(context, broken))
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    with pytest.raises(bayespfl.DeviceFailedError) as caught:
        inspector.inspect(PICTURE, "leather")

    assert len(fake_server.requests) == 2
    assert caught.value.attempts == 2


def test_the_last_attempts_error_says_how_often_and_how_long_was_tried(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fail_first(fake_server, 99, lambda _, context: refuse(context, frame_error(BUSY, "QUEUE_FULL", "all are taken")))
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    # 0.1 s, 0.15 s, ... up to 5 s: another 5 s would be over the minute.
    with pytest.raises(bayespfl.QueueFullError, match=r"all are taken \(tried 20 times within 56\.3 s\)") as caught:
        inspector.inspect(PICTURE, "leather", timeout=60)

    assert caught.value.attempts == len(fake_server.requests) == 20


def test_time_that_runs_out_under_way_is_deadline_exceeded(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    answered = threading.Event()

    def hang_after_the_first(request: Any, context: Any) -> Any:
        if len(fake_server.requests) > 1:
            answered.wait(60)
        return answer(request.image, request.metadata)

    fake_server.on_inspect = hang_after_the_first
    inspector = make_inspector(fake_server.target)
    inspector.inspect(PICTURE, "leather")  # so that none of the next one's time goes into the connection

    with pytest.raises(bayespfl.DeadlineExceededError):
        inspector.inspect(PICTURE, "leather", timeout=1)
    answered.set()

    assert len(fake_server.requests) == 2


@pytest.mark.parametrize("what", ["picture", "frame"])
def test_a_reply_of_something_else_is_asked_for_again(
    fake_server: FakeServer, make_inspector: MakeInspector, what: str
) -> None:
    def damaged(request: Any, context: Any) -> Any:
        reply = answer(request.image, request.metadata)
        if what == "picture":
            reply.provenance.picture_sha256 = "0" * 64
        else:
            reply.metadata.frame_id = "another"
        return reply

    fail_first(fake_server, 1, damaged)
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    assert inspector.inspect(PICTURE, "leather").frame.attempt == 1


def test_a_reply_that_stays_damaged_is_an_error(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    def damaged(request: Any, context: Any) -> Any:
        reply = answer(request.image, request.metadata)
        reply.provenance.picture_sha256 = "0" * 64
        return reply

    fake_server.on_inspect = damaged
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    with pytest.raises(bayespfl.ReplyError, match="SHA-256"):
        inspector.inspect(PICTURE, "leather", timeout=60)

    assert len(fake_server.requests) == 20


def test_a_server_that_was_never_reached_is_told_soon(make_inspector: MakeInspector) -> None:
    inspector = make_inspector("127.0.0.1:1", connect_timeout=0.4)
    started = time.monotonic()

    with pytest.raises(bayespfl.UnreachableError, match=r"127\.0\.0\.1:1 within \d+\.\d s") as caught:
        inspector.inspect(PICTURE, "leather")

    assert time.monotonic() - started < 30  # of the minute that a call has
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_wait_for_ready_waits_for_a_server_that_starts_later(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.stop()
    threading.Timer(0.8, fake_server.start).start()
    inspector = make_inspector(fake_server.target, connect_timeout=0.2, wait_for_ready=True)

    assert inspector.inspect(PICTURE, "leather").score == 0.25


def test_an_outage_is_waited_out_once_a_server_was_reached(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    inspector = make_inspector(fake_server.target, connect_timeout=1.5)
    inspector.inspect(PICTURE, "leather")
    fake_server.stop()
    slept = start_after(inspector, fake_server, 1.5)

    assert inspector.inspect(PICTURE, "leather").frame.attempt == len(slept)


def test_a_message_over_this_clients_limit_is_not_sent(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    inspector = make_inspector(fake_server.target, max_message_bytes=1 << 20)

    with pytest.raises(bayespfl.MessageTooLargeError, match=r"1048\d+ bytes; .*max_message_bytes.* 1048576 bytes"):
        inspector.inspect(bytes(1 << 20), "leather")

    assert fake_server.requests == []


def test_a_message_over_the_servers_limit_is_not_sent(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    fake_server.max_message_bytes = 1000
    inspector = make_inspector(fake_server.target)

    with pytest.raises(bayespfl.MessageTooLargeError, match=r"2\d\d\d bytes; the server's limit is 1000 bytes"):
        inspector.inspect(bytes(2000), "leather")

    assert fake_server.requests == []


def test_a_servers_limit_that_has_grown_is_asked_for_again(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.max_message_bytes = 1000
    inspector = make_inspector(fake_server.target)
    inspector.inspect(b"small", "leather")
    fake_server.max_message_bytes = 10_000

    assert inspector.inspect(bytes(2000), "leather").score == 0.25


def test_a_reply_that_is_too_large_names_both_limits(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    def large(request: Any, context: Any) -> Any:
        reply = answer(request.image, request.metadata)
        reply.inspected_picture.data = bytes(2 << 20)
        return reply

    fake_server.on_inspect = large
    inspector = make_inspector(fake_server.target, max_reply_bytes=1 << 20)

    with pytest.raises(bayespfl.MessageTooLargeError, match=r"68157440 bytes, .*1048576 bytes \(max_reply_bytes\)"):
        inspector.inspect(PICTURE, "leather")

    assert len(fake_server.requests) == 1


def test_the_token_goes_with_every_call(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    make_inspector(fake_server.target, token="bpfl_00ff").inspect(PICTURE, "leather")

    assert fake_server.contexts[0]["authorization"] == "Bearer bpfl_00ff"


def test_health_is_asked_even_of_a_server_that_does_not_serve(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    inspector = make_inspector(fake_server.target)
    assert inspector.health() is bayespfl.HealthState.SERVING

    fake_server.healthy = False
    assert inspector.health() is bayespfl.HealthState.NOT_SERVING


def test_pictures_go_to_healthy_servers_only(make_inspector: MakeInspector) -> None:
    sick, well = FakeServer(), FakeServer()
    sick.healthy = False
    try:
        inspector = make_inspector(f"ipv4:{sick.target},{well.target}")
        for _ in range(4):
            inspector.inspect(PICTURE, "leather")
        assert (len(sick.requests), len(well.requests)) == (0, 4)
    finally:
        sick.stop()
        well.stop()


def test_pictures_go_round_robin(make_inspector: MakeInspector) -> None:
    servers = [FakeServer(), FakeServer()]
    try:
        inspector = make_inspector(f"ipv4:{servers[0].target},{servers[1].target}")
        deadline = time.monotonic() + 60
        while not all(server.requests for server in servers) and time.monotonic() < deadline:
            inspector.inspect(PICTURE, "leather")
        assert all(server.requests for server in servers)
    finally:
        for server in servers:
            server.stop()


def test_a_closed_inspector_says_so(fake_server: FakeServer) -> None:
    inspector = bayespfl.Inspector(fake_server.target)
    inspector.close()
    inspector.close()

    with pytest.raises(RuntimeError, match="closed"):
        inspector.inspect(PICTURE, "leather")


def test_the_limits_are_asked_for_also_after_another_question(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.max_message_bytes = 1000
    inspector = make_inspector(fake_server.target)
    assert inspector.health() is bayespfl.HealthState.SERVING

    with pytest.raises(bayespfl.MessageTooLargeError, match="the server's limit is 1000 bytes"):
        inspector.inspect(bytes(2000), "leather")


def test_the_first_contact_is_part_of_a_calls_time(fake_server: FakeServer, make_inspector: MakeInspector) -> None:
    inspector = make_inspector(fake_server.target, connect_timeout=8)
    delays = without_waiting(inspector)

    def late(context: Any) -> Any:
        if sum(delays) < 7:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return fake_server.info()

    fake_server.on_info = late
    fail_first(fake_server, 99, lambda _, context: refuse(context, frame_error(BUSY, "QUEUE_FULL")))

    with pytest.raises(bayespfl.QueueFullError):
        inspector.inspect(PICTURE, "leather", timeout=10)

    assert fake_server.requests
    assert 7 < sum(delays) < 10


def test_an_outage_is_waited_out_also_by_the_question_for_a_new_limit(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.max_message_bytes = 1000
    inspector = make_inspector(fake_server.target)
    inspector.inspect(b"small", "leather")
    without_waiting(inspector)

    def late(context: Any) -> Any:
        if fake_server.asked < 4:
            context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
        fake_server.max_message_bytes = 10_000
        return fake_server.info()

    fake_server.on_info = late

    assert inspector.inspect(bytes(2000), "leather").frame.attempt == 0


def test_what_the_first_question_meets_is_the_frames_error_and_no_attempt(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    fake_server.on_info = lambda context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")

    with pytest.raises(bayespfl.UnauthenticatedError) as caught:
        make_inspector(fake_server.target).inspect(PICTURE, "leather", frame_id="f1")

    assert (caught.value.frame_id, caught.value.attempts) == ("f1", 0)
    assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_the_health_of_a_service_that_cannot_be_is_asked_of_nobody(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    with pytest.raises(bayespfl.InputError, match="a service's name of 128 bytes"):
        make_inspector(fake_server.target).health("x" * 128)


def hang(server: FakeServer) -> tuple[threading.Event, threading.Event]:
    """Inspections hang until the second event, which a call that ends sets; the first: one has come."""
    come, over = threading.Event(), threading.Event()

    def on_inspect(request: Any, context: Any) -> Any:
        context.add_callback(over.set)
        come.set()
        over.wait(60)
        return answer(request.image, request.metadata)

    server.on_inspect = on_inspect
    return come, over


def test_closing_the_inspector_ends_a_call(fake_server: FakeServer) -> None:
    come, over = hang(fake_server)
    inspector = bayespfl.Inspector(fake_server.target)

    def close() -> None:
        come.wait(60)
        inspector.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(RuntimeError, match="the inspector was closed"):
        inspector.inspect(PICTURE, "leather")
    closer.join()

    assert over.wait(60)


def test_closing_the_inspector_ends_a_pause_between_attempts(fake_server: FakeServer) -> None:
    fake_server.on_inspect = lambda request, context: refuse(context, frame_error(BUSY, "QUEUE_FULL", delay=50))
    inspector = SyncFacade(fake_server.target)
    pause, pauses = inspector.connection.timing.sleep, threading.Event()

    def sleep(seconds: float) -> None:
        pauses.set()
        pause(seconds)

    inspector.connection.timing.sleep = sleep

    def close() -> None:
        pauses.wait(60)
        inspector.close()

    closer = threading.Thread(target=close)
    closer.start()
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="the inspector was closed"):
        inspector.inspect(PICTURE, "leather")
    closer.join()

    assert time.monotonic() - start < 25  # of the 50 that the server asked for


def test_closing_the_asynchronous_inspector_ends_a_pause_between_attempts(fake_server: FakeServer) -> None:
    fake_server.on_inspect = lambda request, context: refuse(context, frame_error(BUSY, "QUEUE_FULL", delay=50))

    async def use() -> None:
        inspector = bayespfl.AsyncInspector(fake_server.target)
        pause, pauses = inspector._connection.timing.sleep, asyncio.Event()

        async def sleep(seconds: float) -> None:
            pauses.set()
            await pause(seconds)

        inspector._connection.timing.sleep = sleep
        task = asyncio.create_task(inspector.inspect(PICTURE, "leather"))
        await pauses.wait()
        await inspector.close()
        with pytest.raises(RuntimeError, match="the inspector was closed"):
            await asyncio.wait_for(task, 25)  # of the 50 that the server asked for

    asyncio.run(use())


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_closing_is_told_from_cancelling_with_asyncio(fake_server: FakeServer, how: str) -> None:
    come, over = hang(fake_server)

    async def use() -> None:
        inspector = bayespfl.AsyncInspector(fake_server.target)
        task = asyncio.create_task(inspector.inspect(PICTURE, "leather"))
        await asyncio.to_thread(come.wait, 60)
        if how == "close":
            await inspector.close()
            with pytest.raises(RuntimeError, match="the inspector was closed"):
                await task
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await inspector.close()

    asyncio.run(use())
    assert over.wait(60)


def test_questions_are_asked_again_when_the_connection_breaks_and_not_when_the_server_answers(
    fake_server: FakeServer, make_inspector: MakeInspector
) -> None:
    inspector = make_inspector(fake_server.target)
    without_waiting(inspector)

    def broken_once(context: Any) -> Any:
        if fake_server.asked == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
        return fake_server.info()

    fake_server.on_info = broken_once
    assert inspector.server_info().version == "fake"
    assert fake_server.asked == 2

    fake_server.on_info = lambda context: refuse(context, frame_error(UNAVAILABLE, "NOT_READY"))
    with pytest.raises(bayespfl.NotReadyError):
        inspector.server_info()
    assert fake_server.asked == 3
