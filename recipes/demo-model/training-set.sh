#!/usr/bin/env bash
# Makes a set to train a demo model on, or to validate it by while it trains: nothing of what it is judged by is in it
# (split.sh, photographs.csv). Three data sets in MVTec's layout, half of the pictures of each without a defect:
# FOLDER/surfaces, FOLDER/objects and FOLDER/photographs.
#
#   training-set.sh FOLDER [--surfaces N] [--objects N] [--photographs N] [--seed N]
#
#   --surfaces, --objects    pictures of each family (200; there are nine of either)
#   --photographs            pictures for every 10 photographs (70)
#   --seed                   key of all draws (1): another one gives other parts, and other pieces of the photographs
#
# With the defaults the three are about as large. BAYESPFL_JOBS: threads (2).
set -euo pipefail
# shellcheck source=recipes/demo-model/split.sh
source "$(dirname "${BASH_SOURCE[0]}")/split.sh"

usage() { die "usage: training-set.sh FOLDER [--surfaces N] [--objects N] [--photographs N] [--seed N]"; }
[[ $# -ge 1 && $1 != --* ]] || usage
folder=$1
shift
surfaces=200 objects=200 photographs=70 seed=1
while (($#)); do
  [[ $# -ge 2 && $2 =~ ^[0-9]+$ ]] || usage
  case $1 in
    --surfaces) surfaces=$2 ;;
    --objects) objects=$2 ;;
    --photographs) photographs=$2 ;;
    --seed) seed=$2 ;;
    *) usage ;;
  esac
  shift 2
done
((seed <= largest_training_seed)) || die "--seed must be $largest_training_seed at most: the held-out set has those above"
[[ ! -e $folder ]] || die "$folder is there already"
check_split

tiles=$(mktemp -d)
trap 'rm -rf "$tiles"' EXIT
"$recipe/photographs.sh" "$tiles/photographs"
make_set "$folder/surfaces" "$seed" "$((surfaces / 2))" "$((surfaces / 2))" --families "$trained_surfaces" --defects "$trained_defects"
make_set "$folder/objects" "$seed" "$((objects / 2))" "$((objects / 2))" --families "$trained_objects" --defects "$trained_defects"
photograph_set "$tiles/photographs/train" "$folder/photographs" "$seed" 10 "$photographs" --defects "$trained_defects_of_photographs"
for part in surfaces objects photographs; do
  printf '%s: %d pictures\n' "$part" "$(find "$folder/$part" -path '*/test/*.png' | wc -l)"
done
