"""What is in the images, and what is not."""

from __future__ import annotations

import json
import re

import pytest
from docker import HARDENED, REPOSITORY, devices_of, docker, inside, inspect, run

PAGE = REPOSITORY / "docs" / "docker.md"
PROGRAMS = "/opt/bayespfl/bin/*"
MOST_BYTES = {"cpu": 600_000_000, "tools": 600_000_000, "cuda": 4_300_000_000}


@pytest.fixture(params=["cpu", "tools", "cuda"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(target: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(target))


def test_is_no_larger_than_promised(image: str, target: str) -> None:
    assert 0 < inspect(image)["Size"] <= MOST_BYTES[target]


def test_is_as_large_as_the_page_says(image: str, target: str) -> None:
    row = re.search(rf"^\| `{target}` \| ([0-9.]+) (MB|GB) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    said = float(row[1]) * {"MB": 1e6, "GB": 1e9}[row[2]]
    assert inspect(image)["Size"] == pytest.approx(said, rel=0.03)


def test_runs_as_a_user_without_rights(image: str) -> None:
    assert inspect(image)["Config"]["User"] == "65532:65532"
    assert docker("run", "--rm", "--network=none", "--entrypoint=id", image, "-u") == "65532"


def test_says_what_it_is(image: str, target: str, version: str) -> None:
    labels = inspect(image)["Config"]["Labels"]
    titles = {
        "cpu": "Bayes-PFL inspection server",
        "cuda": "Bayes-PFL inspection server (CUDA)",
        "tools": "Bayes-PFL tools",
    }
    assert labels["org.opencontainers.image.title"] == titles[target]
    assert labels["org.opencontainers.image.description"]
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.version"] == version
    assert (
        labels["org.opencontainers.image.revision"].removesuffix("-modified")
        == run("git", "rev-parse", "HEAD").stdout.strip()
    )
    committed = run(
        "git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", environment={"TZ": "UTC"}
    ).stdout.strip()
    assert labels["org.opencontainers.image.created"] == committed
    assert docker("run", "--rm", "--network=none", "--entrypoint=bayespfl-client", image, "--version") == version


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_stops_and_is_watched_as_the_server_needs(name: str, request: pytest.FixtureRequest) -> None:
    config = inspect(request.getfixturevalue(name))["Config"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "bayespfl-client", "health", "--timeout", "3"]
    assert config["Entrypoint"] == ["bayespfl-server"]
    assert set(config["ExposedPorts"]) == {"50051/tcp", "9090/tcp"}


def test_has_nothing_that_only_builders_need(image: str) -> None:
    found = inside(
        image,
        "for program in python3 pip gcc g++ cc c++ make cmake ld as ccache git wget curl; do type -P $program || true; done; "
        "find / -xdev '(' -name '*.h' -o -name '*.hpp' -o -name '*.a' -o -name '*.pyc' -o -name 'libLLVM*' ')' -print; "
        "find /tmp /var/tmp /var/lib/apt/lists /var/cache/apt /var/log -type f",
    )
    assert found == ""


def test_nothing_lifts_rights(image: str) -> None:
    assert inside(image, "find / -xdev -perm /6000; find / -xdev -type f -perm -o+w -print") == ""


def test_the_user_owns_the_folders_that_it_writes_to_alone(image: str, target: str) -> None:
    own = inside(image, "find / -xdev '(' -uid 65532 -o -gid 65532 ')' -print").splitlines()
    assert own == ["/var/lib/bayespfl", *(["/work"] if target == "tools" else [])]


def test_every_library_is_found(image: str) -> None:
    listing = inside(image, f"ldd {PROGRAMS}")
    assert "libtorch_cpu.so => /opt/bayespfl/bin/../lib/torch/lib/libtorch_cpu.so" in listing
    assert "not found" not in listing


def test_no_program_loads_picture_formats_of_opencv(image: str) -> None:
    listing = inside(image, f"ldd {PROGRAMS}")
    assert "libwebp.so" in listing
    assert re.search("imgcodecs|gdal|gdcm|OpenEXR", listing) is None
    assert inside(image, "find /usr/lib -name 'libopencv_imgcodecs*' -o -name 'libgdal*'") == ""


@pytest.mark.parametrize("name", ["cpu", "tools"])
def test_every_library_of_libtorch_is_loaded(name: str, request: pytest.FixtureRequest) -> None:
    image = request.getfixturevalue(name)
    there = set(inside(image, "find /opt/bayespfl/lib ! -type d").splitlines())
    loaded = inside(
        image, f"ldd {PROGRAMS} | sed -n 's/.* => \\([^ ]*\\).*/\\1/p' | xargs readlink -f | sort -u"
    ).splitlines()
    assert there == {path for path in loaded if path.startswith("/opt/bayespfl/lib/")}
    page = PAGE.read_text(encoding="utf-8")
    assert [path for path in there if f"`{path.rpartition('/')[2]}`" not in page] == []
    assert len(there) == 5, "as the page says"


def test_the_model_serves_as_it_lies_in_the_checkout(cpu: str) -> None:
    sums = inside(cpu, "cd /opt/bayespfl/model && sha256sum *")
    assert sums == run("bash", "-c", f"cd {REPOSITORY}/assets/demo/model && sha256sum *").stdout.strip()


def test_sbom_is_whole(image: str, version: str) -> None:
    sbom = json.loads(inside(image, "cat /opt/bayespfl/share/sbom.spdx.json"))
    assert sbom["spdxVersion"] == "SPDX-2.3"
    assert sbom["creationInfo"]["created"] == inspect(image)["Config"]["Labels"]["org.opencontainers.image.created"]
    names = [part["SPDXID"] for part in (*sbom["packages"], *sbom["files"])]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name) for name in names)
    related = {relation["relatedSpdxElement"] for relation in sbom["relationships"]}
    assert related == set(names)
    (ours,) = (package for package in sbom["packages"] if package["name"] == "bayespfl")
    assert ours["versionInfo"] == version
    files = {file["fileName"] for file in sbom["files"]}
    there = set(inside(image, "find /opt/bayespfl -type f").splitlines())
    assert there - files == {"/opt/bayespfl/share/sbom.spdx.json"}
    assert files <= there


def test_sbom_lists_what_dpkg_says(image: str) -> None:
    sbom = json.loads(inside(image, "cat /opt/bayespfl/share/sbom.spdx.json"))
    listed = {
        (package["name"], package["versionInfo"])
        for package in sbom["packages"]
        if package["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/")
    }
    installed = inside(image, r"dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n'").splitlines()
    there = {(name, version) for status, name, version in map(str.split, installed) if status == "installed"}
    compiled_in = {"libcli11-dev", "nlohmann-json3-dev"}
    assert {package for package in listed if package[0] not in compiled_in} == there
    assert compiled_in == {name for name, _ in listed} - {name for name, _ in there}


def test_sbom_lists_every_file_that_the_programs_load(image: str) -> None:
    sbom = json.loads(inside(image, "cat /opt/bayespfl/share/sbom.spdx.json"))
    sums = {file["fileName"]: file["checksums"][0]["checksumValue"] for file in sbom["files"]}
    packages = {package["name"] for package in sbom["packages"]}
    # sha256, path, and the Debian package that owns it, if one does; Debian's /lib is /usr/lib.
    loaded = inside(
        image,
        f"for file in $(ldd {PROGRAMS} | sed -n 's/.* => \\(\\/[^ ]*\\).*/\\1/p' | xargs readlink -f | sort -u) {PROGRAMS}; do "
        'owner=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null || echo -:); '
        'echo "$(sha256sum "$file") ${owner%%:*}"; done',
    ).splitlines()
    assert len(loaded) > 80
    for checksum, path, owner in map(str.split, loaded):
        if owner == "-":
            assert sums.get(path) == checksum, path
        else:
            assert owner in packages, path


def test_wheels_are_named_with_their_versions(image: str) -> None:
    sbom = json.loads(inside(image, "cat /opt/bayespfl/share/sbom.spdx.json"))
    wheels = {
        package["name"]: package["versionInfo"]
        for package in sbom["packages"]
        if "pkg:pypi/" in str(package["externalRefs"])
    }
    assert wheels["torch"] == "2.11.0"
    assert wheels["nvidia-cuda-runtime"] == "13.0.96"


def test_cuda_backend_opens_without_a_driver(cuda: str) -> None:
    printed = docker("run", "--rm", "--network=none", *HARDENED, "--entrypoint=bayespfl-model", cuda, "devices")
    rows = devices_of(printed)
    assert rows["CUDA backend"] == "/opt/bayespfl/lib/torch/lib/libtorch_cuda.so"
    assert rows["missing"] == "none"
    assert rows["opens"] == "yes"
    assert rows["auto takes"] == "cpu: no GPU of NVIDIA is visible (/dev/nvidia0)"


def test_programs_are_those_of_the_cpu_image(cpu: str, cuda: str) -> None:
    assert inside(cuda, f"sha256sum {PROGRAMS}") == inside(cpu, f"sha256sum {PROGRAMS}")
