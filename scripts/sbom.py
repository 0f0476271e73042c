#!/usr/bin/env python3
"""Writes what an image holds as SPDX 2.3 JSON, from the image's own files.

Debian's packages are those of its dpkg data base; files below /opt/bayespfl are matched with the Python wheels that they
came from (their RECORD), and each of them is listed with its SHA-256 as it lies there. What is compiled in (headers of CLI11
and nlohmann-json) comes from the dpkg data base of the machine that compiles. A file that belongs to nothing is an error.
"""

import argparse
import csv
import hashlib
import json
import pathlib
import re
import sys
import urllib.parse

HOME = "opt/bayespfl"
COMPILED_IN = {"libcli11-dev": "BSD-3-Clause", "nlohmann-json3-dev": "MIT"}


def sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def debian_packages(status: pathlib.Path) -> list[dict[str, str]]:
    """The installed packages of a dpkg data base."""
    packages = []
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            packages.append(fields)
    return packages


def wheel_files(site_packages: pathlib.Path) -> dict[str, tuple[str, str, str]]:
    """Path in site-packages -> name, version and licence of the distribution that brought it."""
    files = {}
    for info in sorted(site_packages.glob("*.dist-info")):
        metadata = (info / "METADATA").read_text(encoding="utf-8")
        name = re.search(r"^Name: (.*)$", metadata, re.MULTILINE)[1]
        version = re.search(r"^Version: (.*)$", metadata, re.MULTILINE)[1]
        licence = "BSD-3-Clause" if name == "torch" else "LicenseRef-NVIDIA-Proprietary"
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            for path, *_ in csv.reader(record):
                files[path] = (name, version, licence)
    return files


def spdx_id(*parts: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(parts))


def package(name: str, version: str, purl: str, **more: object) -> dict[str, object]:
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
    return {
        "SPDXID": spdx_id("Package", purl.split("/")[0].removeprefix("pkg:"), name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [reference],
    } | more


def deb(fields: dict[str, str], **more: object) -> dict[str, object]:
    version = urllib.parse.quote(fields["Version"], safe="~.+-")
    purl = f"pkg:deb/debian/{fields['Package']}@{version}?arch={fields['Architecture']}&distro=debian-12"
    return package(fields["Package"], fields["Version"], purl, supplier="Organization: Debian", **more)


def document(root: pathlib.Path, site_packages: pathlib.Path, version: str, created: str) -> dict[str, object]:
    ours = package("bayespfl", version, f"pkg:generic/bayespfl@{version}", licenseDeclared="MIT")
    packages = [ours]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", ours["SPDXID"])]
    for fields in debian_packages(root / "var/lib/dpkg/status"):
        packages.append(deb(fields))
        relations.append((ours["SPDXID"], "DEPENDS_ON", packages[-1]["SPDXID"]))
    for fields in debian_packages(pathlib.Path("/var/lib/dpkg/status")):
        if fields["Package"] in COMPILED_IN:
            packages.append(deb(fields, licenseDeclared=COMPILED_IN[fields["Package"]]))
            relations.append((ours["SPDXID"], "STATIC_LINK", packages[-1]["SPDXID"]))

    from_wheels = wheel_files(site_packages)
    wheels: dict[str, dict[str, object]] = {}
    files = []
    for path in sorted((root / HOME).rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        inside = path.relative_to(root)
        below = path.relative_to(root / HOME)
        owner = ours
        if below.parts[0] == "lib":
            origin = from_wheels.get(str(below.relative_to("lib")))
            if origin is None:
                sys.exit(f"sbom: no wheel brought /{inside}")
            name, wheel_version, licence = origin
            if name not in wheels:
                purl = f"pkg:pypi/{name}@{wheel_version}"
                wheels[name] = package(name, wheel_version, purl, licenseDeclared=licence)
                relations.append((ours["SPDXID"], "DEPENDS_ON", wheels[name]["SPDXID"]))
            owner = wheels[name]
        files.append(
            {
                "SPDXID": spdx_id("File", str(inside)),
                "fileName": f"/{inside}",
                "checksums": [{"algorithm": "SHA256", "checksumValue": sha256(path)}],
                "licenseConcluded": "NOASSERTION",
                "copyrightText": "NOASSERTION",
            }
        )
        relations.append((owner["SPDXID"], "CONTAINS", files[-1]["SPDXID"]))
    packages += wheels.values()

    content = json.dumps([packages, files], sort_keys=True).encode()
    namespace = f"https://spdx.invalid/bayespfl/{version}/{hashlib.sha256(content).hexdigest()}"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"bayespfl-{version}",
        "documentNamespace": namespace,
        "creationInfo": {"created": created, "creators": ["Tool: bayespfl-sbom"]},
        "packages": packages,
        "files": files,
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
        "hasExtractedLicensingInfos": [
            {
                "licenseId": "LicenseRef-NVIDIA-Proprietary",
                "name": "NVIDIA's licence",
                "extractedText": "See the METADATA of the wheel.",
            }
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, required=True, help="the image's file system")
    parser.add_argument("--wheels", type=pathlib.Path, required=True, help="site-packages with the wheels' dist-info")
    parser.add_argument("--version", required=True)
    parser.add_argument("--created", required=True, help="RFC 3339, UTC")
    arguments = parser.parse_args()
    # An old pip leaves no dpkg data base; without one this would list nothing and say so nowhere.
    if not (arguments.root / "var/lib/dpkg/status").is_file():
        sys.exit(f"sbom: {arguments.root} has no dpkg data base")
    json.dump(document(arguments.root, arguments.wheels, arguments.version, arguments.created), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
