#!/usr/bin/env bash
# Makes a demo model from nothing: pictures, teacher, towers, and the paper's two stages between them.
#
#   train.sh FOLDER       the model is FOLDER/stages/model
#
# A step that was done is not done again, and a run that was stopped goes on, so the same command finishes it.
# TEACHER_PYTHON: a Python that has what requirements-teacher.txt lists; without it a virtual environment is made in
# BAYESPFL_CACHE (3 GB to fetch). BAYESPFL_JOBS: threads (2) that make pictures.
set -euo pipefail
# shellcheck source=recipes/demo-model/split.sh
source "$(dirname "${BASH_SOURCE[0]}")/split.sh"

[[ $# == 1 && $1 != -* ]] || die "usage: train.sh FOLDER"
folder=$1
mkdir -p "$folder"

teacher_python() {
  local list=$recipe/requirements-teacher.txt
  local venv
  venv=$BAYESPFL_CACHE/teacher-$(sha256sum <"$list" | cut -c1-12)
  if [[ ! -f $venv/.complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$list" >&2
    touch "$venv/.complete"
  fi
  printf '%s\n' "$venv/bin/python"
}

# once FILE COMMAND...: unless the file is there.
once() {
  local made=$1
  shift
  [[ -e $made ]] || "$@"
}

# Made beside its place, so that what is there is whole.
pictures() {
  local name=$1
  shift
  rm -rf "$folder/.$name"
  "$recipe/training-set.sh" "$folder/.$name" "$@"
  mv "$folder/.$name" "$folder/$name"
}

export_teacher() {
  local python=${TEACHER_PYTHON:-}
  [[ -n $python ]] || python=$(teacher_python)
  "$python" "$recipe/export_teacher.py" "$folder/$1.pt" --side "$2"
}

once "$folder/training" pictures training --surfaces 600 --objects 600 --photographs 210
# Of the same families and photographs, in other draws: it says when to stop, and nothing of what was never seen.
once "$folder/validation" pictures validation --seed 700001 --surfaces 8 --objects 8 --photographs 4
once "$folder/teacher-160.pt" export_teacher teacher-160 160
once "$folder/teacher-224.pt" export_teacher teacher-224 224
once "$folder/start" "$program" init --arch compact --seed 1 --output "$folder/start"
for step in towers-small towers stages; do
  cp "$recipe/$step.yaml" "$folder/$step.yaml"
  once "$folder/$step/model" "$program" train --config "$folder/$step.yaml"
done
"$program" verify "$folder/stages/model"
