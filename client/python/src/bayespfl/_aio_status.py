"""How a streaming call of grpc.aio ended, also where grpc.aio says something else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import grpc

_WAIT = 1.0  # seconds; what is waited for is in this process already

# What newer grpc.aio (1.85.3; not 1.51.1) calls the end of a call whose request could not be sent.
_NOT_SENT = "Internal error from Core"

_T = TypeVar("_T")


def _result(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: _T = done.value
        return result
    coroutine.close()
    raise AssertionError("a call that is done waits for its status")


class CallEnd:
    """Keeps a call's own status from its beginning on. For one event loop.

    A request cannot be sent once the call is over, and grpc.aio writes that over the status that it has, or is about to
    have: a server's refusal would look like a connection that broke, according to which of the two came first.
    """

    def __init__(self, rpc: Any) -> None:
        self._error: grpc.aio.AioRpcError | None = None
        self._known = asyncio.Event()
        rpc.add_done_callback(self._note)  # called each time that the status is set

    def _note(self, rpc: Any) -> None:
        code, details = _result(rpc.code()), _result(rpc.details())
        if self._known.is_set() or (code is grpc.StatusCode.INTERNAL and details == _NOT_SENT):
            return
        if code is not grpc.StatusCode.OK:
            initial, trailing = _result(rpc.initial_metadata()), _result(rpc.trailing_metadata())
            self._error = grpc.aio.AioRpcError(code, initial, trailing, details=details)
        self._known.set()

    async def status(self, raised: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError | None:
        """What the call, which raised `raised`, ended with; None: without an error."""
        try:
            await asyncio.wait_for(self._known.wait(), _WAIT)
        except TimeoutError:
            return raised
        return self._error
