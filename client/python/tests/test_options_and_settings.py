"""Options of frames, and what a client is made with."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import bayespfl
from bayespfl import TLS, Inspector, Options, RegionOptions
from bayespfl._options import OptionFields, to_message
from bayespfl._settings import channel_options, credentials, is_loopback
from bayespfl.inspection.v1 import inspection_pb2, picture_pb2


def test_keyword_arguments_are_the_fields_of_options() -> None:
    assert set(get_type_hints(OptionFields)) == {field.name for field in fields(Options)}


def test_every_option_of_the_contract_can_be_set() -> None:
    everything = Options(
        object="leather",
        model="m",
        samples=3,
        seed=2**64 - 1,
        anomaly_map=True,
        deviation_map="png16",
        mask="png8",
        resolution="model",
        mask_threshold=0.25,
        regions=RegionOptions(max_regions=0, max_contour_points=9),
        inspected_picture="jpeg",
        priority="low",
    )

    message = to_message(everything, "c")

    missing = {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}
    assert missing == {"random_seed"}
    assert message.anomaly_map == picture_pb2.MAP_ENCODING_FLOAT32
    assert message.regions.HasField("max_regions")
    assert to_message(Options(random_seed=True), None).random_seed


def test_the_default_asks_for_a_mask_and_a_frame_of_a_stream_for_nothing_of_its_own() -> None:
    assert to_message(Options(), "c").mask == picture_pb2.MASK_ENCODING_COCO_RLE
    assert to_message(Options(mask=False), "c").mask == picture_pb2.MASK_ENCODING_UNSPECIFIED
    assert to_message(Options(), None, inherits=True) == inspection_pb2.InspectOptions()
    assert to_message(Options(mask=False), None, inherits=True).HasField("mask")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(seed=1, random_seed=True), "exclude each other"),
        (Options(seed=-1), "seed is -1"),
        (Options(samples=2.5), "samples is 2.5"),  # type: ignore[arg-type]
        (Options(anomaly_map="jpeg"), "anomaly_map is 'jpeg'; it may be 'float32', 'png16', 'png8'"),  # type: ignore[arg-type]
        (Options(priority="urgent"), "priority is 'urgent'; it may be 'high'"),  # type: ignore[arg-type]
        (Options(resolution="half"), "resolution is 'half'"),  # type: ignore[arg-type]
    ],
)
def test_options_that_there_cannot_be(options: Options, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        to_message(options, None)


def test_no_regions_may_be_said_in_every_way() -> None:
    for regions in (False, None, 0):
        assert not to_message(Options(regions=regions), None).HasField("regions")  # type: ignore[arg-type]


def test_a_token_is_in_no_trace() -> None:
    with Inspector("127.0.0.1:1", token="bpfl_00ff") as inspector:
        assert "bpfl_00ff" not in repr(inspector._settings)


@pytest.mark.parametrize("time", [1.5, datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))])
def test_a_capture_time_that_there_cannot_be_is_the_frames_error(time: Any) -> None:
    with Inspector("127.0.0.1:1") as inspector, pytest.raises(bayespfl.InputError) as caught:
        inspector.inspect(b"x", "leather", frame_id="f", capture_time=time)

    assert caught.value.frame_id == "f"


def test_an_unknown_option_is_a_type_error() -> None:
    with Inspector() as inspector, pytest.raises(TypeError, match="sample"):
        inspector.inspect(b"x", "leather", sample=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": "localhost"}, '"localhost" is no server address: it must be HOST:PORT'),
        ({"target": "host:70000"}, "port of 1..65535"),
        ({"target": "::1:50051"}, "no server address"),
        ({"target": ":50051"}, "no server address"),
        ({"timeout": 0}, "timeout is 0; it must be a number of seconds above 0"),
        ({"connect_timeout": -1}, "connect_timeout is -1"),
        ({"keepalive": 0.1}, "keepalive is 0.1; it must be at least 1 second"),
        ({"max_message_bytes": 5}, "max_message_bytes is 5"),
        ({"max_reply_bytes": 1 << 31}, "max_reply_bytes is 2147483648"),
        ({"dns_min_interval": -1}, "dns_min_interval is -1"),
        ({"token": "two words"}, "a character that no token may have"),
        ({"token": "t", "target": "gpu:50051"}, "would go to gpu:50051 in plain text"),
        ({"token": "t", "target": "dns:///gpu:50051"}, "in plain text"),
        ({"tls": "/no/such/ca.pem"}, "tls ca: cannot read /no/such/ca.pem"),
        ({"tls": TLS(ca=__file__)}, "holds no PEM CERTIFICATE"),
        ({"tls": TLS(ca=__file__, key="k")}, "go together"),
    ],
)
def test_clients_that_cannot_be(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(bayespfl.InputError, match=sentence):
        Inspector(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"token": "t", "target": "127.0.0.1:1"},
        {"token": "t", "target": "[::1]:1"},
        {"token": "t", "target": "localhost:1"},
        {"token": "t", "target": "unix:/run/bayespfl.sock"},
        {"token": "t", "target": "gpu:1", "allow_plaintext_token": True},
        {"target": "dns:///gpu:1"},
        {"keepalive": None},
    ],
)
def test_clients_that_can_be(arguments: dict[str, Any]) -> None:
    Inspector(**arguments).close()


def test_a_token_goes_to_another_machine_over_tls() -> None:
    with Inspector("gpu:50051", token="t", tls=True) as inspector:
        assert inspector.target == "gpu:50051"


def test_the_systems_authorities_are_used_and_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    with pytest.raises(bayespfl.InputError, match="no certificate authorities"):
        credentials(TLS())


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("dns:///localhost:1", True),
        ("ipv4:127.0.0.1:1", True),
        ("gpu:1", False),
        ("localhost.plant.example:1", False),
        ("10.0.0.1:1", False),
    ],
)
def test_what_this_machine_is(target: str, local: bool) -> None:
    assert is_loopback(target) is local


def test_what_grpc_is_told() -> None:
    with Inspector("127.0.0.1:1", keepalive=12, dns_min_interval=3, max_reply_bytes=2 << 20) as inspector:
        options = dict(channel_options(inspector._settings, balanced=True))

    assert options["grpc.keepalive_time_ms"] == 12_000
    assert options["grpc.keepalive_timeout_ms"] == 5_000
    assert options["grpc.enable_retries"] == 0
    assert options["grpc.enable_http_proxy"] == 0
    assert options["grpc.max_receive_message_length"] == 2 << 20
    assert options["grpc.dns_min_time_between_resolutions_ms"] == 3_000
    config = json.loads(options["grpc.service_config"])
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
    assert config["healthCheckConfig"] == {"serviceName": "bayespfl.inspection.v1.InspectionService"}


def test_a_proxy_is_left_to_grpc_for_other_machines() -> None:
    with Inspector("gpu:1", keepalive=None) as inspector:
        options = dict(channel_options(inspector._settings, balanced=False))

    assert "grpc.enable_http_proxy" not in options
    assert "grpc.keepalive_time_ms" not in options
