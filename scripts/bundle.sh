#!/usr/bin/env bash
# Gathers what a plant without the internet needs into build/bundle/bayespfl-VERSION-bundle.tar: the images (built by
# scripts/image.sh, with the `docker` at hand), the Debian packages (scripts/packages.sh) and all that they need on a minimal
# Debian 12, the Python client's wheels, the chart, checksums, and one page that says what to do.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$repo_root"

say() { printf 'bundle: %s\n' "$*"; }
die() {
  printf 'bundle: %s\n' "$*" >&2
  exit 1
}

packages=${BAYESPFL_PACKAGES:-$repo_root/build/packages}
output=${BAYESPFL_BUNDLE:-$repo_root/build/bundle}
version=$(scripts/version.sh)
folder=$output/bayespfl-$version
compgen -G "$packages/*.deb" >/dev/null || die "there are no packages in $packages; \`make packages\` makes them."
rm -rf "$output"
mkdir -p "$folder"/{debs,wheels,chart}

# An image that was built from this very commit stays, with the base that it was built on; another one of the same version
# would bring other programs than the packages.
revision=$(scripts/image.sh revision)
images=()
for target in cpu tools; do
  image=$(scripts/image.sh tag "$target")
  built=$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$image" 2>/dev/null) || built=
  [[ $revision != *-modified && $built == "$revision" ]] || scripts/image.sh build "$target" >/dev/null
  images+=("$image")
done
say "images: ${images[*]}"
docker save "${images[@]}" | gzip -1 >"$folder/images.tar.gz"

say "Debian packages, and what they need on a minimal Debian 12"
cp "$packages"/*.deb "$folder/debs"
# As in a clean machine, so that nothing counts as being there that a minimal one lacks.
docker run --rm --network=host --volume "$folder/debs:/debs" debian:bookworm-slim bash -euc '
  apt-get update -qq
  apt-get install -y -qq --download-only --no-install-recommends -o APT::Sandbox::User=root \
    -o Dir::Cache::archives=/debs /debs/*.deb >/dev/null
  rm -rf /debs/lock /debs/partial
  chown -R "$1" /debs' - "$(id -u):$(id -g)" || die "apt could not fetch what the packages need."

say "the Python client's wheels"
"$BAYESPFL_TEST_VENV/bin/pip" wheel -q --disable-pip-version-check --wheel-dir "$folder/wheels" ./client/python ||
  die "pip could not gather the Python client's wheels."

for chart in helm/*/Chart.yaml; do
  [[ -f $chart ]] || die "there is no chart in helm/."
  name=$(basename "$(dirname "$chart")")
  say "the chart $name"
  tar --sort=name --owner=0 --group=0 --numeric-owner -C helm -czf "$folder/chart/$name-$version.tgz" "$name"
done

sed "s/@VERSION@/$version/g" deploy/bundle/INSTALL.md >"$folder/INSTALL.md"
cp LICENSE THIRD_PARTY.md CHANGELOG.md "$folder"
cp -r docs "$folder/docs"
(cd "$folder" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$output/SHA256SUMS"
mv "$output/SHA256SUMS" "$folder"
tar --sort=name --owner=0 --group=0 --numeric-owner -C "$output" -cf "$output/bayespfl-$version-bundle.tar" "bayespfl-$version"
rm -rf "$folder"
ls -sh "$output"
