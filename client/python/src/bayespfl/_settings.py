"""How a client reaches its server: options, checked, and what gRPC is told."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from bayespfl.errors import InputError, input_error

MIB = 1 << 20
SERVICE = "bayespfl.inspection.v1.InspectionService"
_SMALLEST_LIMIT = MIB
_LARGEST_LIMIT = (1 << 31) - 1  # of gRPC


@dataclass(frozen=True)
class TLS:
    """Files for an encrypted connection, PEM each."""

    ca: str | os.PathLike[str] | None = None  # authorities of the server's certificate; None: the system's
    certificate: str | os.PathLike[str] | None = None  # of this client, where the server wants one
    key: str | os.PathLike[str] | None = None  # of `certificate`
    server_name: str | None = None  # in the server's certificate, where it is not the target's host


@dataclass(frozen=True)
class Settings:
    """Everything a client is made with, checked by :func:`check`. Times are in seconds."""

    target: str
    tls: TLS | None
    token: str = field(repr=False)
    allow_plaintext_token: bool
    timeout: float
    connect_timeout: float
    wait_for_ready: bool
    keepalive: float | None
    max_message_bytes: int
    max_reply_bytes: int
    dns_min_interval: float


def _has_scheme(target: str) -> bool:
    return "://" in target or target.startswith(("unix:", "dns:", "ipv4:", "ipv6:", "xds:"))


def _host(target: str) -> str:
    """The host of "dns:///host:port", "host:port" and "[::1]:port"."""
    return target.rsplit("/", 1)[-1].rsplit(":", 1)[0].strip("[]")


def is_loopback(target: str) -> bool:
    """Whether the target is this machine, where nobody else can listen in."""
    if target.startswith(("ipv4:", "ipv6:")):
        target = target[5:]
    host = _host(target)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_target(target: str) -> None:
    if _has_scheme(target):
        return
    host, colon, port = target.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed) or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise input_error(f'"{target}" is no server address: it must be HOST:PORT with a port of 1..65535')


def _check_token(settings: Settings) -> None:
    if not settings.token:
        return
    if re.fullmatch(r"[A-Za-z0-9\-._~+/=]+", settings.token) is None:  # RFC 6750, section 2.1
        raise input_error("the token holds a character that no token may have")
    local = is_loopback(settings.target) or settings.target.startswith("unix:")
    if settings.tls is None and not settings.allow_plaintext_token and not local:
        raise input_error(
            f"the token would go to {settings.target} in plain text; use tls=..., or allow it with allow_plaintext_token=True"
        )


def check(settings: Settings) -> Settings:
    """The same settings; InputError, with a sentence, for those that cannot be."""
    _check_target(settings.target)
    _check_token(settings)
    for name in ("timeout", "connect_timeout"):
        value = getattr(settings, name)
        if not 0 < value <= 1e9:
            raise input_error(f"{name} is {value!r}; it must be a number of seconds above 0")
    if settings.keepalive is not None and not 1 <= settings.keepalive <= 1e6:
        raise input_error(f"keepalive is {settings.keepalive!r}; it must be at least 1 second, or None for no pings")
    if not 0 <= settings.dns_min_interval <= 1e6:
        raise input_error(f"dns_min_interval is {settings.dns_min_interval!r}; it must be a number of seconds")
    for name in ("max_message_bytes", "max_reply_bytes"):
        value = getattr(settings, name)
        if not _SMALLEST_LIMIT <= value <= _LARGEST_LIMIT:
            raise input_error(f"{name} is {value!r}; it must be {_SMALLEST_LIMIT}..{_LARGEST_LIMIT}")
    return settings


def _service_config(balanced: bool) -> str:
    config: dict[str, Any] = {}
    if balanced:
        config = {
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": SERVICE},
        }
    return json.dumps(config)


def channel_options(settings: Settings, *, balanced: bool) -> list[tuple[str, Any]]:
    """gRPC's channel arguments. `balanced`: round robin over the servers that are healthy by grpc.health.v1.

    Attempts are this package's: gRPC's own retries are off, since they know nothing of `attempt`.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_receive_message_length", settings.max_reply_bytes),
        ("grpc.enable_retries", 0),
        ("grpc.service_config", _service_config(balanced)),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 5000),
        ("grpc.min_reconnect_backoff_ms", 5000),  # despite its name, how long one attempt to connect may take
        ("grpc.dns_min_time_between_resolutions_ms", int(settings.dns_min_interval * 1000)),
    ]
    if settings.keepalive is not None:
        options += [
            ("grpc.keepalive_time_ms", int(settings.keepalive * 1000)),
            ("grpc.keepalive_timeout_ms", 5000),
            # While gRPC's own probe of the bandwidth has no answer, newer versions send no other ping, and would wait
            # a minute for it.
            ("grpc.http2.ping_timeout_ms", 5000),
            ("grpc.keepalive_permit_without_calls", 0),
            ("grpc.http2.max_pings_without_data", 0),
        ]
    if is_loopback(settings.target):
        options.append(("grpc.enable_http_proxy", 0))  # a proxy cannot know this machine's own addresses
    if settings.tls is not None and settings.tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", settings.tls.server_name))
        options.append(("grpc.default_authority", settings.tls.server_name))
    return options


def _read_pem(name: str, path: str | os.PathLike[str], marker: str) -> bytes:
    try:
        pem = Path(path).read_bytes()
    except OSError as error:
        raise input_error(f"tls {name}: cannot read {os.fspath(path)}: {error.strerror or error}") from error
    if b"-----BEGIN " not in pem or marker.encode() not in pem:
        raise input_error(f"tls {name}: {os.fspath(path)} holds no PEM {marker}")
    return pem


def _system_roots() -> bytes:
    """The system's authorities: gRPC's own default is a list that came with its package."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:  # may be None, whatever its type says
        return Path(paths.cafile).read_bytes()
    folder = Path(paths.capath) if paths.capath else None
    files = sorted({file.resolve() for file in folder.iterdir()}) if folder is not None and folder.is_dir() else []
    pems = [file.read_bytes() for file in files if file.is_file()]
    roots = b"\n".join(pem for pem in pems if b"CERTIFICATE" in pem)
    if not roots:
        context = ssl.create_default_context()
        certificates = context.get_ca_certs(binary_form=True)
        roots = "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()
    if not roots:
        raise input_error("the system has no certificate authorities; name a file with TLS(ca=...)")
    return roots


def credentials(tls: TLS) -> grpc.ChannelCredentials:
    """gRPC's credentials of these files; InputError for a file that is missing or not what it should be."""
    if (tls.certificate is None) != (tls.key is None):
        raise input_error("tls certificate and key go together; one of them is missing")
    roots = _system_roots() if tls.ca is None else _read_pem("ca", tls.ca, "CERTIFICATE")
    chain = key = None
    if tls.certificate is not None and tls.key is not None:
        chain = _read_pem("certificate", tls.certificate, "CERTIFICATE")
        key = _read_pem("key", tls.key, "PRIVATE KEY")
    return grpc.ssl_channel_credentials(root_certificates=roots, private_key=key, certificate_chain=chain)


def read_token(path: str | os.PathLike[str]) -> str:
    """The token in a file of one line; InputError otherwise."""
    try:
        token = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise input_error(f"cannot read the token file {os.fspath(path)}: {error}") from error
    if not token or "\n" in token:
        raise input_error(f"{os.fspath(path)} is not one line with a token")
    return token


__all__ = ["MIB", "SERVICE", "TLS", "InputError", "Settings", "channel_options", "check", "credentials", "is_loopback"]
