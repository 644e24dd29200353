#!/usr/bin/env bash
# Tests the extension: its words and its layout without an editor, then all of it in a real one: by the editor's
# own interface, and by what stands on the screen. Needs Chromium, npm, and the program ($BINARY); $1 is the
# folder that `install.sh` has filled, $2 one for pictures of the screen.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
editor=${1:?the folder of the editor}
pictures=${2:-}
binary=${BINARY:?the program}
cd "$here"
[ -d node_modules/typescript ] || npm install --no-package-lock --no-audit --no-fund --loglevel=error
npm run -s check
node build.mjs
node --test --test-reporter=dot test/unit/*.mjs
state=$(mktemp -d)
trap 'kill -- -"${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; [ -n "${KEEP:-}" ] || rm -rf "$state"' EXIT
npx --no-install vsce package --no-dependencies --allow-missing-repository --out "$state/extension.vsix" >/dev/null
mkdir -p "$state/user/User" "$state/user/Machine" "$state/home" "$state/bin"
# Where programs are is a setting of the machine.
echo "{ \"executionCoordinator.path\": \"$state/bin/execution-coordinator\" }" >"$state/user/Machine/settings.json"
ln -s "$binary" "$state/bin/execution-coordinator"
cat >"$state/user/User/settings.json" <<SETTINGS
{ "security.workspace.trust.enabled": false, "workbench.startupEditor": "none", "telemetry.telemetryLevel": "off", "update.mode": "none",
  "extensions.autoCheckUpdates": false, "extensions.ignoreRecommendations": true, "editor.codeLens": true, "editor.inlayHints.enabled": "on",
  "workbench.welcomePage.walkthroughs.openOnInstall": false, "git.enabled": false, "editor.minimap.enabled": false,
  "testing.automaticallyOpenTestResults": "neverOpen", "window.autoDetectColorScheme": true,
  "workbench.preferredLightColorTheme": "Default Light Modern", "workbench.preferredDarkColorTheme": "Default Dark Modern" }
SETTINGS
export HOME=$state/home XDG_CONFIG_HOME=$state/home/.config XDG_DATA_HOME=$state/home/.local/share XDG_STATE_HOME=$state/home/.local/state
export XDG_CACHE_HOME=$state/home/.cache PATH=$state/bin:$PATH EXTENSIONS_GALLERY='{"serviceUrl":""}' VSCODE_PROXY_URI='' TEST_RESULTS=$state/results.json
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
entry=$editor/node_modules/code-server/out/node/entry.js
folders=(--user-data-dir "$state/user" --extensions-dir "$state/extensions")
node "$entry" "${folders[@]}" --install-extension "$state/extension.vsix" --force >/dev/null
setsid node "$entry" --auth none --bind-addr "127.0.0.1:$port" --disable-telemetry --disable-update-check --disable-workspace-trust \
  --disable-getting-started-override "${folders[@]}" >"$state/server.log" 2>&1 &
server=$!
node test/editor.mjs "http://127.0.0.1:$port" "$state" "$here" "$pictures" || {
  tail -20 "$state/server.log"
  exit 1
}
