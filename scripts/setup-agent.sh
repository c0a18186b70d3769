#!/usr/bin/env bash
# setup-agent.sh llm|mini-swe-agent [PYTHON]
#
# Installs a real agent into $KIMITAP_AGENTS_DIR (default: .agents in the checkout), for the tests of
# `kimitap run`: llm takes about 80 MB, mini-swe-agent about 720 MB. Quick where it is already there.
# Prints the folder of its commands.
#
# Exit status: 0 installed · 3 it cannot be had here (no network, no package for this Python) · 2 no
# such agent.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${KIMITAP_AGENTS_DIR:-$here/../.agents}
python=${2:-}

case "${1:-}" in
  llm) package=llm==0.36 ;;
  mini-swe-agent) package=mini-swe-agent==2.4.6 ;;
  *) echo "say which agent: llm or mini-swe-agent" >&2; exit 2 ;;
esac

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
place=$dir/$1
there() { [ "$(cat "$place/ready" 2>/dev/null)" = "$package" ]; }

if ! there; then
  # One installs, a second one waits: two test runs may share the folder.
  exec 9>"$dir/$1.lock"
  if command -v flock >/dev/null; then flock 9; fi
fi
if ! there; then
  echo "Installing $package into $place …" >&2
  [ -n "$python" ] || python=$("$here/find-python.sh")
  "$python" -m venv --clear "$place"
  "$place/bin/python" -m pip --disable-pip-version-check install -q --no-input \
    --only-binary=:all: "$package" >&2 || { echo "$package cannot be installed here" >&2; exit 3; }
  printf '%s\n' "$package" >"$place/ready"
fi
echo "$place/bin"
