"""The asynchronous client, of the same shape as the synchronous one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack

from bayespfl._aio_connection import AioConnection
from bayespfl._aio_stream import AioStreamRun, Frames
from bayespfl._client import frames_of, settings_of
from bayespfl._connection import HEALTH_CHECK, health_request, health_state, metadata
from bayespfl._frames import Frame, Outcome, as_options
from bayespfl._from_messages import to_model, to_server_info
from bayespfl._options import OptionFields
from bayespfl._pictures import Picture
from bayespfl._requests import Flow, check_timeout, stream_job, unary_job
from bayespfl._settings import MIB, TLS
from bayespfl.inspection.v1 import inspection_pb2
from bayespfl.results import HealthState, Model, Result, ServerInfo


class AsyncInspector:
    """Inspects pictures with a server, with asyncio.

        async with bayespfl.AsyncInspector("127.0.0.1:50051") as inspector:
            result = await inspector.inspect("part.png", "metal nut")

    Arguments as those of :class:`Inspector`. It belongs to the event loop in which it makes its first call. Files are
    read and pictures converted beside the loop.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        tls: TLS | bool | str | os.PathLike[str] | None = None,
        token: str | None = None,
        allow_plaintext_token: bool = False,
        timeout: float = 60.0,
        connect_timeout: float = 5.0,
        wait_for_ready: bool = False,
        keepalive: float | None = 10.0,
        max_message_bytes: int = 65 * MIB,
        max_reply_bytes: int = 512 * MIB,
        dns_min_interval: float = 30.0,
    ) -> None:
        self._settings = settings_of(
            target,
            tls=tls,
            token=token,
            allow_plaintext_token=allow_plaintext_token,
            timeout=timeout,
            connect_timeout=connect_timeout,
            wait_for_ready=wait_for_ready,
            keepalive=keepalive,
            max_message_bytes=max_message_bytes,
            max_reply_bytes=max_reply_bytes,
            dns_min_interval=dns_min_interval,
        )
        self._connection = AioConnection(self._settings)

    @property
    def target(self) -> str:
        """Where the server is."""
        return self._settings.target

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; calls that run are ended. Safe to call again."""
        await self._connection.close()

    async def inspect(
        self,
        image: Picture,
        category: str,
        *,
        pixel_format: str | None = None,
        significant_bits: int = 0,
        apply_orientation: bool = False,
        frame_id: str | None = None,
        camera_id: str = "",
        part_id: str = "",
        capture_time: datetime | None = None,
        timeout: float | None = None,
        **options: Unpack[OptionFields],
    ) -> Result:
        """Inspects one picture; see :meth:`Inspector.inspect`. Cancelling the task cancels the call."""
        frame = Frame(
            image,
            category,
            frame_id=frame_id,
            camera_id=camera_id,
            part_id=part_id,
            capture_time=capture_time,
            options=as_options(options),
            pixel_format=pixel_format,
            significant_bits=significant_bits,
            apply_orientation=apply_orientation,
        )
        seconds = check_timeout(timeout, self._settings)
        job = await asyncio.to_thread(unary_job, frame, self._settings)
        connection = self._connection

        async def attempt(before: int, remaining: float, request_id: str) -> Result:
            reply = await connection.stub(balanced=True).Inspect(
                job.attempt(before), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return job.result(reply, request_id, before + 1)

        return await connection.call(attempt, seconds, job.frame_id, job.size)

    def stream(
        self,
        frames: Frames,
        category: str | None = None,
        *,
        max_in_flight: int = 8,
        flow: Flow = "block",
        pixel_format: str | None = None,
        timeout: float | None = None,
        **options: Unpack[OptionFields],
    ) -> AsyncGenerator[Outcome, None]:
        """Inspects frames as they come, and gives one outcome for each, in order; see :meth:`Inspector.stream`.

        `frames` may be an asynchronous iterable, or one that does not block: it is read in the event loop.
        """
        frames_of(frames)
        job = stream_job(
            self._settings,
            category,
            dict(options),
            pixel_format=pixel_format,
            max_in_flight=max_in_flight,
            timeout=timeout,
            flow=flow,
        )
        return AioStreamRun(self._connection, frames, job).outcomes()

    async def models(self, *, timeout: float | None = None) -> tuple[Model, ...]:
        """The models that serve, by name, without their categories."""

        async def attempt(remaining: float, request_id: str) -> tuple[Model, ...]:
            reply = await self._connection.stub(balanced=False).ListModels(
                inspection_pb2.ListModelsRequest(), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return tuple(to_model(model) for model in reply.models)

        return await self._connection.question(attempt, check_timeout(timeout, self._settings))

    async def model(self, name: str = "", *, timeout: float | None = None) -> Model:
        """One model with the categories it is calibrated for; "": the default one. ModelNotFoundError lists those there are."""

        async def attempt(remaining: float, request_id: str) -> Model:
            reply = await self._connection.stub(balanced=False).GetModel(
                inspection_pb2.GetModelRequest(name=name),
                timeout=remaining,
                metadata=metadata(self._settings, request_id),
            )
            return to_model(reply.model)

        return await self._connection.question(attempt, check_timeout(timeout, self._settings))

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version and limits."""

        async def attempt(remaining: float, request_id: str) -> ServerInfo:
            reply = await self._connection.stub(balanced=False).GetServerInfo(
                inspection_pb2.GetServerInfoRequest(), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return to_server_info(reply)

        return await self._connection.question(attempt, check_timeout(timeout, self._settings))

    async def health(self, service: str = "", *, timeout: float = 5.0) -> HealthState:
        """What grpc.health.v1 says of a service, or of the server as a whole ("")."""
        request = health_request(service)
        check_call: Any = self._connection.channel(balanced=False).unary_unary(
            HEALTH_CHECK, response_deserializer=health_state
        )

        async def attempt(remaining: float, request_id: str) -> HealthState:
            state: HealthState = await check_call(
                request, timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return state

        return await self._connection.question(attempt, check_timeout(timeout, self._settings))
