"""A real client of a language model starts an execution through MCP, follows it and reads the
report; or, with `claim`, does the task itself.

    models.py PROGRAM MODELS SERVER FOLDER CLIENT [claim]

PROGRAM is ours; MODELS a folder in which models.sh has put the clients; SERVER a program that
answers as the model does: it takes `--port 0`, prints its address, and does what a prompt of the
form `FAKE: [steps]` says.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

program, models, server, folder, client = sys.argv[1:6]
claims = sys.argv[6:] == ["claim"]
folder = pathlib.Path(folder)
workspace, home = folder / "workspace", folder / "home"
for path in (workspace / ".execution-coordinator", home):
    path.mkdir(parents=True)
subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
task = "" if claims else "   - Run: `echo by a command > built.txt`\n"
(workspace / "breakdown.md").write_text(f"# Shop\n\n### Stream A: Base\n\n1. **Build**\n{task}")
if claims:
    (workspace / "execution-coordinator.toml").write_text('[agents.implementation-agent]\nkind = "client"\n')


def call(tool, **arguments):
    return {"mcp": {"tool": tool, "args": arguments}}


steps = [call("execution_start", path="breakdown.md")]
if claims:
    steps += [
        call("task_claim", by=client),
        {"write": {"path": "built.txt", "content": f"by {client}\n"}},
        call("task_report", lease="a1.1", status="complete", summary=f"built by {client}"),
    ]
steps += [call("execution_await"), call("execution_report"), {"text": "All done."}]
prompt = "FAKE: " + json.dumps(steps)

model = subprocess.Popen([sys.executable, server, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
url = re.search(r"http://[^\s]+", model.stdout.readline()).group(0)
environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "LANG": "C.UTF-8"}
bin = pathlib.Path(models) / "node_modules" / ".bin"
entry = {"command": program, "args": ["mcp"]}
stdin = subprocess.DEVNULL
subprocess.run([program, "trust"], cwd=workspace, env=environment, check=True, stderr=subprocess.DEVNULL)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


if client == "claude":
    config = write(folder / "mcp.json", {"mcpServers": {"coordinator": entry}})
    environment.update(ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="none", IS_SANDBOX="1", DISABLE_AUTOUPDATER="1",
                       CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1")
    command = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--model", "sonnet",
               "--dangerously-skip-permissions", "--mcp-config", str(config), "--", prompt]
elif client == "codex":
    config = write(home / ".codex" / "config.toml", f"""model = "none"
model_provider = "local"
[model_providers.local]
name = "local"
base_url = "{url}/v1"
env_key = "KEY"
wire_api = "responses"
[mcp_servers.coordinator]
command = "{program}"
args = ["mcp"]
default_tools_approval_mode = "approve"
""")
    environment.update(KEY="none", CODEX_HOME=str(config.parent))
    command = ["codex", "exec", "--json", "--dangerously-bypass-approvals-and-sandbox", "-C", str(workspace), prompt]
elif client == "gemini":
    write(home / ".gemini" / "settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}},
                                               "mcpServers": {"coordinator": {**entry, "trust": True}}})
    environment.update(GEMINI_API_KEY="none", GOOGLE_GEMINI_BASE_URL=url, GEMINI_CLI_NO_RELAUNCH="true")
    command = ["gemini", "-m", "gemini-2.5-pro", "--approval-mode", "yolo", "--skip-trust", "-o", "stream-json", "-p", prompt]
else:
    limits = {"tool_call": True, "limit": {"context": 100000, "output": 8000}}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": "none"}, "models": {"none": limits}}
    write(home / ".config" / "opencode" / "opencode.json",
          {"model": "local/none", "small_model": "local/none", "autoupdate": False, "share": "disabled", "provider": {"local": provider},
           "mcp": {"coordinator": {"type": "local", "command": [program, "mcp"], "enabled": True}}})
    environment.update(OPENCODE_DISABLE_MODELS_FETCH="1", OPENCODE_DISABLE_AUTOUPDATE="1")
    command = ["opencode", "run", "--format", "json", "--auto", "--dir", str(workspace)]
    stdin = open(write(folder / "prompt.txt", prompt))
try:
    ran = subprocess.run([str(bin / command[0]), *command[1:]], cwd=workspace, env=environment, stdin=stdin,
                         capture_output=True, text=True, timeout=120)
finally:
    model.terminate()
    subprocess.run([program, "serve", "--stop"], cwd=workspace, stderr=subprocess.DEVNULL)
built = workspace / "built.txt"
assert ran.returncode == 0, ran.stderr[-2000:] + ran.stdout[-2000:]
assert "Final Status: Complete" in ran.stdout, ran.stdout[-4000:]
assert built.read_text() == (f"by {client}\n" if claims else "by a command\n")
