#!/usr/bin/env bash
# programs_without_picture_formats_test.sh PROGRAMS TEST: no program loads OpenCV's picture formats, which misread some files
# and bring GDAL, GDCM and OpenEXR along; TEST is a program that does.
set -euo pipefail
for program in bayespfl-server bayespfl-client bayespfl-model; do
  libraries=$(ldd "$1/$program")
  if grep -E 'libopencv_imgcodecs|libgdal|libgdcm|libOpenEXR' <<<"$libraries"; then
    printf '%s loads picture formats that are not its own\n' "$program" >&2
    exit 1
  fi
done
# Shows that the look would have found it.
grep -q libopencv_imgcodecs <<<"$(ldd "$2")"
