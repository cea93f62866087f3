#!/bin/sh
# Makes .venv and puts the pinned packages and AnyDay itself into it. Usage: scripts/install.sh LOCKFILE
# Plain sentences instead of tracebacks: this is the first thing that a newcomer runs.
set -eu
lock=$1
venv=.venv

say() { printf '%s\n' "$*"; }

fits() { # a Python that is new enough and can make a virtual environment
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

choose() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
            printf '%s' "$python"
            return
        fi
    done
}

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    python=$(choose)
    if [ -z "$python" ]; then
        say "AnyDay needs Python 3.11 or newer with its venv module, and found none (looked for ${PYTHON:-python3, python3.14 ... python3.11})." >&2
        say "On Debian or Ubuntu the venv module is a package of its own, python3-venv; elsewhere it comes with Python." >&2
        say "If your Python lies somewhere else, name it: make PYTHON=/path/to/python3 demo" >&2
        exit 1
    fi
    say "making .venv with $("$python" -V)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

say "installing $(grep -c '==' "$lock") pinned packages from $lock into .venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement "$lock"
say "installing anyday from src"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .
