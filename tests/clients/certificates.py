"""An authority and a server's certificate for the loopback, made anew for each run with the `openssl` program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 60
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3"
EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Certificates:
    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Valid for a day."""
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    ca_key, request, names = folder / "ca.key", folder / "server.csr", folder / "names.txt"
    names.write_text(f"{NAMES}\nbasicConstraints=CA:FALSE\n")
    _openssl("req", "-x509", *EC_KEY, "-keyout", ca_key, "-out", made.ca, "-days", "1", "-subj", "/CN=test authority")
    _openssl("req", *EC_KEY, "-keyout", made.key, "-out", request, "-subj", "/CN=localhost")
    _openssl(
        *("x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "1"),
        *("-extfile", names, "-out", made.certificate),
    )
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=LIMIT_S)
