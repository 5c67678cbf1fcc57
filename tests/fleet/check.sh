#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Checks the kernel of the machine that tmt runs this on. Exit status as `xdpspec check`: 0 holds,
# 1 differs, anything else is an error to tmt.
set -eu
data=${TMT_TEST_DATA:?run by tmt}

for wheel in wheel/xdpspec-*.whl; do :; done
if [ ! -e "$wheel" ]; then
    echo "no wheel in tests/fleet/wheel: run \`python -m tests.fleet\`, which builds it"
    exit 3
fi

python=
for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "no Python 3.11 or later: install one"
    exit 3
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel[compiler]"

label=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}" || true)
export XDG_CACHE_HOME="$scratch/cache"
"$scratch/venv/bin/xdpspec" check --label "$label" --evidence "$data/evidence.json" \
    --html "$data/report.html" --junit "$data/report.xml"
