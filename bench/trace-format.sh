#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Formats one made-up recording by the original's way in Python and by kvm-trace: seconds of CPU and records a second.
# usage: bench/trace-format.sh [RECORDS]      (default 4000000, 115 MB in a temporary folder)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
records=${1:-4000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/make-recording.py" "$records" > "$work/recording"
grep -v '%(reason)s' "$here/../share/kvmtrace.formats" | sed -E 's/ 0x%\((6|7)\)08x//g' > "$work/formats"
TIMEFORMAT='%R %U %S'
measure() {
  local name=$1 times
  shift
  times=$({ time "$@" < "$work/recording" > "$work/$name.txt"; } 2>&1)
  read -r elapsed user system <<< "$times"
  awk -v name="$name" -v n="$records" -v e="$elapsed" -v u="$user" -v s="$system" \
    'BEGIN { printf "%-8s %6.2f s elapsed, %6.2f s CPU, %9.0f records a second of CPU\n", name, e, u + s, n / (u + s) }'
}
measure python python3 "$here/kvmtrace_format.py" "$work/formats"
measure kvm-trace node "$here/../dist/bin/kvmtrace_format.js" "$work/formats"
cmp "$work/python.txt" "$work/kvm-trace.txt" && echo "the same output, byte for byte"
