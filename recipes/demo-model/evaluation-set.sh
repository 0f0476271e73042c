#!/usr/bin/env bash
# Makes the held-out set that demo models are judged by, in five parts, each a data set in MVTec's layout:
#
#   families     parts and surfaces of families that are never trained on, with defects that are
#   defects      families that are trained on, with defects that are not
#   both         neither the families nor the defects are trained on
#   objects      parts of families that are never trained on, with all defects
#   photographs  photographs that are never trained on, each shown once, half of them with a defect; all kinds
#
#   evaluation-set.sh FOLDER                     fails where a byte differs from evaluation-set.sha256
#   evaluation-set.sh --write-manifest FOLDER    writes evaluation-set.sha256 anew
#
# BAYESPFL_JOBS: threads (2).
set -euo pipefail
# shellcheck source=recipes/demo-model/split.sh
source "$(dirname "${BASH_SOURCE[0]}")/split.sh"

write=no
if [[ ${1:-} == --write-manifest ]]; then
  write=yes
  shift
fi
[[ $# == 1 ]] || die "usage: evaluation-set.sh [--write-manifest] FOLDER"
folder=$1
[[ ! -e $folder ]] || die "$folder is there already"
check_split

tiles=$(mktemp -d)
trap 'rm -rf "$tiles"' EXIT
"$recipe/photographs.sh" "$tiles/photographs"
held_out_families=$held_out_surfaces,$held_out_objects
make_set "$folder/families" "$families_seed" 12 12 --families "$held_out_families" --defects "$trained_defects"
make_set "$folder/defects" "$defects_seed" 4 4 --families "$trained_surfaces,$trained_objects" --defects "$held_out_defects"
make_set "$folder/both" "$both_seed" 10 10 --families "$held_out_families" --defects "$held_out_defects"
make_set "$folder/objects" "$objects_seed" 20 20 --families "$held_out_objects"
photograph_set "$tiles/photographs/held-out" "$folder/photographs" "$photographs_seed" 1 1

manifest=$recipe/evaluation-set.sha256
digests() { (cd "$folder" && find . -name '*.png' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum); }
for part in families defects both objects photographs; do
  printf '%s: %d good pictures, %d with a defect\n' "$part" "$(find "$folder/$part" -path '*/test/good/*' | wc -l)" \
    "$(find "$folder/$part" -path '*/ground_truth/*.png' | wc -l)"
done
if [[ $write == yes ]]; then
  digests >"$manifest"
  printf 'evaluation-set: %s has %d files\n' "$manifest" "$(wc -l <"$manifest")"
  exit
fi
digests | diff "$manifest" - >"$tiles/difference" || {
  head -20 "$tiles/difference" >&2
  die "$(grep -c '^[<>]' "$tiles/difference") lines differ from $manifest, the first of them above: this is not the set"
}
printf 'evaluation-set: %s is the set, to the last bit\n' "$folder"
