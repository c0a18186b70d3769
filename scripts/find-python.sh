#!/bin/sh
# find-python.sh [--minor 3.X] [PYTHON]
#
# Prints the command of a Python that can run Kimitap: 3.12 or newer, with venv, ssl and sqlite3.
# A PYTHON that is named is the only candidate. Otherwise: python3.14, 3.13, 3.12 and python3, each
# wherever it stands on PATH, then what pyenv has installed, newest first. A candidate that exists
# but does not run (a version manager's shim for a version that is not active) is passed over.
# --minor takes only that version. With none: one line on stderr that says what to install, and exit
# status 1.
set -u

minor=
if [ "${1:-}" = --minor ]; then
  minor=$2
  shift 2
fi
named=${1:-}
lacking=

runs() { # COMMAND: true where it is a new enough Python (of the wanted minor version)
  "$1" -c "
import sys
minor = '$minor'
good = sys.version_info >= (3, 12) and (not minor or '%d.%d' % sys.version_info[:2] == minor)
sys.exit(not good)" </dev/null >/dev/null 2>&1
}

whole() { # COMMAND: true where it has the parts of the standard library that are often left out
  "$1" -c 'import ensurepip, sqlite3, ssl, venv' </dev/null >/dev/null 2>&1
}

try() { # COMMAND: prints it and ends the script where it serves
  command=$(command -v "$1" 2>/dev/null) || return 0
  runs "$command" || return 0
  if whole "$command"; then
    printf '%s\n' "$command"
    exit 0
  fi
  lacking=${lacking:-$command}
}

pyenv_pythons() { # the interpreters that pyenv installed, newest first, releases only
  command -v pyenv >/dev/null 2>&1 || return 0
  root=$(pyenv root 2>/dev/null) || return 0
  pyenv versions --bare 2>/dev/null |
    grep -E '^3\.[0-9]+\.[0-9]+$' |
    sort -t. -k2,2nr -k3,3nr |
    while read -r version; do printf '%s\n' "$root/versions/$version/bin/python"; done
}

if [ -n "$named" ]; then
  try "$named"
  if [ -n "$lacking" ]; then
    echo "$lacking lacks venv, ssl or sqlite3 (on Debian and Ubuntu: install its -venv package)" >&2
  else
    echo "$named is no Python ${minor:-3.12 or newer} that runs: name another with make PYTHON=…" >&2
  fi
  exit 1
fi

try_all() { # NAME: every one on PATH, since a shim may stand before a real one
  directories=$PATH:
  while [ -n "$directories" ]; do
    try "${directories%%:*}/$1"
    directories=${directories#*:}
  done
}

for name in python3.14 python3.13 python3.12 python3; do try_all "$name"; done
# Word splitting is wanted, but only at line ends: a home directory may hold blanks.
found=$(pyenv_pythons)
IFS='
'
for path in $found; do try "$path"; done

if [ -n "$lacking" ]; then
  echo "$lacking lacks venv, ssl or sqlite3: install its -venv package (Debian, Ubuntu), or name another Python with make PYTHON=…" >&2
else
  echo "No Python ${minor:-3.12 or newer} found: install one (apt install python3.13-venv, brew install python@3.13, or pyenv install 3.13), or name yours with make PYTHON=…" >&2
fi
exit 1
