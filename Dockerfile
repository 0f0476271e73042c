# The images of the project, for those who build them; docs/docker.md is for those who run them.
#
#   scripts/image.sh build cpu      the server, on processors
#   scripts/image.sh build cuda     the same programs, with LibTorch's libraries for NVIDIA's GPUs
#   scripts/image.sh build tools    bayespfl-model and bayespfl-client
#
# The script runs `docker build` (BuildKit) and says version, revision and date, which no stage can know by itself.

# A release gives it with its digest (docs/releasing.md).
ARG BASE=debian:bookworm-slim

# What the programs are built with: compilers, headers, LibTorch's wheel.
# hadolint ignore=DL3006
FROM ${BASE} AS dependencies
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive
COPY scripts/debian-packages.txt /tmp/
# clang is for linters and fuzzers alone, OpenCV's picture formats for tests.
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
    && grep -vE 'clang|imgcodecs' /tmp/debian-packages.txt | xargs apt-get install -y -qq --no-install-recommends >/dev/null
COPY scripts/requirements-libtorch.txt scripts/requirements-cuda-headers.txt /tmp/
# The secret `ca` is for networks whose package index shows a certificate of their own.
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install -q --disable-pip-version-check --no-deps \
       -r /tmp/requirements-libtorch.txt -r /tmp/requirements-cuda-headers.txt

# The programs, the libraries of LibTorch that they load, and the embedded model, as they lie in every image and package.
FROM dependencies AS build
ENV LANG=C.UTF-8 CCACHE_DIR=/ccache CCACHE_BASEDIR=/src CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json LICENSE THIRD_PARTY.md ./
COPY cmake cmake
COPY base base
COPY proto proto
COPY model model
COPY server server
COPY client/cpp client/cpp
COPY assets/demo/model assets/demo/model
# Two compilers that read LibTorch's headers take 4 GB together.
ARG JOBS=2
ARG VERSION=
RUN --mount=type=cache,target=/ccache \
    cmake --preset release -DBAYESPFL_VENV=/opt/venv -DBAYESPFL_BUILD_TESTS=OFF \
    && built=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' build/CMakeCache.txt) \
    && if [ -n "${VERSION}" ] && [ "${VERSION}" != "${built}" ]; then echo "VERSION is ${VERSION}, the source is ${built}" >&2; exit 1; fi \
    && cmake --build build --parallel "${JOBS}" --target bayespfl-server bayespfl-client bayespfl-model \
    && for component in libtorch server client-program model-tools notices; do \
         cmake --install build --prefix /opt/bayespfl --strip --component "${component}" >/dev/null; \
       done \
    && cmake --install build --prefix /opt/cuda-graphs --strip --component cuda-graphs >/dev/null

# Debian's libraries that the programs load, a user, and nothing that lifts anybody's rights. OpenCV's packages ask for
# drivers of graphics cards and their compiler: 160 MB that nothing here opens.
# hadolint ignore=DL3006
FROM ${BASE} AS runtime
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY scripts/debian-packages-runtime.txt /tmp/
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive \
       xargs -a /tmp/debian-packages-runtime.txt apt-get install -y -qq --no-install-recommends >/dev/null \
    && dpkg --purge --force-depends libgl1-mesa-dri libllvm15 libz3-4 >/dev/null 2>&1 \
    && groupadd --gid 65532 bayespfl \
    && useradd --uid 65532 --gid 65532 --home-dir / --no-create-home --shell /usr/sbin/nologin bayespfl \
    && install -d -o 65532 -g 65532 -m 750 /var/lib/bayespfl \
    && find / -xdev -perm /6000 -exec chmod a-s {} + \
    && find /usr/lib -name '*.a' -delete \
    && rm -rf /tmp/* /var/log/* /var/cache/debconf/* /var/cache/ldconfig/*
ENV PATH=/opt/bayespfl/bin:$PATH
# All images run without rights, and say what they were built from. Below it a stage adds nothing but files: none is built
# anew when these change.
USER 65532:65532
ARG VERSION=
ARG REVISION=
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

FROM runtime AS tools-files
COPY --from=build /opt/bayespfl/lib /opt/bayespfl/lib
COPY --from=build /opt/bayespfl/bin/bayespfl-client /opt/bayespfl/bin/bayespfl-model /opt/bayespfl/bin/
COPY --from=build /opt/bayespfl/share /opt/bayespfl/share

FROM tools-files AS cpu-files
COPY --from=build /opt/bayespfl/bin/bayespfl-server /opt/bayespfl/bin/
COPY --from=build /opt/bayespfl/model /opt/bayespfl/model
COPY deploy/image/server.yaml /etc/bayespfl/server.yaml
ENV BAYESPFL_CONFIG=/etc/bayespfl/server.yaml
EXPOSE 50051 9090
STOPSIGNAL SIGTERM
# Failures count after the start period, in which a large model may load.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["bayespfl-client", "health", "--timeout", "3"]
ENTRYPOINT ["bayespfl-server"]

# What LibTorch opens on a GPU: its CUDA backend and NVIDIA's libraries, without headers, static libraries and Python.
FROM dependencies AS gpu-libraries
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY scripts/requirements-libtorch-gpu.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /opt/venv/bin/pip install -q --disable-pip-version-check --no-deps -r /tmp/requirements-libtorch-gpu.txt
WORKDIR /opt/venv/lib/python3.11/site-packages
# The file names that the CPU's images have already stay as they are there.
RUN --mount=type=bind,from=cpu-files,source=/opt/bayespfl/lib,target=/there \
    find torch/lib nvidia/*/lib -name '*.so*' ! -name 'libtorch_python.so' ! -name 'libshm.so' | while read -r file; do \
      if [ ! -e "/there/${file}" ]; then install -D -m 644 "${file}" "/gpu/${file}"; fi; \
    done

FROM cpu-files AS cuda-files
COPY --from=gpu-libraries /gpu /opt/bayespfl/lib
COPY --from=build /opt/cuda-graphs/libexec /opt/bayespfl/libexec

# Each image's list of what is in it, from its own files.
FROM dependencies AS sbom
COPY scripts/sbom.py /tmp/
ARG VERSION=
ARG CREATED=1970-01-01T00:00:00Z

FROM sbom AS sbom-cpu
RUN --mount=type=bind,from=cpu-files,target=/image \
    python3 /tmp/sbom.py --root /image --wheels /opt/venv/lib/python3.11/site-packages --version "${VERSION}" --created "${CREATED}" >/sbom.spdx.json

FROM sbom AS sbom-tools
RUN --mount=type=bind,from=tools-files,target=/image \
    python3 /tmp/sbom.py --root /image --wheels /opt/venv/lib/python3.11/site-packages --version "${VERSION}" --created "${CREATED}" >/sbom.spdx.json

FROM sbom AS sbom-cuda
RUN --mount=type=bind,from=cuda-files,target=/image --mount=type=bind,from=gpu-libraries,source=/opt/venv,target=/opt/venv \
    python3 /tmp/sbom.py --root /image --wheels /opt/venv/lib/python3.11/site-packages --version "${VERSION}" --created "${CREATED}" >/sbom.spdx.json

FROM tools-files AS tools
COPY --from=sbom-tools /sbom.spdx.json /opt/bayespfl/share/sbom.spdx.json
LABEL org.opencontainers.image.title="Bayes-PFL tools" \
      org.opencontainers.image.description="bayespfl-model and bayespfl-client: model packages, pictures and servers from the command line"
WORKDIR /work
HEALTHCHECK NONE
CMD ["bayespfl-model", "--help"]

FROM cuda-files AS cuda
COPY --from=sbom-cuda /sbom.spdx.json /opt/bayespfl/share/sbom.spdx.json
# What NVIDIA's container toolkit brings in from the host: the driver's libraries for computing and for its metrics.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL org.opencontainers.image.title="Bayes-PFL inspection server (CUDA)" \
      org.opencontainers.image.description="Finds defects on pictures from factory cameras, over gRPC, on an NVIDIA GPU"

FROM cpu-files AS cpu
COPY --from=sbom-cpu /sbom.spdx.json /opt/bayespfl/share/sbom.spdx.json
LABEL org.opencontainers.image.title="Bayes-PFL inspection server" \
      org.opencontainers.image.description="Finds defects on pictures from factory cameras, over gRPC"
