//! The envelope of JSON-RPC 2.0: what a JSON value is, and what an answer looks like.

use crate::rpc::error::invalid_request;
use jsonrpc_core::Error;
use serde_json::{Map, Value, json};

/// What a JSON value says.
#[derive(Debug)]
pub enum Message {
    /// A request, or without an id a notification.
    Request {
        /// Of any legal shape: a text, a number or null.
        id: Option<Value>,
        /// What is called.
        method: String,
        /// With what.
        params: Option<Value>,
    },
    /// The answer to a request of ours.
    Response(Value),
    /// None of these, with the answer to it.
    Invalid(Value),
}

/// Reads one value. Unknown members are left aside.
pub fn read(value: Value) -> Message {
    let Value::Object(mut map) = value else {
        return Message::Invalid(failure(Value::Null, &invalid_request("a message is an object")));
    };
    let id = map.remove("id");
    let legal = id.as_ref().is_none_or(|id| id.is_string() || id.is_number() || id.is_null());
    let answer_to = id.clone().filter(|_| legal).unwrap_or(Value::Null);
    let invalid = |why: &str| Message::Invalid(failure(answer_to.clone(), &invalid_request(why)));
    if !map.contains_key("method") && (map.contains_key("result") || map.contains_key("error")) {
        map.extend(id.map(|id| ("id".to_owned(), id)));
        return Message::Response(Value::Object(map));
    }
    if !legal {
        return invalid("an id is a text, a number or null");
    }
    if map.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("`jsonrpc` must be \"2.0\"");
    }
    let Some(Value::String(method)) = map.remove("method") else {
        return invalid("`method` must be a text");
    };
    let params = map.remove("params");
    if !params
        .as_ref()
        .is_none_or(|params| params.is_object() || params.is_array() || params.is_null())
    {
        return invalid("`params` must be an object or an array");
    }
    Message::Request { id, method, params }
}

/// The answer to a request.
pub fn answer(id: Value, outcome: Result<Value, Error>) -> Value {
    match outcome {
        Ok(result) => {
            let members = [
                ("jsonrpc".to_owned(), "2.0".into()),
                ("result".to_owned(), result),
                ("id".to_owned(), id),
            ];
            Value::Object(Map::from_iter(members))
        }
        Err(error) => failure(id, &error),
    }
}

/// An error as the answer to a request, or to what could not be read.
pub fn failure(id: Value, error: &Error) -> Value {
    json!({"jsonrpc": "2.0", "error": error, "id": id})
}

/// A message as it is sent.
pub fn bytes(message: &Value) -> Vec<u8> {
    // A JSON value can always be written.
    serde_json::to_vec(message).unwrap_or_default()
}
