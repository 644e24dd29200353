//! Errors as clients see them: a code, and in `data` a stable name, a sentence and what to do.

use super::messages::ErrorData;
use crate::failure::{Failure, FailureKind};
use jsonrpc_core::{Error, ErrorCode};

/// What clients act on: the kind of a failure, its code, its name, and what to do.
///
/// Codes from -32003 to -32019 are ours: those above are taken by LSP and MCP, those below by MCP.
pub const ERRORS: [(FailureKind, i64, &str, &str); 8] = [
    (
        FailureKind::BadInput,
        -32003,
        "bad-input",
        "Fix what the message names and call again; nothing was started or changed.",
    ),
    (
        FailureKind::NotFound,
        -32004,
        "not-found",
        "Ask `execution/list` or `task/list` for the names that there are.",
    ),
    (
        FailureKind::Refused,
        -32005,
        "refused",
        "Ask `execution/status` how it stands; it makes no sense now.",
    ),
    (FailureKind::Paused, -32006, "paused", "Call `execution/resume` first."),
    (
        FailureKind::Owned,
        -32007,
        "owned",
        "Another process is at work on it: steer it, follow it, or wait until that ends.",
    ),
    (
        FailureKind::Unusable,
        -32008,
        "unusable",
        "Fix what the message names: the workspace can't be used as it is.",
    ),
    (
        FailureKind::Untrusted,
        -32010,
        "untrusted",
        "Ask the user to run `execution-coordinator trust` in the workspace; nothing else can give trust.",
    ),
    (
        FailureKind::Internal,
        -32603,
        "internal",
        "This is a mistake of the program or of the machine; its log has more.",
    ),
];

/// A failure as an error of the protocol.
pub fn error(failure: &Failure) -> Error {
    // Every kind is in the list: a test goes through it.
    let (_, code, name, help) =
        ERRORS.iter().find(|(kind, ..)| *kind == failure.kind).unwrap_or(&ERRORS[7]);
    with_data(ErrorCode::from(*code), name, &failure.message, help)
}

/// The parameters are not what the method takes.
pub fn invalid_params(why: &str) -> Error {
    with_data(
        ErrorCode::InvalidParams,
        "invalid-params",
        &format!("Invalid params: {why}"),
        "Compare the parameters with the method's schema.",
    )
}

/// There is no such method.
pub fn method_not_found(method: &str, nearest: Option<&str>) -> Error {
    let hint = nearest.map_or(String::new(), |near| format!(": did you mean `{near}`?"));
    let method: String = method.chars().take(100).collect();
    with_data(
        ErrorCode::MethodNotFound,
        "method-not-found",
        &format!("Method not found: `{method}`{hint}"),
        "`execution-coordinator schema` lists the methods.",
    )
}

/// Too many requests are under way.
pub fn busy() -> Error {
    with_data(
        ErrorCode::ServerError(-32009),
        "busy",
        "too many requests are under way",
        "Wait for some of the answers, then call again.",
    )
}

/// A mistake of ours.
pub fn internal(message: &str) -> Error {
    error(&Failure::internal(message))
}

/// The text is no JSON, or too long.
pub fn parse_error(why: &str) -> Error {
    with_data(
        ErrorCode::ParseError,
        "parse-error",
        &format!("Parse error: {why}"),
        "Send one JSON value in UTF-8 a message.",
    )
}

/// The JSON is no request.
pub fn invalid_request(why: &str) -> Error {
    with_data(
        ErrorCode::InvalidRequest,
        "invalid-request",
        &format!("Invalid Request: {why}"),
        "Compare the message with the JSON-RPC 2.0 specification.",
    )
}

fn with_data(code: ErrorCode, kind: &str, message: &str, help: &str) -> Error {
    let data = ErrorData { kind: kind.into(), message: message.into(), help: help.into() };
    Error { code, message: message.into(), data: serde_json::to_value(data).ok() }
}
