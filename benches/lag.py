"""lag.py COMMAND...: how long after an event each face shows it, in milliseconds (median and longest):
a program's subscription, an editor's hints, a model client's resource, and the live screen. The
execution is one task after the other, so that events come apart."""
import fcntl, json, os, pty, re, statistics, struct, subprocess, sys, tempfile, termios, threading, time

from execution import workspace

command, TASKS = [os.path.abspath(sys.argv[1]), *sys.argv[2:]], 12
plan = "# Lag\n\n### Stream A: One after the other\n" + "".join(
    f"\n{n}. **Part {n}**\n   - Run: `sleep 0.4`\n" + (f"   - Dependencies: Task {n - 1}\n" if n > 1 else "") for n in range(1, TASKS + 1))
with tempfile.NamedTemporaryFile("w", suffix=".md") as file:
    file.write(plan)
    file.flush()
    folder = os.path.realpath(workspace(file.name))
state = folder + "/.execution-coordinator"
shown = {name: [] for name in ["a subscription", "hints of an editor", "a resource", "the screen"]}
run = subprocess.Popen(command + ["run", "breakdown.md"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
journals = lambda: [f"{state}/{name}/journal.jsonl" for name in os.listdir(state) if os.path.exists(f"{state}/{name}/journal.jsonl")]
while not journals():
    time.sleep(0.001)
journal = journals()[0]
execution = os.path.basename(os.path.dirname(journal))


def saw(name):
    shown[name].append(time.time() * 1000)


def start(*arguments, **more):
    return subprocess.Popen(command + list(arguments), cwd=folder, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)


def send(process, message, framed=False):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) if framed else body + b"\n")
    process.stdin.flush()


def lines():
    process = start("serve")
    send(process, {"id": 1, "method": "execution/subscribe", "params": {"from": 1}})
    for line in process.stdout:
        if b'"execution/event"' in line:
            saw("a subscription")


def editor():
    process = start("serve")
    uri = f"file://{folder}/breakdown.md"
    read = lambda: json.loads(process.stdout.read(int(re.search(rb"\d+", process.stdout.readline()).group(0)) + 2))
    send(process, {"id": 1, "method": "initialize", "params": {"capabilities": {"workspace": {"inlayHint": {"refreshSupport": True}}}, "rootUri": f"file://{folder}"}}, True)
    read()
    send(process, {"method": "initialized", "params": {}}, True)
    send(process, {"method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": "markdown", "version": 1, "text": plan}}}, True)
    before = None
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    while True:
        message = read()
        if message.get("method") == "workspace/inlayHint/refresh":
            send(process, {"id": message["id"], "result": None}, True)
            send(process, {"id": "hints", "method": "textDocument/inlayHint", "params": {"textDocument": {"uri": uri}, "range": whole}}, True)
        elif message.get("id") == "hints" and message["result"] != before:
            before = message["result"]
            saw("hints of an editor")
        elif message.get("id") is not None and "method" in message:
            send(process, {"id": message["id"], "result": None}, True)


def model():
    process = start("mcp")
    info = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "lag", "version": "1"}}
    send(process, {"id": 1, "method": "initialize", "params": info})
    process.stdout.readline()
    send(process, {"method": "notifications/initialized"})
    uri = f"execution-coordinator://{execution}/status"
    send(process, {"id": 2, "method": "resources/subscribe", "params": {"uri": uri}})
    for line in process.stdout:
        message = json.loads(line)
        if message.get("method") == "notifications/resources/updated":
            send(process, {"id": 3, "method": "resources/read", "params": {"uri": uri}})
        elif message.get("id") == 3:
            saw("a resource")


def screen():
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvp(command[0], command + ["status", "--watch"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    while True:
        try:
            if os.read(terminal, 1 << 16):
                saw("the screen")
        except OSError:
            return


for face in (lines, editor, model, screen):
    threading.Thread(target=face, daemon=True).start()
run.wait()
time.sleep(1)
events = [json.loads(line) for line in open(journal)]
# What came before all had connected says nothing; what comes within 50 ms is one moment.
begin = max(times[0] for times in shown.values() if times)
moments = []
for event in events:
    if event["at"] > begin + 300 and (not moments or event["at"] - moments[-1] > 50):
        moments.append(event["at"])
for name, times in shown.items():
    lags = [min((at - moment for at in times if at >= moment - 1), default=9_999.0) for moment in moments]
    print(f"| {name} | {len(moments)} | {statistics.median(lags):.0f} | {max(lags):.0f} |")
os._exit(0)
