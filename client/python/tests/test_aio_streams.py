"""Streams of the AsyncInspector: what is different with tasks and grpc.aio. The rest is in test_streams.py, for both kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from types import MethodType
from typing import Any

import grpc
import pytest
from fake_server import UNAVAILABLE, FakeServer, frame_error, frame_reply, refuse
from streams import end_streams, frames, ids, never_answer

import bayespfl
from bayespfl import Frame
from bayespfl._aio_status import CallEnd

Code = grpc.StatusCode
NOT_SENT = (Code.INTERNAL, "Internal error from Core")  # grpc.aio's words for a request that could not be sent
REFUSED = (Code.PERMISSION_DENIED, "not for you")


class FakeCall:
    """A call of grpc.aio whose status the test sets, as often as it likes."""

    def __init__(self) -> None:
        self._status = (Code.OK, "")
        self._tell: Callable[[Any], None] = lambda call: None

    def add_done_callback(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell

    def set(self, code: Code, details: str) -> None:
        self._status = (code, details)
        self._tell(self)

    async def code(self) -> Code:
        return self._status[0]

    async def details(self) -> str:
        return self._status[1]

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(("x-request-id", "first"))

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata(("why", self._status[1]))


def raised(code: Code, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


@pytest.mark.parametrize(
    "told", [[REFUSED, NOT_SENT], [NOT_SENT, REFUSED], [REFUSED]], ids=["before", "after", "alone"]
)
def test_a_request_that_was_not_sent_does_not_hide_the_status(told: list[tuple[Code, str]]) -> None:
    async def use() -> Any:
        call = FakeCall()
        end = CallEnd(call)
        call.set(*told[0])
        waiting = asyncio.create_task(end.status(raised(*told[0])))
        await asyncio.sleep(0)
        for status in told[1:]:
            call.set(*status)
        return await asyncio.wait_for(waiting, 60)

    error = asyncio.run(use())

    assert (error.code(), error.details()) == REFUSED
    assert list(error.initial_metadata()) == [("x-request-id", "first")]
    assert list(error.trailing_metadata()) == [("why", "not for you")]


def test_a_stream_that_ended_well_is_no_error_because_of_a_request() -> None:
    async def use() -> Any:
        call = FakeCall()
        end = CallEnd(call)
        call.set(Code.OK, "")
        call.set(*NOT_SENT)
        return await end.status(raised(*NOT_SENT))

    assert asyncio.run(use()) is None


def test_a_status_that_never_comes_is_not_waited_for() -> None:
    async def use() -> Any:
        call = FakeCall()
        end = CallEnd(call)
        call.set(*NOT_SENT)
        return await asyncio.wait_for(end.status(raised(*NOT_SENT)), 60)

    error = asyncio.run(use())

    assert (error.code(), error.details()) == NOT_SENT


def test_a_call_that_grpc_cancels_by_itself_makes_a_new_one(
    fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_stream(number: int, received: Any, context: Any) -> Iterator[Any]:
        for sequence, frame in enumerate(received):
            if number > 1 or sequence == 0:
                yield frame_reply(frame, sequence)

    fake_server.on_stream = on_stream
    calls: list[Any] = []

    async def use() -> list[bayespfl.Outcome]:
        async with asyncio.timeout(30), bayespfl.AsyncInspector(fake_server.target) as inspector:
            stub_of = inspector._connection.stub

            def stub(self: Any, *, balanced: bool) -> Any:
                made = stub_of(balanced=balanced)
                open_stream = made.InspectStream

                def opened(*arguments: Any, **options: Any) -> Any:
                    calls.append(open_stream(*arguments, **options))
                    return calls[-1]

                made.InspectStream = opened
                return made

            monkeypatch.setattr(inspector._connection, "stub", MethodType(stub, inspector._connection))
            outcomes = []
            async for outcome in inspector.stream(frames(4), "leather"):
                outcomes.append(outcome)
                if len(outcomes) == 1:
                    calls[0].cancel()  # what grpc.aio does when its half-close meets the end of the call
            return outcomes

    outcomes = asyncio.run(use())

    assert [outcome.ok for outcome in outcomes] == [True] * 4
    assert [outcome.attempts for outcome in outcomes] == [1, 2, 2, 2]
    assert len(calls) == 2


def test_closing_the_asynchronous_inspector_does_the_same(fake_server: FakeServer) -> None:
    come = never_answer(fake_server)
    outcomes = []

    async def use() -> None:
        inspector = bayespfl.AsyncInspector(fake_server.target)

        async def close() -> None:
            await asyncio.to_thread(come.wait, 60)
            await inspector.close()

        closer = asyncio.create_task(close())
        async for outcome in inspector.stream(frames(3), "leather"):
            outcomes.append(outcome)
        await closer

    with pytest.raises(RuntimeError, match="the inspector was closed"):
        asyncio.run(asyncio.wait_for(use(), 60))

    assert ids(outcomes) == ["f0", "f1", "f2"]
    assert all(isinstance(outcome.error, bayespfl.CancelledError) for outcome in outcomes)


def test_a_cancellation_inside_the_callers_frames_ends_the_stream(fake_server: FakeServer) -> None:
    async def camera() -> AsyncIterator[Frame]:
        yield frames(1)[0]
        raise asyncio.CancelledError("of the camera")

    async def use() -> list[bool]:
        told = []
        async with bayespfl.AsyncInspector(fake_server.target) as inspector:
            with pytest.raises(asyncio.CancelledError, match="of the camera"):
                async for outcome in inspector.stream(camera(), "leather"):
                    told.append(outcome.ok)
        return told

    assert asyncio.run(asyncio.wait_for(use(), 60)) == [True]


@pytest.mark.parametrize("leaves", [False, True], ids=["to the end", "leaving"])
def test_no_task_is_left_behind(fake_server: FakeServer, leaves: bool) -> None:
    fake_server.on_stream = end_streams(
        1, lambda context: refuse(context, frame_error(UNAVAILABLE, "MAX_STREAM_AGE")), 5
    )

    async def use() -> list[str]:
        async with asyncio.timeout(60), bayespfl.AsyncInspector(fake_server.target) as inspector:
            outcomes = inspector.stream(frames(12), "leather", max_in_flight=1)
            number = 0
            async for outcome in outcomes:
                assert outcome.ok
                number += 1
                if leaves and number == 4:
                    break
            await outcomes.aclose()
            codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
            assert not [code for code in codes if code is not None and code.co_filename.endswith("_aio_stream.py")]
            assert fake_server.streams > 3
            # What gRPC began for a call ends once it hears of the call's end.
            for _ in range(100):
                left = asyncio.all_tasks() - {asyncio.current_task()}
                if not left:
                    break
                await asyncio.sleep(0.1)
            return [str(task) for task in left]

    assert asyncio.run(use()) == []
