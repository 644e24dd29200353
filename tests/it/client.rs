//! Clients of `serve`: one that speaks JSON lines with the types of the table, and one that
//! speaks LSP. Each message from the server is held against the schema that it publishes.

use crate::support::Workspace;
use execution_coordinator::rpc::method::Method;
use execution_coordinator::rpc::schema;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a message may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The schemas of results and notifications, by the names of methods.
struct Schemas {
    results: BTreeMap<String, jsonschema::Validator>,
    notifications: BTreeMap<String, jsonschema::Validator>,
}

fn schemas() -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let files: BTreeMap<&str, String> = schema::files().into_iter().collect();
        let document: Value = serde_json::from_str(&files["openrpc.json"]).expect("JSON");
        let compile = |schema: &Value| {
            let mut schema = schema.clone();
            schema["components"] = document["components"].clone();
            jsonschema::draft7::new(&schema).expect("a good schema")
        };
        let list = |key: &str| document[key].as_array().expect("a list").clone();
        let name = |row: &Value| row["name"].as_str().expect("a name").to_owned();
        Schemas {
            results: list("methods")
                .iter()
                .map(|row| (name(row), compile(&row["result"]["schema"])))
                .collect(),
            notifications: list("x-notifications")
                .iter()
                .map(|row| (name(row), compile(&row["params"])))
                .collect(),
        }
    })
}

fn hold_against(validator: &jsonschema::Validator, value: &Value, what: &str) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{what} is not what its schema says: {errors:?}\n{value}");
}

/// A process of `serve` and what it writes.
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    seen: VecDeque<Value>,
    framed: bool,
    next_id: i64,
    asked: BTreeMap<String, String>,
}

impl Server {
    pub fn lines(workspace: &Workspace, arguments: &[&str]) -> Self {
        Self::start(workspace, arguments, false)
    }

    pub fn lsp(workspace: &Workspace) -> Self {
        Self::start(workspace, &[], true)
    }

    fn start(workspace: &Workspace, arguments: &[&str], framed: bool) -> Self {
        let mut command = workspace.command(&[&["serve"], arguments].concat());
        Self::of(command.env("XDG_CACHE_HOME", workspace.path(".cache")), framed)
    }

    /// A process that a command starts.
    pub fn of(command: &mut Command, framed: bool) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary");
        let mut out = BufReader::new(child.stdout.take().expect("stdout"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) =
                if framed { read_frame(&mut out) } else { read_line(&mut out) }
            {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            messages,
            seen: VecDeque::new(),
            framed,
            next_id: 1,
            asked: BTreeMap::new(),
        }
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("an open stdin");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("written");
    }

    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let bytes = if self.framed {
            format!("Content-Length: {}\r\n\r\n{body}", body.len())
        } else {
            body + "\n"
        };
        self.raw(bytes.as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Asks, and gives the id by which the answer is known.
    pub fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.asked.insert(id.to_string(), method.to_owned());
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Asks and waits for the answer, whole.
    pub fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer_to(id)
    }

    pub fn answer_to(&mut self, id: i64) -> Value {
        self.find(&format!("the answer to {id}"), |message| {
            message.get("method").is_none() && message["id"] == id
        })
    }

    /// Asks and waits for the result.
    pub fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Calls a method of the table with its types.
    pub fn call<M: Method>(&mut self, params: M::Params) -> M::Result {
        let result = self.result(M::NAME, serde_json::to_value(params).expect("JSON"));
        serde_json::from_value(result).expect("the result's type")
    }

    /// The next notification of a method.
    pub fn notification(&mut self, method: &str) -> Value {
        self.find(method, |message| message["method"] == method)["params"].take()
    }

    /// The next notification of a method that is as wanted; those before it are left aside.
    pub fn notification_where(&mut self, method: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let params = self.notification(method);
            if wanted(&params) {
                return params;
            }
        }
    }

    /// The next message that is as wanted. Other requests of the server are answered with nothing.
    pub fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.seen.iter().position(&wanted) {
            return self.seen.remove(at).expect("it is there");
        }
        loop {
            let message = match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{what} did not come; there came {:?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended before {what}; there came {:?}", self.seen)
                }
            };
            self.check(&message);
            if wanted(&message) {
                return message;
            }
            if message.get("method").is_some() && message.get("id").is_some() {
                let id = message["id"].clone();
                self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}));
            }
            self.seen.push_back(message);
        }
    }

    /// Whether a message is what the schema says.
    fn check(&self, message: &Value) {
        if let Value::Array(batch) = message {
            return batch.iter().for_each(|message| self.check(message));
        }
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        if let Some(method) = message["method"].as_str() {
            if let Some(validator) = schemas().notifications.get(method) {
                hold_against(validator, &message["params"], method);
            }
            let ours = method.starts_with("execution/") || method.starts_with("task/");
            assert!(
                ours == schemas().notifications.contains_key(method),
                "{method} is not in the schema"
            );
            return;
        }
        assert!(message.get("result").is_some() != message.get("error").is_some(), "{message}");
        if let Some(method) = self.asked.get(&message["id"].to_string())
            && let (Some(result), Some(validator)) =
                (message.get("result"), schemas().results.get(method))
        {
            hold_against(validator, result, method);
        }
    }

    /// Everything that has come and that nobody has waited for.
    pub fn left(&mut self) -> Vec<Value> {
        while let Ok(message) = self.messages.try_recv() {
            self.seen.push_back(message);
        }
        self.seen.drain(..).collect()
    }

    /// Ends the input; gives the exit code and all that came after.
    pub fn end(mut self) -> (i32, Vec<Value>) {
        drop(self.stdin.take());
        let mut rest: Vec<Value> = self.seen.drain(..).collect();
        loop {
            match self.messages.recv_timeout(PATIENCE) {
                Ok(message) => {
                    self.check(&message);
                    rest.push(message);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
        (self.child.wait().expect("an end").code().unwrap_or(-1), rest)
    }

    /// Waits for its end with the input still open.
    pub fn exit_code(mut self) -> i32 {
        loop {
            match self.messages.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
        self.child.wait().expect("an end").code().unwrap_or(-1)
    }

    /// The handshake of the Language Server Protocol.
    pub fn initialize(&mut self, capabilities: Value) -> Value {
        let result = self.result(
            "initialize",
            json!({"processId": null, "rootUri": null, "capabilities": capabilities}),
        );
        self.notify("initialized", json!({}));
        result
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("killed");
    }

    pub fn open(&mut self, uri: &str, text: &str) {
        self.notify("textDocument/didOpen", json!({"textDocument": {"uri": uri, "languageId": "markdown", "version": 1, "text": text}}));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line(out: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    (out.read_line(&mut line).ok()? > 0)
        .then(|| serde_json::from_str(&line).expect("a line is JSON"))
}

fn read_frame(out: &mut impl BufRead) -> Option<Value> {
    let mut header = String::new();
    if out.read_line(&mut header).ok()? == 0 {
        return None;
    }
    let length: usize = header
        .trim()
        .strip_prefix("Content-Length: ")
        .expect("a header")
        .parse()
        .expect("a length");
    out.read_line(&mut String::new()).ok()?;
    let mut body = vec![0; length];
    out.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("a body is JSON"))
}
