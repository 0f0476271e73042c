# shellcheck shell=bash
# What the demo model learns from and what it is judged by: names, seeds and sizes. Sourced by the recipe's scripts, and
# checked by check_split against what the program can make, so that a new family or defect must be put on a side.
# Photographs have their side in photographs.csv.
#
# shellcheck disable=SC2034 # whoever sources this uses them
recipe=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/env.sh
source "$recipe/../../scripts/env.sh"
program=${BAYESPFL_MODEL_PROGRAM:-$repo_root/build/bin/bayespfl-model}

trained_surfaces=cast,brushed_metal,wood,weave,granite,tiles,perforated_sheet,felt,film
held_out_surfaces=turned_metal,leather,ribbed_sheet
trained_objects=disc,ring,rod,plate,frame,nut,board,cable,pieces
held_out_objects=gear,bracket,capsule,vessel
# One that is a line, one that is relief alone, one that lies on the part.
trained_defects=scratch,fibre,spots,hole,stain,missing,abrasion,bend
held_out_defects=crack,dent,contamination
# Of them what photographs can have.
trained_defects_of_photographs=scratch,fibre,spots,hole,stain,missing,abrasion

# Seeds of the held-out set. Those of training lie below.
families_seed=910001
defects_seed=910002
both_seed=910003
objects_seed=910004
photographs_seed=910005
largest_training_seed=899999
side=256

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Numbers of names, parted by commas.
count_of() { tr ',' '\n' <<<"$1" | wc -l; }

# sorted NAMES...: all of them, one to a line.
sorted() { tr -s ', ' '\n' <<<"$*" | sort; }

check_split() {
  [[ -x $program ]] || die "there is no $program; make build makes it"
  local listed
  listed=$("$program" synthesize --list)
  local kind names held
  for kind in surfaces objects defects; do
    names=trained_$kind
    held=held_out_$kind
    [[ $(sorted "${!names}" "${!held}") == "$(sorted "$(sed -n "s/^$kind: *//p" <<<"$listed")")" ]] ||
      die "the $kind that are trained on and those that are held out are not together what synthesize --list says"
  done
}

# make_set FOLDER SEED GOOD ANOMALOUS [OPTION...]: so many pictures of each category.
make_set() {
  local folder=$1 seed=$2 good=$3 anomalous=$4
  shift 4
  local log
  log=$(mktemp)
  if ! "$program" synthesize --output "$folder" --seed "$seed" --good "$good" --anomalous "$anomalous" --side "$side" \
    --threads "${BAYESPFL_JOBS:-2}" "$@" >/dev/null 2>"$log"; then
    cat "$log" >&2
    die "synthesize failed; the reason stands above"
  fi
  rm -f "$log"
}

# photograph_set TILES FOLDER SEED WHOLE NEW [OPTION...]: NEW pictures for every WHOLE photographs of each category below
# TILES, half of them good. With as many as there are each is shown once.
photograph_set() {
  local tiles=$1 folder=$2 seed=$3 whole=$4 new=$5
  shift 5
  [[ ! -e $folder ]] || die "$folder is there already"
  mkdir -p "$folder"
  local category there pictures
  for category in "$tiles"/*/; do
    category=$(basename "$category")
    there=$(find "$tiles/$category" -name '*.png' | wc -l)
    pictures=$(((there * new + whole / 2) / whole))
    # Each call makes one category, and so a folder of its own.
    make_set "$folder/.part" "$seed" "$(((pictures + 1) / 2))" "$((pictures / 2))" --pictures "$tiles/$category" "$@"
    mv "$folder/.part/$category" "$folder/$category"
    rmdir "$folder/.part"
  done
}
