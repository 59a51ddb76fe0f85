#!/bin/sh
# The conformance kit of every bundled driver over memory, pty and TCP, many times in a row.
#
#   sh tests/hal/kit_series.sh [RUNS] [PYTHON] [WORKERS]
#
# RUNS (20) times with PYTHON (that of .venv; another gets a venv of its own in build/kit-X.Y) in WORKERS (8) processes:
# the kit mostly waits, so that they fit two cores. Each run prints one line with its time and, if it failed, what
# failed; the exit code is 1 if any did. A run takes about half a minute on two cores that have nothing else to do.
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-20}
python=${2:-}
workers=${3:-8}

if [ -z "$python" ]; then
    python=.venv/bin/python
elif [ "$(basename "$(dirname "$python")")" != bin ] || [ ! -e "$(dirname "$python")/../pyvenv.cfg" ]; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    venv=build/kit-$version
    if [ ! -e "$venv/ready" ]; then
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip --quiet install --upgrade 'pip>=25.1' # the first that knows --group
        "$venv/bin/python" -m pip --quiet install --editable . --group test
        touch "$venv/ready"
    fi
    python=$venv/bin/python
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
echo "$("$python" -V), $runs runs with $workers workers"
run=0
failed=0
while [ "$run" -lt "$runs" ]; do
    run=$((run + 1))
    began=$(date +%s)
    if "$python" -m pytest -q -p no:cacheprovider -n "$workers" \
        tests/hal/test_conformance.py tests/hal/test_vendor_conformance.py >"$said" 2>&1; then
        result=green
    else
        result=FAILED
        failed=$((failed + 1))
    fi
    counted=$(grep -E '^[0-9].* in [0-9.]+s' "$said" | tail -n 1)
    echo "run $run of $runs: $result, $counted, load $(cut -d ' ' -f 1 /proc/loadavg), $(($(date +%s) - began)) s"
    [ "$result" = green ] || grep -E '^(FAILED|ERROR|E  )' "$said" | head -n 20 || true
done
echo "$((runs - failed)) of $runs runs green"
[ "$failed" = 0 ]
