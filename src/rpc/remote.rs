//! A method called in another process, through its socket: the owner of an execution, or the daemon
//! of a workspace.

use super::error::ERRORS;
use super::messages::ErrorData;
use super::method::Method;
use crate::engine::daemon;
use crate::engine::listener::{Address, connect};
use crate::failure::{Failure, FailureKind};
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

/// How long an owner may take to answer: what it is asked is on disk by then.
const ANSWER_TAKES: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// Calls a method in the daemon of a workspace, which is started where there is none.
///
/// # Errors
/// What the method says; or there can be no daemon.
pub fn call_daemon<M: Method>(root: &Path, params: &Value) -> Result<M::Result, Failure> {
    let address = Address::of_daemon(root);
    // One that leaves just now hangs up: then another one is started.
    for _ in 0..5 {
        if let Some(result) = call::<M>(&address, params)? {
            return Ok(result);
        }
        daemon::spawn(root)?;
    }
    Err(Failure::unusable(format!(
        "the daemon of {} ends as soon as it begins; what it said is in {}",
        root.display(),
        daemon::log_of(root).display()
    )))
}

/// Calls a method in the process at an address. Gives nothing where nobody is there.
///
/// # Errors
/// What the method says; or the owner does not answer.
pub fn call<M: Method>(address: &Address, params: &Value) -> Result<Option<M::Result>, Failure> {
    let Ok(mut stream) = connect(address) else { return Ok(None) };
    let asked = || -> io::Result<Option<Value>> {
        stream.set_read_timeout(Some(ANSWER_TAKES))?;
        stream.set_write_timeout(Some(ANSWER_TAKES))?;
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": M::NAME, "params": params});
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut lines = BufReader::new(stream.take(MAX_ANSWER_BYTES));
        let mut line = Vec::new();
        // Notifications may come before the answer.
        while lines.read_until(b'\n', &mut line)? > 0 {
            let message: Value = serde_json::from_slice(&line)?;
            if message["id"] == 1 {
                return Ok(Some(message));
            }
            line.clear();
        }
        Ok(None)
    };
    let failed = |why: &dyn std::fmt::Display| {
        Failure::unusable(format!(
            "the process at {} does not answer: {why}",
            address.socket.display()
        ))
    };
    let silent = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    };
    // One that ends just now hangs up: it owns nothing any more.
    let Some(mut answer) = (match asked() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            ) =>
        {
            None
        }
        Err(error) if silent(&error) => {
            return Err(failed(&format!(
                "nothing came in {} s: it is stopped, or the machine is overloaded",
                ANSWER_TAKES.as_secs()
            )));
        }
        asked => asked.map_err(|error| failed(&error))?,
    }) else {
        return Ok(None);
    };
    if let Some(error) = answer.get("error") {
        return Err(failure_of(error));
    }
    serde_json::from_value(answer["result"].take()).map(Some).map_err(|error| failed(&error))
}

/// The failure that an error of the protocol was made of.
fn failure_of(error: &Value) -> Failure {
    let data: Option<ErrorData> = serde_json::from_value(error["data"].clone()).ok();
    let Some(data) = data else {
        return Failure::internal(error["message"].as_str().unwrap_or_default());
    };
    let kind = ERRORS
        .iter()
        .find(|(_, _, name, _)| *name == data.kind)
        .map_or(FailureKind::Internal, |(kind, ..)| *kind);
    Failure::new(kind, data.message)
}
