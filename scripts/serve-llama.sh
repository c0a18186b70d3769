#!/usr/bin/env bash
# serve-llama.sh run PORT [OPTION…]   the server of setup-llama.sh, in the foreground, on 127.0.0.1
# serve-llama.sh start [OPTION…]      in the background on a free port; prints its base URL when ready
# serve-llama.sh stop URL             ends the server that `start` printed
#
# OPTIONs go to llama-server. One thread: with more on a busy machine llama.cpp spins.
# `start` exits with the server's status where it dies at once (132: unknown instruction).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${KIMITAP_LLAMA_DIR:-$here/../.llama}
verb=${1:-}
[ $# -eq 0 ] || shift

run() {
  local port=$1
  shift
  exec "$dir/bin/llama-server" --model "$dir/kimi-k2-smol.gguf" --alias kimi-k2-smol \
    --host 127.0.0.1 --port "$port" --offline --no-ui --device none \
    -t 1 -tb 1 --poll 0 -c 16384 -np 2 --jinja --metrics --slots "$@"
}

free_port() {
  "$dir/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

healthy() {
  "$dir/venv/bin/python" - "$1/health" 2>/dev/null <<'PY'
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=1)
PY
}

start() {
  local port url log pid status=0
  port=$(free_port)
  url=http://127.0.0.1:$port
  log=$dir/server-$port.log
  run "$port" "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  for _ in $(seq 300); do
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid" || status=$?
      tail -n 5 "$log" >&2
      return "${status/#0/1}"
    fi
    if healthy "$url"; then
      echo "$pid" >"$dir/server-$port.pid"
      echo "$url"
      return
    fi
    sleep 0.1
  done
  kill "$pid"
  echo "llama-server was not ready after 30 s; its log is $log" >&2
  return 1
}

stop() {
  local port=${1##*:} pid_file
  pid_file=$dir/server-$port.pid
  [ -s "$pid_file" ] || { echo "no server of this script on port $port" >&2; return 1; }
  kill "$(cat "$pid_file")" 2>/dev/null || true
  rm -f "$pid_file" "$dir/server-$port.log"
}

case $verb in
  run | start | stop) "$verb" "$@" ;;
  *) sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
