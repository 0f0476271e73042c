#!/usr/bin/env bash
# Makes of a trained model the package that is shipped: its mask threshold, what is said of its origin, and lines for the
# surfaces that the demo shows.
#
#   package.sh MODEL FOLDER       FOLDER must not exist; pictures go beside it
#
# Good pictures of the demo's generator decide; none of them is a demo picture. The rule is `score`, which is the better one
# on every part of the held-out set.
set -euo pipefail
# shellcheck source=recipes/demo-model/split.sh
source "$(dirname "${BASH_SOURCE[0]}")/split.sh"

[[ $# == 2 && $1 != -* ]] || die "usage: package.sh MODEL FOLDER"
model=$1
folder=$2
[[ -f $model/config.json ]] || die "$model is no model package"
[[ ! -e $folder ]] || die "$folder is there already"
python=$BAYESPFL_TEST_VENV/bin/python
# The categories as the demo's manifest names them.
mapfile -t categories < <(tail -n +2 "$repo_root/assets/demo/images/manifest.csv" | cut -d, -f2 | sort -u)
pictures=$folder.pictures
making=$folder.part
rm -rf "$pictures" "$making"

"$python" "$repo_root/assets/demo/generate_images.py" --calibration "$pictures/threshold" --count 12
"$python" "$repo_root/assets/demo/generate_images.py" --calibration "$pictures/lines" --count 100
cp -r "$model" "$making"
rm -f "$making"/calibration.json*
"$python" "$recipe/describe_package.py" --program "$program" --pictures "$pictures/threshold" "$making"
for category in "${categories[@]}"; do
  "$program" calibrate --model "$making" --category "$category" "$pictures/lines/${category// /_}" >/dev/null
done
rm -f "$making"/calibration.json.{previous,lock}
"$program" verify "$making"
mv "$making" "$folder"
