#!/usr/bin/env bash
# demo-llama.sh PYTHON: Kimitap's demo against a real llama-server and a small real model.
# PYTHON is that of the environment in which Kimitap is installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$1

"$here/setup-llama.sh" "$python"
url=$("$here/serve-llama.sh" start)
trap '"$here/serve-llama.sh" stop "$url"' EXIT
"$(dirname "$python")/kimitap" demo --llama "$url"
