#!/usr/bin/env bash
# Puts VS Code as a web application (code-server 4.99.4, VS Code 1.99.3) into the folder $1, from the npm registry
# alone: what its packages fetch from elsewhere is compiled here, or comes from the system (ripgrep). Does
# nothing where it is there already.
set -euo pipefail
folder=${1:?a folder}
version=4.99.4
[ -f "$folder/installed-$version" ] && exit 0
mkdir -p "$folder"
cd "$folder"
quiet=(--no-audit --no-fund --loglevel=error)
echo '{"private": true}' >package.json
npm install --ignore-scripts "${quiet[@]}" "code-server@$version"
npm_config_build_from_source=true npm rebuild argon2
cd node_modules/code-server/lib/vscode
npm install --omit=dev --ignore-scripts "${quiet[@]}"
npm_config_yes=true npm rebuild @vscode/spdlog node-pty native-watchdog @parcel/watcher @vscode/deviceid
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
ln -sfn node_modules node_modules.asar
(cd extensions && npm install --omit=dev --ignore-scripts "${quiet[@]}")
touch "$folder/installed-$version"
