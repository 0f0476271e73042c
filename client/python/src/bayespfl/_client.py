"""The synchronous client."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack

from bayespfl._connection import (
    HEALTH_CHECK,
    Connection,
    health_request,
    health_state,
    metadata,
)
from bayespfl._frames import Frame, Outcome, as_options
from bayespfl._from_messages import to_model, to_server_info
from bayespfl._options import OptionFields
from bayespfl._pictures import Picture
from bayespfl._requests import Flow, check_timeout, stream_job, unary_job
from bayespfl._settings import MIB, TLS, Settings, check
from bayespfl._stream import StreamRun
from bayespfl.errors import input_error
from bayespfl.inspection.v1 import inspection_pb2
from bayespfl.results import HealthState, Model, Result, ServerInfo


def settings_of(
    target: str,
    *,
    tls: TLS | bool | str | os.PathLike[str] | None,
    token: str | None,
    allow_plaintext_token: bool,
    timeout: float,
    connect_timeout: float,
    wait_for_ready: bool,
    keepalive: float | None,
    max_message_bytes: int,
    max_reply_bytes: int,
    dns_min_interval: float,
) -> Settings:
    """Checked settings of a client's arguments. `tls`: True is the system's authorities, a path those in that file."""
    if isinstance(tls, bool):
        tls = TLS() if tls else None
    elif tls is not None and not isinstance(tls, TLS):
        tls = TLS(ca=tls)
    return check(
        Settings(
            target=target,
            tls=tls,
            token=token or "",
            allow_plaintext_token=allow_plaintext_token,
            timeout=timeout,
            connect_timeout=connect_timeout,
            wait_for_ready=wait_for_ready,
            keepalive=keepalive,
            max_message_bytes=max_message_bytes,
            max_reply_bytes=max_reply_bytes,
            dns_min_interval=dns_min_interval,
        )
    )


def frames_of(frames: object) -> None:
    """InputError for what is one picture, and not many."""
    if isinstance(frames, str | bytes | bytearray | os.PathLike | Frame):
        raise input_error("frames is one picture; a stream needs several: give a list, or call inspect()")


class Inspector:
    """Inspects pictures with a server.

        with bayespfl.Inspector("127.0.0.1:50051") as inspector:
            result = inspector.inspect("part.png", "metal nut")
            print(result.verdict, result.score)

    `target`: "host:port", "[IPv6]:port", or a target of gRPC ("dns:///name:port" for several servers, "unix:...").
    `tls`: True for the system's authorities, the path of a PEM file with others, or TLS(...) for more; None: plain text.
    `token`: sent with every call; over plain text only to this machine, unless `allow_plaintext_token`.
    `timeout`: seconds of one call, all its attempts together, and of one frame of a stream.
    `connect_timeout`: seconds until a client that never reached a server says so; `wait_for_ready`: never, within `timeout`.
    `keepalive`: seconds between pings while a call runs; None: none.
    `max_message_bytes`, `max_reply_bytes`: the largest message to the server and from it.
    `dns_min_interval`: seconds between two questions for the target's addresses.

    Connects with the first call. InputError for arguments that cannot be. Thread-safe; make one and keep it. It must not
    be used across a fork.
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
        self._connection = Connection(self._settings)

    @property
    def target(self) -> str:
        """Where the server is."""
        return self._settings.target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; calls that run are ended. Safe to call again."""
        self._connection.close()

    def inspect(
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
        """Inspects one picture.

        `image`: a path, a file's bytes, a numpy array (uint8 or uint16: [H, W], [H, W, 3], [H, W, 4]), a RawPicture, or a
        picture of Pillow. `pixel_format`: of an array, by PFNC's name; needed where it has colours ("RGB8", "BGR8").
        `significant_bits`: of 16-bit samples, how many low bits the sensor fills. `apply_orientation`: whether the server
        turns a file upright as its EXIF data says; the result is then of the upright picture. `timeout`: seconds, None
        for the client's. `options`: see :class:`Options`.

        Raises InspectionError: InputError for what cannot be sent, else what the server, or the way to it, said last.
        """
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
        job = unary_job(frame, self._settings)
        connection = self._connection

        def attempt(before: int, remaining: float, request_id: str) -> Result:
            reply = connection.stub(balanced=True).Inspect(
                job.attempt(before), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return job.result(reply, request_id, before + 1)

        return connection.call(attempt, seconds, job.frame_id, job.size)

    def stream(
        self,
        frames: Iterable[Frame | Picture],
        category: str | None = None,
        *,
        max_in_flight: int = 8,
        flow: Flow = "block",
        pixel_format: str | None = None,
        timeout: float | None = None,
        **options: Unpack[OptionFields],
    ) -> Generator[Outcome, None, None]:
        """Inspects frames as they come, and gives one outcome for each, in order.

        `frames`: pictures as `inspect` takes them, or Frames that say more; taken in a thread of its own, at most
        `max_in_flight` (1..1024) before their outcomes are given back, so it may block until the camera has the next.
        `category`: of the frames that have none. `flow`: "block" drops nothing; with "latest" the server skips the oldest
        waiting frames when they come too fast. `pixel_format`: of the arrays among them. `timeout`: seconds of one frame,
        from when it was taken. `options`: of all frames; a Frame's own go before them.

        A frame that fails is an outcome with an error; the stream goes on. Connections that break, and servers that stop,
        are survived: frames without a reply are sent again while they have time. What every further frame would meet too
        ends the stream: all frames taken get that error, and then it is raised here. So is what `frames` raises.

        Leaving the loop early gives up what is not answered. InputError, at once, for arguments that cannot be.
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
        return StreamRun(self._connection, frames, job).outcomes()

    def models(self, *, timeout: float | None = None) -> tuple[Model, ...]:
        """The models that serve, by name, without their categories."""

        def attempt(remaining: float, request_id: str) -> tuple[Model, ...]:
            reply = self._connection.stub(balanced=False).ListModels(
                inspection_pb2.ListModelsRequest(), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return tuple(to_model(model) for model in reply.models)

        return self._connection.question(attempt, check_timeout(timeout, self._settings))

    def model(self, name: str = "", *, timeout: float | None = None) -> Model:
        """One model with the categories it is calibrated for; "": the default one. ModelNotFoundError lists those there are."""

        def attempt(remaining: float, request_id: str) -> Model:
            reply = self._connection.stub(balanced=False).GetModel(
                inspection_pb2.GetModelRequest(name=name),
                timeout=remaining,
                metadata=metadata(self._settings, request_id),
            )
            return to_model(reply.model)

        return self._connection.question(attempt, check_timeout(timeout, self._settings))

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version and limits."""

        def attempt(remaining: float, request_id: str) -> ServerInfo:
            reply = self._connection.stub(balanced=False).GetServerInfo(
                inspection_pb2.GetServerInfoRequest(), timeout=remaining, metadata=metadata(self._settings, request_id)
            )
            return to_server_info(reply)

        return self._connection.question(attempt, check_timeout(timeout, self._settings))

    def health(self, service: str = "", *, timeout: float = 5.0) -> HealthState:
        """What grpc.health.v1 says of a service, or of the server as a whole ("")."""
        request = health_request(service)
        check_call: Any = self._connection.channel(balanced=False).unary_unary(
            HEALTH_CHECK, response_deserializer=health_state
        )

        def attempt(remaining: float, request_id: str) -> HealthState:
            state: HealthState = check_call(request, timeout=remaining, metadata=metadata(self._settings, request_id))
            return state

        return self._connection.question(attempt, check_timeout(timeout, self._settings))
