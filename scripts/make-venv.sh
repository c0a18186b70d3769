#!/bin/sh
# make-venv.sh DIR [PYTHON]
#
# Makes DIR a virtual environment with exactly the packages of requirements.lock and Kimitap itself
# (editable). Quick where nothing changed; made anew where the lock, the project's metadata or the
# named PYTHON's version did, or where the checkout moved or the interpreter is gone.
set -eu

venv=$1
named=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
stamp=$venv/.kimitap-ready
cd "$here/.."

recipe() { pwd && cat requirements.lock pyproject.toml; }
version() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }

if [ -f "$stamp" ] && current=$(version "$venv/bin/python"); then
  wanted=$current
  [ -z "$named" ] || wanted=$(version "$("$here/find-python.sh" "$named")")
  if [ "$wanted" = "$current" ] && recipe | cmp -s - "$stamp"; then
    exit 0
  fi
fi

python=$("$here/find-python.sh" ${named:+"$named"})
echo "Installing into $venv with $(version "$python") …"
"$python" -m venv --clear "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-input "$@"; }
pip --requirement requirements.lock
pip --no-deps --editable .
recipe >"$stamp"
