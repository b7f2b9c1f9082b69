#!/usr/bin/env bash
# install-llama-server.sh [DEST]  -> DEST/bin/llama-server   (llama.cpp's own server, from Debian sid)
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
DEST=${1:-$HOME/.cache/test-engines/llama.cpp}
SUITE=${LLAMA_SUITE:-sid}
command -v patchelf >/dev/null || { apt-get -q update >/dev/null; apt-get -q -y install --no-install-recommends patchelf >/dev/null; }
bash "$HERE/../editors/borrow-debian.sh" "$SUITE" "$DEST" llama.cpp-tools
LIB=$DEST/usr/lib/x86_64-linux-gnu
BIN=$DEST/usr/bin/llama-server
patchelf --set-interpreter "$LIB/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$LIB/llama:$LIB" "$BIN"
# its libraries have search paths of their own, which name the real /usr
find "$LIB/llama" "$LIB/ggml" "$LIB" -maxdepth 2 -type f \( -name 'libllama*' -o -name 'libggml*' -o -name 'libmtmd*' \) -print0 |
  sort -zu | xargs -0 -n 1 patchelf --force-rpath --set-rpath "$LIB/llama:$LIB"
# the CPU kernels are looked for in the real /usr and beside the program
ln -sf "$LIB"/ggml/backends*/*.so "$DEST/usr/bin/"
mkdir -p "$DEST/bin"
ln -sf ../usr/bin/llama-server "$DEST/bin/llama-server"
exec "$DEST/bin/llama-server" --version
