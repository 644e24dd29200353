"""editor.py ROUNDS SUFFIX FILE COMMAND...: a language server and a large text. Prints milliseconds
from start to the answer to `initialize`, from an edit of one character to the diagnostics of that
version (median and 99th percentile), for the hints of a screenful (nothing where there are none),
and megabytes of memory."""
import json, os, subprocess, sys, tempfile, threading, queue, time

rounds, suffix, source, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
# Line, column, and what is put in and taken out there by turns, so that the diagnostics change.
text = open(source).read()
folder = tempfile.mkdtemp()
path = os.path.join(folder, "tasks" + suffix)
uri = "file://" + path
if suffix == ".json":
    text = json.dumps([{"task": line} for line in text.split("\n")], indent=1)
open(path, "w").write(text)
lines = text.split("\n")
middle = next(n for n in range(len(lines) // 2, len(lines)) if "Depends on: Task" in lines[n])
column = lines[middle].index("Task ") + 5

began = time.perf_counter()
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder)
messages = queue.Queue()


def read():
    while True:
        length = 0
        while True:
            line = server.stdout.readline()
            if not line:
                return messages.put(None)
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line in (b"\r\n", b"\n"):
                break
        messages.put(json.loads(server.stdout.read(length)))


threading.Thread(target=read, daemon=True).start()


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def wait(wanted, most=60.0):
    end = time.perf_counter() + most
    while True:
        message = messages.get(timeout=max(0.01, end - time.perf_counter()))
        if message is None:
            sys.exit("the server ended")
        if "method" in message and "id" in message:
            result = [None] * len(message["params"]["items"]) if message["method"] == "workspace/configuration" else None
            send({"id": message["id"], "result": result})
        if wanted(message):
            return message


def diagnostics(message):
    return message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri


capabilities = {"textDocument": {"publishDiagnostics": {"versionSupport": True}}, "workspace": {"configuration": True}}
send({"id": 1, "method": "initialize", "params": {"processId": os.getpid(), "rootUri": "file://" + folder, "capabilities": capabilities}})
wait(lambda message: message.get("id") == 1 and "method" not in message)
started = time.perf_counter() - began
send({"method": "initialized", "params": {}})
language = {".md": "markdown", ".json": "json"}[suffix]
send({"method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": language, "version": 1, "text": text}}})
try:
    wait(diagnostics, 5.0)
except queue.Empty:
    pass
times = []
for version in range(2, rounds + 2):
    there = version % 2 == 1
    # An id that does not exist, and back again; in JSON a quote that breaks the text.
    new, length = ('"' if suffix == ".json" else "9999999"), (1 if suffix == ".json" else 7)
    start = {"line": middle, "character": column}
    end = {"line": middle, "character": column + (length if there else 0)}
    change = {"range": {"start": start, "end": end}, "text": "" if there else new}
    begin = time.perf_counter()
    send({"method": "textDocument/didChange", "params": {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}})
    wait(lambda message: diagnostics(message) and message["params"].get("version", version) in (version, None))
    times.append((time.perf_counter() - begin) * 1000)
    time.sleep(0.01)
hints = []
for n in range(20):
    begin = time.perf_counter()
    span = {"start": {"line": middle - 25, "character": 0}, "end": {"line": middle + 25, "character": 0}}
    send({"id": f"h{n}", "method": "textDocument/inlayHint", "params": {"textDocument": {"uri": uri}, "range": span}})
    answer = wait(lambda message: message.get("id") == f"h{n}" and "method" not in message)
    if "error" not in answer:
        hints.append((time.perf_counter() - begin) * 1000)
status = open(f"/proc/{server.pid}/status").read()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
server.kill()
times.sort()
screen = f"{sorted(hints)[len(hints) // 2]:.1f}" if hints else "–"
print(f"{started * 1000:.1f} {times[len(times) // 2]:.1f} {times[int(len(times) * 0.99)]:.1f} {screen} {peak:.0f}")
