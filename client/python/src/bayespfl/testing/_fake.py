"""Inspectors without a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Unpack

from bayespfl._aio import AsyncInspector
from bayespfl._aio_stream import Frames
from bayespfl._client import Inspector, frames_of
from bayespfl._frames import Frame, Outcome, as_options
from bayespfl._options import OptionFields, Options
from bayespfl._pictures import Picture
from bayespfl._requests import Flow, check_timeout, stream_job, unary_job
from bayespfl.errors import ErrorReason, InspectionError
from bayespfl.results import HealthState, Model, Result, ServerInfo, ServerLimits
from bayespfl.testing._samples import make_error, make_model, make_result


@dataclass(frozen=True, eq=False)
class FakeCall:
    """What a fake inspector was asked."""

    frame: Frame  # the picture and where it comes from
    frame_id: str
    category: str
    options: Options
    picture_sha256: str


Answer = Result | InspectionError | Callable[[FakeCall], Result | InspectionError]

_INFO = ServerInfo(
    version="fake",
    limits=ServerLimits(65 << 20, 64 << 20, 100_000_000, 4, 64, 256, None, None, 5.0, None),
)


def _merged(of_stream: Options, of_frame: Options) -> Options:
    """A frame's fields that are not at their default go before the stream's."""
    own = {field.name: getattr(of_frame, field.name) for field in fields(Options)}
    return replace(of_stream, **{name: value for name, value in own.items() if value != getattr(Options(), name)})


class FakeInspector(Inspector):
    """An Inspector that asks nobody, for tests.

        inspector = FakeInspector(make_result(score=0.9))             # always the same
        inspector = FakeInspector(lambda call: RESULTS[call.category])  # by what is asked
        inspector.answer = make_error(ErrorReason.QUEUE_FULL)         # from now on

    It reads and checks pictures and options as the real one does; answers take category, object, picture and frame id
    from what was asked. What was asked is in `calls`. Not thread-safe.
    """

    def __init__(self, answer: Answer | None = None, *, model: Model | None = None) -> None:
        super().__init__("127.0.0.1:1")
        self.answer: Answer = answer if answer is not None else make_result()
        self.calls: list[FakeCall] = []
        self.state = HealthState.SERVING
        self._model = model if model is not None else make_model()

    def _ask(self, call: FakeCall) -> Result:
        self.calls.append(call)
        answer = self.answer(call) if callable(self.answer) else self.answer
        if isinstance(answer, InspectionError):
            raise answer
        return replace(
            answer,
            category=call.category,
            object=call.options.object or call.category,
            provenance=replace(answer.provenance, picture_sha256=call.picture_sha256),
            frame=replace(
                answer.frame,
                frame_id=call.frame_id,
                camera_id=call.frame.camera_id,
                part_id=call.frame.part_id,
                capture_time=call.frame.capture_time,
            ),
        )

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
        check_timeout(timeout, self._settings)
        job = unary_job(frame, self._settings)
        return self._ask(FakeCall(frame, job.frame_id, category, frame.options, job.sha256))

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

        def outcomes() -> Generator[Outcome, None, None]:
            for sequence, given in enumerate(frames):
                taken = time.monotonic()
                entry, error = job.entry(given, sequence, taken, self._settings)
                result = None
                attempts = 0
                if error is None:
                    frame = given if isinstance(given, Frame) else Frame(given)
                    asked = frame.category if frame.category is not None else category
                    merged = _merged(job.options, frame.options)
                    attempts = 1
                    try:
                        result = self._ask(FakeCall(frame, entry.frame_id, asked or "", merged, entry.sha256))
                    except InspectionError as failure:
                        error = failure
                latency = time.monotonic() - taken
                yield Outcome(given, sequence, entry.frame_id, attempts, latency, error, False, result)

        return outcomes()

    def models(self, *, timeout: float | None = None) -> tuple[Model, ...]:
        return (replace(self._model, categories=()),)

    def model(self, name: str = "", *, timeout: float | None = None) -> Model:
        if name not in ("", self._model.name):
            raise make_error(ErrorReason.MODEL_NOT_FOUND, f'no model "{name}"; there is "{self._model.name}"')
        return self._model

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        return _INFO

    def health(self, service: str = "", *, timeout: float = 5.0) -> HealthState:
        return self.state


class AsyncFakeInspector(AsyncInspector):
    """An AsyncInspector that asks nobody; see :class:`FakeInspector`."""

    def __init__(self, answer: Answer | None = None, *, model: Model | None = None) -> None:
        super().__init__("127.0.0.1:1")
        self._fake = FakeInspector(answer, model=model)

    @property
    def calls(self) -> list[FakeCall]:
        """What was asked."""
        return self._fake.calls

    @property
    def answer(self) -> Answer:
        """What the next question is answered with."""
        return self._fake.answer

    @answer.setter
    def answer(self, answer: Answer) -> None:
        self._fake.answer = answer

    @property
    def state(self) -> HealthState:
        """What `health` says."""
        return self._fake.state

    @state.setter
    def state(self, state: HealthState) -> None:
        self._fake.state = state

    async def inspect(self, image: Picture, category: str, **arguments: Any) -> Result:
        return self._fake.inspect(image, category, **arguments)

    async def _stream(
        self, frames: Frames, category: str | None, arguments: dict[str, Any]
    ) -> AsyncGenerator[Outcome, None]:
        sequence = 0
        if not hasattr(frames, "__aiter__"):
            for outcome in self._fake.stream(frames, category, **arguments):
                yield outcome
                await asyncio.sleep(0)
            return
        async for frame in frames:
            for outcome in self._fake.stream([frame], category, **arguments):
                yield replace(outcome, sequence=sequence)
            sequence += 1

    def stream(self, frames: Frames, category: str | None = None, **arguments: Any) -> AsyncGenerator[Outcome, None]:
        frames_of(frames)
        return self._stream(frames, category, arguments)

    async def models(self, *, timeout: float | None = None) -> tuple[Model, ...]:
        return self._fake.models(timeout=timeout)

    async def model(self, name: str = "", *, timeout: float | None = None) -> Model:
        return self._fake.model(name, timeout=timeout)

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        return self._fake.server_info(timeout=timeout)

    async def health(self, service: str = "", *, timeout: float = 5.0) -> HealthState:
        return self._fake.health(service, timeout=timeout)
