#!/usr/bin/env python3
"""model_server.py - one scripted, loopback-only stand-in for four model APIs.

Python 3.8+, standard library only.  Lets REAL coding-agent CLIs (claude, codex, gemini,
opencode, qwen, aider, ...) run headless with no internet and no credentials.

APIs (each may be prefixed by /s/<scenario>):
  Anthropic   POST /v1/messages            (SSE and JSON), /v1/messages/count_tokens
  OpenAI      POST /v1/responses           (SSE and JSON)
  OpenAI      POST /v1/chat/completions    (SSE and JSON)
  Gemini      POST /v1beta/models/M:streamGenerateContent | :generateContent | :countTokens
  listing     GET  /v1/models
Control:
  GET  /__fake/log      requests seen so far (JSON list)      POST /__fake/reset   forget all
  POST /__fake/config   replace {"scenarios":..,"rules":..,"default":..}

What is answered is a SCRIPT: a JSON list of steps, chosen in this order
  1. a directive in the newest user text that has one:   FAKE: [ ...steps... ]
  2. the scenario named in the URL path:                 http://127.0.0.1:P/s/NAME/v1/...
  3. the first rule whose regex matches the newest user text (\\1.. usable in step strings)
  4. "default" (write hello.txt, then say so)

Steps (one model turn each):
  {"write": {"path": "a.txt", "content": "x"}}   through the client's own write/patch/shell tool
  {"shell": "cmd"}                               through the client's own shell tool
  {"mcp": {"tool": "NAME", "args": {...}}}       a tool whose name ends with NAME
  {"tool": "ExactName", "args": {...}}           verbatim
  {"calls": [step, step]}                        parallel tool calls in one turn
  {"text": "final words"}                        ends the turn
Any step may also carry
  "say": text before the tool call      "usage": {"in": 10, "out": 5, "cached": 0}
  "error": {"status": 429, "times": 2, "headers": {"retry-after": "1"}, "type": "...", "message": "..."}
           (times: how often before it succeeds; -1 = always)
  "delay": seconds before the headers   "stall": seconds in the middle of the stream
  "hang": true (headers, then nothing)  "cut": true (drop the connection mid-stream)

How far a conversation has got is read from the request itself (number of tool calls since the
directive), so any number of clients can share one server.  Requests that declare no tools
(titles, summaries, classifiers) get a short canned text, or a JSON value fitting their schema.
"""
import argparse
import json
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DEFAULT = [{"write": {"path": "hello.txt", "content": "hello from the fake model\n"}},
           {"text": "Done: wrote hello.txt"}]
CFG = {"scenarios": {}, "rules": [], "default": DEFAULT}
LOCK = threading.Lock()
COUNTS = {}          # (conversation key, step) -> errors served
LOG = []
LOGFILE = None
T0 = time.time()

WRITE_NAMES = ["Write", "write_file", "write", "create_file", "apply_patch"]
SHELL_NAMES = ["Bash", "run_shell_command", "bash", "exec_command", "shell_command", "shell",
               "local_shell", "execute_bash", "container.exec"]


# ------------------------------------------------------------------ reading the request
def texts_of(content):
    """The user-authored text of a message's content (never tool results)."""
    if isinstance(content, str):
        return content
    out = []
    for b in content or []:
        if isinstance(b, str):
            out.append(b)
        elif isinstance(b, dict) and b.get("type", "text") in ("text", "input_text") and "text" in b:
            out.append(b["text"])
    return "\n".join(out)


def normalise(api, body):
    """-> (turns, tools, system); turns = [('user', text) | ('call', name) | ('asst', text)]"""
    turns, tools, system = [], {}, ""
    if api == "anthropic":
        system = texts_of(body.get("system"))
        for m in body.get("messages", []):
            c = m.get("content")
            if m["role"] == "user":
                t = texts_of(c)
                if t:
                    turns.append(("user", t))
            elif m["role"] == "system":      # Claude Code 2.1 sends these mid-conversation
                system += "\n" + texts_of(c)
            elif isinstance(c, str):
                turns.append(("asst", c))
            else:
                for b in c or []:
                    if b.get("type") == "tool_use":
                        turns.append(("call", b["name"]))
                    elif b.get("type") == "text":
                        turns.append(("asst", b["text"]))
        for t in body.get("tools") or []:
            tools[t["name"]] = {"schema": t.get("input_schema") or {}, "kind": "function"}
    elif api == "responses":
        system = body.get("instructions") or ""
        inp = body.get("input")
        for m in ([{"role": "user", "content": inp}] if isinstance(inp, str) else inp or []):
            ty = m.get("type", "message")
            if ty == "message":
                t = texts_of(m.get("content"))
                if m.get("role") == "user":
                    turns.append(("user", t))
                elif m.get("role") in ("system", "developer"):
                    system += "\n" + t
                else:
                    turns.append(("asst", t))
            elif ty in ("function_call", "custom_tool_call", "local_shell_call"):
                turns.append(("call", m.get("name", ty)))

        def add(t, ns=None):
            ty = t.get("type")
            if ty == "namespace":
                for u in t.get("tools") or []:
                    add(u, t.get("name"))
            elif ty in ("function", "custom"):
                n = t["name"]
                tools[n if ns is None else ns + "/" + n] = {
                    "schema": t.get("parameters") or {}, "kind": ty, "ns": ns, "name": n}
            elif ty == "local_shell":
                tools["local_shell"] = {"schema": {}, "kind": "local_shell"}
        for t in body.get("tools") or []:
            add(t)
    elif api == "chat":
        for m in body.get("messages", []):
            r = m.get("role")
            if r == "user":
                turns.append(("user", texts_of(m.get("content"))))
            elif r in ("system", "developer"):
                system += "\n" + texts_of(m.get("content"))
            elif r == "assistant":
                t = texts_of(m.get("content"))
                if t:
                    turns.append(("asst", t))
                for c in m.get("tool_calls") or []:
                    turns.append(("call", (c.get("function") or c.get("custom") or {}).get("name")))
        for t in body.get("tools") or []:
            f = t.get("function") or t.get("custom") or t
            if f.get("name"):
                tools[f["name"]] = {"schema": f.get("parameters") or {},
                                    "kind": "custom" if t.get("type") == "custom" else "function"}
    elif api == "gemini":
        si = body.get("systemInstruction") or body.get("system_instruction") or {}
        system = si if isinstance(si, str) else "\n".join(p.get("text", "") for p in si.get("parts") or [])
        for m in body.get("contents", []):
            for p in m.get("parts") or []:
                if "functionCall" in p:
                    turns.append(("call", p["functionCall"].get("name")))
                elif "functionResponse" in p:
                    pass
                elif "text" in p:
                    turns.append(("user" if m.get("role", "user") == "user" else "asst", p["text"]))
        for t in body.get("tools") or []:
            for f in t.get("functionDeclarations") or t.get("function_declarations") or []:
                tools[f["name"]] = {"schema": f.get("parametersJsonSchema") or f.get("parameters") or {},
                                    "kind": "function"}
    return turns, tools, system


def directive(text):
    """The first FAKE: [...] in the text (a nested one belongs to a sub-agent's prompt)."""
    i = text.find("FAKE:")
    while i >= 0:
        rest = text[i + 5:].lstrip()
        for r in (rest, rest.replace('\\"', '"')):   # opencode run quotes its argument
            try:
                v, _ = json.JSONDecoder(strict=False).raw_decode(r)
                if isinstance(v, list):
                    return v
            except ValueError:
                pass
        i = text.find("FAKE:", i + 5)
    return None


def expand(v, m):
    if isinstance(v, str):
        return re.sub(r"\\(\d)", lambda g: m.group(int(g.group(1))) or "", v)
    if isinstance(v, list):
        return [expand(x, m) for x in v]
    if isinstance(v, dict):
        return {k: expand(x, m) for k, x in v.items()}
    return v


def choose(turns, system, scenario):
    """-> (steps, calls already made, key)"""
    users = [i for i, t in enumerate(turns) if t[0] == "user"]
    for i in reversed(users):
        d = directive(turns[i][1])
        if d is not None:
            return d, sum(1 for t in turns[i + 1:] if t[0] == "call"), turns[i][1][-2000:]
    # no directive: the newest user text that is not just a client's own reminder
    i = next((i for i in reversed(users)
              if not re.match(r"\s*<(system-reminder|environment_context|user_instructions)", turns[i][1])),
             users[-1] if users else -1)
    text = turns[i][1] if i >= 0 else ""
    done = sum(1 for t in turns[i + 1:] if t[0] == "call")
    if scenario and scenario in CFG["scenarios"]:
        return CFG["scenarios"][scenario], done, scenario + text[-500:]
    for r in CFG["rules"]:
        m = re.search(r["match"], text, re.S)
        if m:
            return expand(r["steps"], m), done, text[-500:]
    d = directive(system)
    if d is not None:
        return d, done, text[-500:]
    return CFG["default"], done, text[-500:]


def ncalls(s):
    if "calls" in s:
        return len(s["calls"])
    return 1 if any(k in s for k in ("write", "shell", "mcp", "tool")) else 0


def step_at(steps, done):
    i = 0
    while i < len(steps) - 1 and ncalls(steps[i]) and done >= ncalls(steps[i]):
        done -= ncalls(steps[i])
        i += 1
    s = steps[i] if steps else {"text": "(empty script)"}
    if ncalls(s) and i == len(steps) - 1 and done >= ncalls(s):
        return i + 1, {"text": "(script finished)"}
    return i, s


# ------------------------------------------------------------------ abstract step -> real tool call
def fill(schema, value_by_alias):
    """Arguments by the client's own property names; required leftovers get a dummy."""
    props = (schema or {}).get("properties") or {}
    args = {}
    for aliases, v in value_by_alias:
        for a in aliases:
            if a in props or (not props and a == aliases[0]):
                args[a] = v
                break
    for r in (schema or {}).get("required") or []:
        if r not in args:
            args[r] = dummy(props.get(r) or {})
    return args


def dummy(s):
    if "enum" in s:
        return s["enum"][0]
    if "const" in s:
        return s["const"]
    for k in ("anyOf", "oneOf", "allOf"):
        if s.get(k):
            return dummy(s[k][0])
    t = s.get("type")
    t = (t[0] if isinstance(t, list) else t or "string").lower()
    if t == "object":
        p = s.get("properties") or {}
        return {k: dummy(p.get(k) or {}) for k in (s.get("required") or p.keys())}
    return {"array": [], "boolean": False, "integer": 1, "number": 1, "null": None}.get(t, "fake")


def sh_quote(s):
    return "'" + s.replace("'", "'\\''") + "'"


def to_calls(step, tools, cwd):
    """-> list of (name, args or raw string, tool info)"""
    if "calls" in step:
        return [c for s in step["calls"] for c in to_calls(s, tools, cwd)]

    def info(n):
        return tools.get(n) or {"schema": {}, "kind": "function"}
    if "tool" in step:
        return [(step["tool"], step.get("args") or step.get("input") or {}, info(step["tool"]))]
    if "mcp" in step:
        want = step["mcp"]["tool"]
        n = next((n for n in tools if n == want), None) or next(
            (n for n in sorted(tools, key=len) if re.search(r"(^|[_./:-])" + re.escape(want) + "$", n)), want)
        return [(n, step["mcp"].get("args") or {}, info(n))]
    if "shell" in step:
        n = next((n for n in SHELL_NAMES if n in tools), SHELL_NAMES[0])
        sch = info(n)["schema"]
        cmd = step["shell"]
        p = ((sch.get("properties") or {}).get("command") or {}).get("type")
        val = ["bash", "-lc", cmd] if p == "array" else cmd
        a = fill(sch, [(("command", "cmd"), val), (("description",), "run a command")])
        a.update(step.get("args") or {})
        return [(n, a, info(n))]
    if "write" in step:
        w = step["write"]
        n = next((n for n in WRITE_NAMES if n in tools), None)
        if n is None or (n == "apply_patch" and info(n)["kind"] != "custom" and not info(n)["schema"]):
            return to_calls({"shell": "printf %s " + sh_quote(w["content"]) + " > " + sh_quote(w["path"])}, tools, cwd)
        if n == "apply_patch":
            lines = w["content"].split("\n")
            if lines and lines[-1] == "":
                lines.pop()
            patch = "*** Begin Patch\n*** Add File: %s\n%s*** End Patch\n" % (
                w["path"], "".join("+" + l + "\n" for l in lines))
            if info(n)["kind"] == "custom":
                return [(n, patch, info(n))]
            return [(n, fill(info(n)["schema"], [(("input", "patch", "patchText"), patch)]), info(n))]
        path = w["path"]
        if cwd and not path.startswith("/"):
            path = cwd.rstrip("/") + "/" + path
        return [(n, fill(info(n)["schema"], [(("file_path", "filePath", "path", "absolute_path"), path),
                                             (("content", "contents", "text"), w["content"])]), info(n))]
    return []


CWD_PATTERNS = [r"Primary working directory: ([^\n]+)", r"[Ww]orking directory: ([^\n]+)",
                r"<cwd>([^<]+)</cwd>", r"current working directory:? [`'\"]?(/[^\s`'\"]+)",
                r"working in the directory: ([^\n]+)", r"Workspace Directories:\*?\*?\s+- (/[^\n]+)"]


def find_cwd(turns, system):
    blob = system + "\n" + "\n".join(t[1] for t in turns if t[0] == "user")
    for p in CWD_PATTERNS:
        m = re.findall(p, blob)
        if m:
            return m[-1].strip().rstrip(".")
    return None


def uid(p):
    return p + uuid.uuid4().hex[:24]


# ------------------------------------------------------------------ the handler
class Drop(Exception):
    pass


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake-model/1"

    def log_message(self, *a):
        pass

    # -- plumbing
    def send_json(self, code, obj, headers=None):
        b = json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(b)))
        self.send_header("request-id", uid("req_"))
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b)

    def sse_open(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("request-id", uid("req_"))
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def sse(self, obj, event=None):
        s = (("event: %s\n" % event) if event else "") + "data: " + (
            obj if isinstance(obj, str) else json.dumps(obj)) + "\n\n"
        b = s.encode()
        self.wfile.write(b"%x\r\n" % len(b) + b + b"\r\n")
        self.wfile.flush()

    def sse_close(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def mid(self, step):
        """in the middle of a stream"""
        if step.get("hang"):
            end = time.time() + 3600
            while time.time() < end:
                time.sleep(1)
                self.wfile.write(b"3\r\n:\n\n\r\n")
                self.wfile.flush()
        if step.get("stall"):
            time.sleep(step["stall"])
        if step.get("cut"):
            raise Drop()

    def record(self, **kw):
        e = {"t": round(time.time() - T0, 3), "method": self.command, "path": self.path, **kw}
        with LOCK:
            LOG.append(e)
            if LOGFILE:
                LOGFILE.write(json.dumps(e) + "\n")
                LOGFILE.flush()

    # -- verbs
    def do_HEAD(self):
        self.send_json(200, {})

    def do_GET(self):
        p = self.path.split("?")[0]
        if p == "/__fake/log":
            with LOCK:
                return self.send_json(200, list(LOG))
        self.record()
        if self.headers.get("upgrade", "").lower() == "websocket":
            return self.send_json(426, {"error": {"message": "no websockets here"}})
        if p.endswith("/models"):
            ids = ["claude-fake", "gpt-fake", "gemini-fake"]
            return self.send_json(200, {"object": "list", "data": [
                {"id": i, "object": "model", "type": "model", "display_name": i, "created": 0,
                 "created_at": "2025-01-01T00:00:00Z", "owned_by": "fake"} for i in ids],
                "models": [], "has_more": False, "first_id": ids[0], "last_id": ids[-1]})
        self.send_json(404, {"error": {"type": "not_found_error", "message": "no such path " + p}})

    def do_POST(self):
        try:
            self.post()
        except (BrokenPipeError, ConnectionResetError, Drop):
            self.close_connection = True
            self.record(note="connection ended early")
            try:
                self.connection.shutdown(2)
            except OSError:
                pass
        except Exception as e:       # a fault of this script must not look like a network fault
            import traceback
            traceback.print_exc()
            self.close_connection = True
            self.record(note="fake server fault", error=repr(e))
            try:
                self.send_json(500, {"error": {"type": "api_error", "message": "fake server fault: %r" % e}})
            except OSError:
                pass

    def post(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            raw = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                raw += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    break
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        enc = self.headers.get("content-encoding")
        if enc == "gzip":
            import gzip
            raw = gzip.decompress(raw)
        elif enc:
            return self.send_json(415, {"error": {"message": "encoding " + enc}})
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            return self.send_json(400, {"error": {"type": "invalid_request_error", "message": "not JSON"}})
        p = self.path.split("?")[0]
        if p == "/__fake/reset":
            with LOCK:
                LOG.clear()
                COUNTS.clear()
            return self.send_json(200, {})
        if p == "/__fake/config":
            CFG.update(body)
            return self.send_json(200, {})
        scenario = None
        m = re.match(r"/s/([^/]+)(/.*)", p)
        if m:
            scenario, p = m.group(1), m.group(2)
        p = re.sub(r"^(/v1)+", "/v1", p)
        if p.endswith("/messages/count_tokens"):
            self.record(api="anthropic-count")
            return self.send_json(200, {"input_tokens": 10})
        if p.endswith("/messages"):
            api = "anthropic"
        elif p.endswith("/chat/completions"):
            api = "chat"
        elif p.endswith("/responses"):
            api = "responses"
        elif re.search(r":(stream)?[gG]enerateContent$", p):
            api = "gemini"
        elif p.endswith(":countTokens"):
            self.record(api="gemini-count")
            return self.send_json(200, {"totalTokens": 10})
        else:
            self.record(note="unknown", body=str(body)[:500])
            return self.send_json(404, {"error": {"type": "not_found_error", "message": "no such path " + p}})

        turns, tools, system = normalise(api, body)
        model = body.get("model") or (re.search(r"models/([^:]+):", p) or [None, "fake"])[1]
        stream = bool(body.get("stream")) or "streamGenerateContent" in p
        steps, done, key = choose(turns, system, scenario)
        schema = self.wanted_schema(api, body)
        aux = not tools
        if aux:
            idx, step = -1, ({"text": json.dumps(dummy(schema))} if schema else {"text": "Fake title"})
            d = [s for s in steps if s.get("aux")]
            if d:
                step = d[0]
        else:
            idx, step = step_at(steps, done)
        hdr = {k.lower(): v for k, v in self.headers.items()
               if k.lower() in ("user-agent", "anthropic-beta", "anthropic-version", "originator", "session_id",
                                "session-id", "x-app", "x-session-id", "openai-beta", "x-goog-api-client")}
        hdr["auth"] = "present" if any(self.headers.get(h) for h in ("authorization", "x-api-key", "x-goog-api-key")) else "none"
        rec = dict(api=api, model=model, stream=stream, aux=aux, step=idx, calls_done=done, scenario=scenario,
                   tools=sorted(tools), headers=hdr, n_turns=len(turns),
                   last_user=next((t[1] for t in reversed(turns) if t[0] == "user"), "")[-300:],
                   system_head=system[:200])
        if self.server.full:
            rec["body"] = body
        self.record(**rec)

        err = step.get("error")
        if err:
            k = (api, self.headers.get("user-agent"), find_cwd(turns, system), key, idx)
            with LOCK:
                COUNTS[k] = COUNTS.get(k, 0) + 1
                n = COUNTS[k]
            if err.get("times", -1) < 0 or n <= err.get("times", -1):
                return self.api_error(api, err)
        if step.get("delay"):
            time.sleep(step["delay"])
        calls = [] if aux else to_calls(step, tools, find_cwd(turns, system))
        text = step.get("say") if calls else step.get("text")
        if text is not None and schema and not calls and not aux and "raw" not in step:
            try:
                json.loads(text)
            except ValueError:
                text = json.dumps(dummy(schema)) if step.get("fit_schema") else text
        u = {"in": 100, "out": 20, "cached": 0, **(step.get("usage") or {})}
        getattr(self, "api_" + api)(model, stream, step, text, calls, u)

    @staticmethod
    def wanted_schema(api, body):
        if api == "gemini":
            g = body.get("generationConfig") or {}
            return g.get("responseJsonSchema") or g.get("responseSchema")
        if api == "responses":
            f = (body.get("text") or {}).get("format") or {}
            return f.get("schema")
        if api == "chat":
            f = (body.get("response_format") or {}).get("json_schema") or {}
            return f.get("schema")
        f = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
        return f.get("schema")

    def api_error(self, api, e):
        st = e.get("status", 500)
        msg = e.get("message", "scripted error %d" % st)
        ty = e.get("type") or {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
                               404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
                               529: "overloaded_error", 503: "overloaded_error"}.get(st, "api_error")
        if api == "anthropic":
            b = {"type": "error", "error": {"type": ty, "message": msg}, "request_id": uid("req_")}
        elif api == "gemini":
            g = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 500: "INTERNAL", 400: "INVALID_ARGUMENT",
                 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}.get(st, "UNKNOWN")
            b = {"error": {"code": st, "message": msg, "status": g, "details": e.get("details") or []}}
        else:
            b = {"error": {"type": ty, "message": msg, "code": e.get("code"), "param": None}}
        self.send_json(st, b, e.get("headers"))

    # -- Anthropic messages
    def api_anthropic(self, model, stream, step, text, calls, u):
        mid = uid("msg_")
        blocks = []
        if text:
            blocks.append({"type": "text", "text": text})
        for n, a, _ in calls:
            blocks.append({"type": "tool_use", "id": uid("toolu_"), "name": n, "input": a})
        stop = step.get("stop_reason") or ("tool_use" if calls else "end_turn")
        usage = {"input_tokens": u["in"], "cache_creation_input_tokens": 0,
                 "cache_read_input_tokens": u["cached"], "output_tokens": u["out"]}
        if not stream:
            return self.send_json(200, {"id": mid, "type": "message", "role": "assistant", "model": model,
                                        "content": blocks, "stop_reason": stop, "stop_sequence": None, "usage": usage})
        self.sse_open()

        def ev(o):
            self.sse(o, o["type"])
        ev({"type": "message_start", "message": {"id": mid, "type": "message", "role": "assistant", "model": model,
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}})
        ev({"type": "ping"})
        for i, b in enumerate(blocks):
            if b["type"] == "text":
                ev({"type": "content_block_start", "index": i, "content_block": {"type": "text", "text": ""}})
                h = max(1, len(b["text"]) // 2)
                ev({"type": "content_block_delta", "index": i, "delta": {"type": "text_delta", "text": b["text"][:h]}})
                self.mid(step)
                if b["text"][h:]:
                    ev({"type": "content_block_delta", "index": i, "delta": {"type": "text_delta", "text": b["text"][h:]}})
            else:
                ev({"type": "content_block_start", "index": i, "content_block": {**b, "input": {}}})
                self.mid(step)
                ev({"type": "content_block_delta", "index": i, "delta": {
                    "type": "input_json_delta", "partial_json": json.dumps(b["input"])}})
            ev({"type": "content_block_stop", "index": i})
        ev({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": u["out"]}})
        ev({"type": "message_stop"})
        self.sse_close()

    # -- OpenAI responses
    def api_responses(self, model, stream, step, text, calls, u):
        rid = uid("resp_")
        items = []
        if text:
            items.append({"type": "message", "id": uid("msg_"), "role": "assistant", "status": "completed",
                          "content": [{"type": "output_text", "text": text, "annotations": []}]})
        for n, a, info in calls:
            if info["kind"] == "custom":
                items.append({"type": "custom_tool_call", "id": uid("ctc_"), "call_id": uid("call_"),
                              "name": info.get("name", n), "input": a if isinstance(a, str) else json.dumps(a),
                              "status": "completed"})
            elif info["kind"] == "local_shell":
                items.append({"type": "local_shell_call", "id": uid("lsh_"), "call_id": uid("call_"),
                              "status": "completed", "action": {"type": "exec", "command": ["bash", "-lc", a.get("command", "")], "env": {}}})
            else:
                it = {"type": "function_call", "id": uid("fc_"), "call_id": uid("call_"),
                      "name": info.get("name", n), "arguments": json.dumps(a), "status": "completed"}
                if info.get("ns"):
                    it["namespace"] = info["ns"]
                items.append(it)
        usage = {"input_tokens": u["in"], "input_tokens_details": {"cached_tokens": u["cached"]},
                 "output_tokens": u["out"], "output_tokens_details": {"reasoning_tokens": 0},
                 "total_tokens": u["in"] + u["out"]}
        resp = {"id": rid, "object": "response", "created_at": int(time.time()), "model": model, "status": "completed",
                "output": items, "usage": usage, "error": None, "incomplete_details": None}
        if not stream:
            return self.send_json(200, resp)
        self.sse_open()
        seq = [0]

        def ev(t, **k):
            seq[0] += 1
            self.sse({"type": t, "sequence_number": seq[0], **k}, t)
        ev("response.created", response={**resp, "status": "in_progress", "output": [], "usage": None})
        for i, it in enumerate(items):
            if it["type"] == "message":
                ev("response.output_item.added", output_index=i, item={**it, "status": "in_progress", "content": []})
                t = it["content"][0]["text"]
                h = max(1, len(t) // 2)
                ev("response.content_part.added", output_index=i, item_id=it["id"], content_index=0,
                   part={"type": "output_text", "text": "", "annotations": []})
                ev("response.output_text.delta", output_index=i, item_id=it["id"], content_index=0, delta=t[:h])
                self.mid(step)
                ev("response.output_text.delta", output_index=i, item_id=it["id"], content_index=0, delta=t[h:])
                ev("response.output_text.done", output_index=i, item_id=it["id"], content_index=0, text=t)
                ev("response.content_part.done", output_index=i, item_id=it["id"], content_index=0,
                   part={"type": "output_text", "text": t, "annotations": []})
            else:
                part = dict(it, status="in_progress")
                part["arguments" if "arguments" in it else "input"] = ""
                ev("response.output_item.added", output_index=i, item=part)
                self.mid(step)
                if it["type"] == "function_call":
                    ev("response.function_call_arguments.delta", output_index=i, item_id=it["id"], delta=it["arguments"])
                    ev("response.function_call_arguments.done", output_index=i, item_id=it["id"], arguments=it["arguments"])
            ev("response.output_item.done", output_index=i, item=it)
        ev("response.completed", response=resp)
        self.sse_close()

    # -- OpenAI chat completions
    def api_chat(self, model, stream, step, text, calls, u):
        cid = uid("chatcmpl-")
        tc = [{"index": i, "id": uid("call_"), "type": "custom",
               "custom": {"name": n, "input": a if isinstance(a, str) else json.dumps(a)}}
              if info["kind"] == "custom" else
              {"index": i, "id": uid("call_"), "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
              for i, (n, a, info) in enumerate(calls)]
        fin = step.get("stop_reason") or ("tool_calls" if calls else "stop")
        usage = {"prompt_tokens": u["in"], "completion_tokens": u["out"], "total_tokens": u["in"] + u["out"],
                 "prompt_tokens_details": {"cached_tokens": u["cached"]}}
        base = {"id": cid, "created": int(time.time()), "model": model}
        if not stream:
            msg = {"role": "assistant", "content": text}
            if tc:
                msg["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in tc]
            return self.send_json(200, {**base, "object": "chat.completion", "usage": usage,
                                        "choices": [{"index": 0, "message": msg, "finish_reason": fin}]})
        self.sse_open()

        def ev(delta, finish=None, **k):
            self.sse({**base, "object": "chat.completion.chunk",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **k})
        ev({"role": "assistant", "content": ""})
        if text:
            h = max(1, len(text) // 2)
            ev({"content": text[:h]})
            self.mid(step)
            ev({"content": text[h:]})
        elif tc:
            self.mid(step)
        for c in tc:
            ev({"tool_calls": [c]})
        ev({}, fin)
        self.sse({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        self.sse("[DONE]")
        self.sse_close()

    # -- Gemini
    def api_gemini(self, model, stream, step, text, calls, u):
        def chunk(parts, fin=None):
            c = {"content": {"role": "model", "parts": parts}, "index": 0}
            if fin:
                c["finishReason"] = fin
            return {"candidates": [c], "modelVersion": model, "responseId": rid,
                    "usageMetadata": {"promptTokenCount": u["in"], "candidatesTokenCount": u["out"],
                                      "cachedContentTokenCount": u["cached"],
                                      "totalTokenCount": u["in"] + u["out"]}}
        rid = uid("resp")
        fcs = [{"functionCall": {"id": uid("fc_"), "name": n, "args": a}} for n, a, _ in calls]
        if not stream:
            return self.send_json(200, chunk(([{"text": text}] if text else []) + fcs, "STOP"))
        self.sse_open()
        if text:
            h = max(1, len(text) // 2)
            self.sse(chunk([{"text": text[:h]}]))
            self.mid(step)
            self.sse(chunk([{"text": text[h:]}] + fcs, "STOP"))
        else:
            self.mid(step)
            self.sse(chunk(fcs or [{"text": ""}], "STOP"))
        self.sse_close()


def main():
    global LOGFILE
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--port", type=int, default=0)
    a.add_argument("--port-file", help="write the chosen port here")
    a.add_argument("--config", help='JSON file {"scenarios":{..},"rules":[..],"default":[..]}')
    a.add_argument("--log", help="append every request as a JSON line")
    a.add_argument("--full", action="store_true", help="log whole request bodies")
    o = a.parse_args()
    if o.config:
        CFG.update(json.load(open(o.config)))
    if o.log:
        LOGFILE = open(o.log, "a")
    ThreadingHTTPServer.request_queue_size = 128
    s = ThreadingHTTPServer(("127.0.0.1", o.port), H)
    s.daemon_threads = True
    s.full = o.full
    if o.port_file:
        open(o.port_file, "w").write(str(s.server_address[1]))
    print("fake model server on http://127.0.0.1:%d" % s.server_address[1], flush=True)
    try:
        s.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
