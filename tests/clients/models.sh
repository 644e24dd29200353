#!/usr/bin/env bash
# Puts clients of language models that others wrote into the folder $1: Claude Code, Codex, Gemini
# CLI and opencode; the inspector and the conformance suite of the Model Context Protocol; and two
# clients of the Agent Client Protocol.
# Does nothing where they are there already. They take more than a gigabyte.
set -euo pipefail
folder=${1:?a folder}
mkdir -p "$folder/models" "$folder/protocol"
install() { # install FOLDER PACKAGES...
  cd "$1"
  shift
  [ -f package.json ] || echo '{"private": true}' >package.json
  npm install --no-package-lock --no-audit --no-fund --loglevel=error "$@"
}
if [ ! -x "$folder/models/node_modules/.bin/opencode" ]; then
  (install "$folder/models" @anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0 @google/gemini-cli@0.61.0 opencode-ai@1.18.33)
fi
if [ ! -x "$folder/protocol/node_modules/.bin/acpx" ]; then
  # The inspector wants a newer Node than some systems have.
  (install "$folder/protocol" node@22)
  (PATH="$folder/protocol/node_modules/node/bin:$PATH" install "$folder/protocol" node@22 @modelcontextprotocol/inspector@2.12.0 \
    @modelcontextprotocol/conformance@0.1.16 supergateway@4.0.0 acpx@0.19.1 @agentclientprotocol/sdk@2.4.0)
fi
