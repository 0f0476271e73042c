"""The Python client's driver (tests/clients/README.md): one job from standard input, one JSON line for each frame.

With `--asyncio` the asynchronous client runs it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import bayespfl
import numpy as np
from bayespfl import (
    AsyncInspector,
    Frame,
    InspectionError,
    Inspector,
    Options,
    Outcome,
    RawPicture,
    Result,
)

_CLIENT = {
    "timeout_s": "timeout",
    "connect_timeout_s": "connect_timeout",
    "wait_for_ready": "wait_for_ready",
    "keepalive_s": "keepalive",
    "max_message_bytes": "max_message_bytes",
    "max_reply_bytes": "max_reply_bytes",
    "token": "token",
    "dns_min_interval_s": "dns_min_interval",
}
_MASKLESS = {"object", "model", "samples", "seed", "random_seed", "resolution", "mask_threshold", "priority"}


def client_arguments(job: dict[str, Any]) -> dict[str, Any]:
    given = job.get("client", {})
    arguments = {name: given[key] for key, name in _CLIENT.items() if key in given}
    if given.get("tls_ca"):
        arguments["tls"] = bayespfl.TLS(
            ca=given["tls_ca"],
            certificate=given.get("tls_cert") or None,
            key=given.get("tls_key") or None,
            server_name=given.get("tls_server_name") or None,
        )
    return arguments | {"target": job["target"]}


def make_options(given: dict[str, Any]) -> Options:
    fields: dict[str, Any] = {name: value for name, value in given.items() if name in _MASKLESS and value != ""}
    for name in ("anomaly_map", "deviation_map", "mask", "inspected_picture"):
        if given.get(name):
            fields[name] = given[name]
    if "max_regions" in given or "max_contour_points" in given:
        fields["regions"] = bayespfl.RegionOptions(given.get("max_regions"), given.get("max_contour_points"))
    return Options(**fields)


def make_frame(given: dict[str, Any], frame_id: str | None) -> Frame:
    image: Any = given.get("image")
    if "raw" in given:
        raw = given["raw"]
        image = RawPicture(
            Path(raw["path"]).read_bytes(),
            width=raw["width"],
            height=raw["height"],
            stride=raw.get("stride", 0),
            pixel_format=raw["pixel_format"],
            significant_bits=raw.get("significant_bits", 0),
            max_trailing_bytes=raw.get("max_trailing_bytes", 0),
        )
    return Frame(image, given.get("category"), frame_id=frame_id, options=make_options(given.get("options", {})))


def make_frames(job: dict[str, Any]) -> Iterator[Frame]:
    for given in job["frames"]:
        if "repeat" not in given:
            yield make_frame(given, given.get("frame_id"))
            continue
        for i in range(given["repeat"]):
            yield make_frame(given, f"{given['frame_id']}-{i}")


def single(value: float | None) -> str | None:
    return None if value is None else struct.pack(">f", value).hex()


def double(value: float) -> str:
    return struct.pack(">d", value).hex()


def array(values: np.ndarray[Any, Any] | None, dtype: str) -> dict[str, Any] | None:
    if values is None:
        return None
    height, width = values.shape
    data = np.ascontiguousarray(values, dtype=dtype).tobytes()
    return {"width": width, "height": height, "sha256": hashlib.sha256(data).hexdigest()}


def describe_mask(result: Result) -> dict[str, Any] | None:
    mask = array(result.mask, "u1")
    return None if mask is None else {**mask, "area_pixels": result.mask_area_pixels}


def describe_region(region: bayespfl.Region) -> dict[str, Any]:
    box = region.box
    return {
        "box": [single(value) for value in (box.x, box.y, box.width, box.height)],
        "area_pixels": double(region.area_pixels),
        "peak": single(region.peak),
        "mean": single(region.mean),
        "centroid": [single(value) for value in region.centroid],
        "contour_points": len(region.contour),
    }


def describe(result: Result) -> dict[str, Any]:
    picture = result.inspected_picture
    return {
        "ok": True,
        "verdict": result.verdict.name if result.verdict else "",
        "decided_by": result.decided_by.name if result.decided_by else "",
        "category": result.category,
        "object": result.object,
        "score": single(result.score),
        "score_std": single(result.score_std),
        "map_score": single(result.map_score),
        "mixed_score": single(result.mixed_score),
        "mask_area_fraction": double(result.mask_area_fraction),
        "largest_region_fraction": double(result.largest_region_fraction),
        "frame_width": result.width,
        "frame_height": result.height,
        "mask": describe_mask(result),
        "anomaly_map": array(result.anomaly_map, "<f4"),
        "deviation_map": array(result.deviation_map, "<f4"),
        "regions": [describe_region(region) for region in result.regions],
        "regions_total": result.regions_total,
        "inspected_picture_sha256": None if picture is None else hashlib.sha256(picture).hexdigest(),
        "seed": result.provenance.seed,
        "samples": result.provenance.samples,
        "result_id": result.provenance.result_id,
        "picture_sha256": result.provenance.picture_sha256,
    }


def describe_error(error: InspectionError) -> dict[str, Any]:
    reason = getattr(error.reason, "name", str(error.reason)) if error.reason else ""
    return {
        "code": error.code.value[0],
        "reason": reason,
        "message": error.message,
        "retry_delay_s": error.retry_after,
        "violations": [violation.field for violation in error.violations],
    }


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def call_arguments(frame: Frame) -> dict[str, Any]:
    options = {name: getattr(frame.options, name) for name in Options.__dataclass_fields__}
    return {"image": frame.image, "category": frame.category or "", "frame_id": frame.frame_id} | options


def say_result(result: Result) -> None:
    say({"frame_id": result.frame.frame_id, "attempts": result.frame.attempt + 1} | describe(result))


def say_error(frame: Frame, error: InspectionError) -> None:
    head = {"frame_id": error.frame_id or frame.frame_id, "attempts": error.attempts}
    say(head | {"ok": False, "skipped": False, "error": describe_error(error)})


def say_outcome(outcome: Outcome) -> None:
    line: dict[str, Any] = {"frame_id": outcome.frame_id, "attempts": outcome.attempts}
    if outcome.ok:
        say(line | describe(outcome.result))
    else:
        error = outcome.error
        say(line | {"ok": False, "skipped": outcome.skipped, "error": error and describe_error(error)})


def stream_arguments(job: dict[str, Any]) -> dict[str, Any]:
    how = job.get("stream", {})
    arguments: dict[str, Any] = {"flow": "latest" if how.get("latest") else "block"}
    if "max_in_flight" in how:
        arguments["max_in_flight"] = how["max_in_flight"]
    return arguments


def run(job: dict[str, Any]) -> None:
    interval = job.get("stream", {}).get("interval_s", 0)

    def paced() -> Iterator[Frame]:
        for i, frame in enumerate(make_frames(job)):
            if i > 0 and interval > 0:
                time.sleep(interval)
            yield frame

    with Inspector(**client_arguments(job)) as client:
        if job["mode"] == "stream":
            for outcome in client.stream(paced(), **stream_arguments(job)):
                say_outcome(outcome)
            return
        for frame in make_frames(job):
            try:
                say_result(client.inspect(**call_arguments(frame)))
            except InspectionError as error:
                say_error(frame, error)


async def run_with_asyncio(job: dict[str, Any]) -> None:
    interval = job.get("stream", {}).get("interval_s", 0)

    async def paced() -> AsyncIterator[Frame]:
        for i, frame in enumerate(make_frames(job)):
            if i > 0 and interval > 0:
                await asyncio.sleep(interval)
            yield frame

    async with AsyncInspector(**client_arguments(job)) as client:
        if job["mode"] == "stream":
            async for outcome in client.stream(paced(), **stream_arguments(job)):
                say_outcome(outcome)
            return
        for frame in make_frames(job):
            try:
                say_result(await client.inspect(**call_arguments(frame)))
            except InspectionError as error:
                say_error(frame, error)


def main() -> None:
    job = json.load(sys.stdin)
    end = None
    try:
        if sys.argv[1:] == ["--asyncio"]:
            asyncio.run(run_with_asyncio(job))
        else:
            run(job)
    except InspectionError as error:
        end = describe_error(error)
    say({"end": end})


if __name__ == "__main__":
    main()
