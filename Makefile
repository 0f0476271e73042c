# The front door. Every target is safe to run again and says in one sentence what is missing.
.PHONY: help setup build programs demo bench test asan tsan sanitizers reliability fuzz format lint lint-all contract generate chart packages \
  image-test bundle cluster-test clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      install what is missing, build the three programs, inspect the demo pictures (out/demo)"
	@echo "make test      the same set-up, then build everything and run all tests"
	@echo "make bench     how fast the embedded model is here, or BENCH_MODEL=FOLDER, and what each saving saves (out/bench.json)"
	@echo "make lint      formatters and linters; clang-tidy on the files a change touches (make lint-all: on all)"
	@echo "make format    rewrite files in the project's format"
	@echo "make contract  docs/api.md and the contract's snapshot anew, after an addition to proto/"
	@echo "make generate  the Go client's code anew, after a change of proto/"
	@echo "make asan      all tests under AddressSanitizer and UBSan"
	@echo "make tsan      the tests of the pipeline, of the streams' order and of telemetry under ThreadSanitizer"
	@echo "make sanitizers  make tsan, and the tests of everything that reads strangers' bytes under AddressSanitizer and UBSan"
	@echo "make reliability  overload for RELIABILITY_SECONDS (600), KILLED_CLIENTS (1000) killed in mid-stream"
	@echo "make fuzz      every fuzz target for FUZZ_SECONDS (60), two on each processor"
	@echo "make chart     what is made of the Helm chart's values anew: table, schema, goldens"
	@echo "make cluster-test  the chart and the image on a real Kubernetes node on this machine (root; the first run builds it)"
	@echo "make packages  Debian packages and an archive of the programs (build/packages)"
	@echo "make image-test  builds the container images with an engine of its own and tests them, packages and bundle too (root)"
	@echo "make bundle    images, chart, packages and wheels for machines without the internet (build/bundle)"
	@echo "make clean     remove build/ and out/"

# GPU=1: with LibTorch's libraries for NVIDIA's GPUs (default: where one is visible).
setup:
	@scripts/setup.sh

build: setup
	@scripts/build.sh

# Nobody who tries the programs should wait for the tests: they are about half of what there is to build.
programs: setup
	@scripts/build.sh release bayespfl-server bayespfl-client bayespfl-model

demo: programs
	@scripts/demo.sh

# BENCH_FLAGS: more flags of `bayespfl-model bench`.
bench: programs
	@build/bin/bayespfl-model bench --model "$${BENCH_MODEL:-assets/demo/model}" --json out/bench.json $$BENCH_FLAGS

test: build
	@scripts/test.sh

asan: setup
	@scripts/build.sh asan
	@scripts/test.sh asan

tsan: setup
	@scripts/sanitizers.sh thread

sanitizers: setup
	@scripts/sanitizers.sh all

reliability: build
	@RELIABILITY_SECONDS=$${RELIABILITY_SECONDS:-600} KILLED_CLIENTS=$${KILLED_CLIENTS:-1000} build/tests/reliability_test

fuzz: setup
	@scripts/build.sh fuzz fuzzers
	@scripts/fuzz.sh

format: setup
	@scripts/format.sh

lint: setup
	@scripts/lint.sh

lint-all: setup
	@scripts/lint.sh --all

contract: setup
	@scripts/contract.sh update

generate: setup
	@scripts/generate_go.sh
	@scripts/generate_python.sh

chart: setup
	@scripts/chart.sh update

cluster-test: setup
	@scripts/cluster.sh test

packages: programs
	@scripts/packages.sh

image-test: packages
	@scripts/image_test.sh

bundle: packages
	@scripts/bundle.sh

clean:
	@rm -rf build out
