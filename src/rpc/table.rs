//! The table: what can be called, and the only way to call it.

use super::error::{internal, invalid_params, method_not_found};
use super::method::{Method, MethodKind, Traits};
use super::peer::Caller;
use crate::failure::{Failure, panicked};
use futures::FutureExt;
use jsonrpc_core::{
    Call, Error, ErrorCode, Id, MetaIoHandler, MethodCall, Output, Params, Value, Version,
};
use schemars::{Schema, SchemaGenerator};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tracing::{Instrument, info, info_span, trace};

/// One method, as documents and frontends need it.
pub struct Row {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it does to the world.
    pub kind: MethodKind,
    /// What it is for, in a line.
    pub title: &'static str,
    /// More about it.
    pub about: &'static str,
    /// The sub-command of the command line that does the same, where there is one.
    pub command: Option<&'static str>,
    /// How it can fail, beside the codes of JSON-RPC itself.
    pub errors: &'static [crate::failure::FailureKind],
    /// What else there is to know about it.
    pub traits: Traits,
    /// What a model has to know, in place of more about it.
    pub advice: Option<&'static str>,
    /// The schema of what it takes.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of what it gives.
    pub result: fn(&mut SchemaGenerator) -> Schema,
}

/// All methods that can be called.
#[derive(Default)]
pub struct Table {
    io: MetaIoHandler<Caller>,
    rows: Vec<Row>,
}

impl Table {
    /// Adds a method with what carries it out.
    pub fn add<M: Method, F>(
        &mut self,
        carry_out: impl Fn(Caller, M::Params) -> F + Send + Sync + Clone + 'static,
    ) where
        F: Future<Output = Result<M::Result, Failure>> + Send + 'static,
    {
        self.rows.push(Row {
            name: M::NAME,
            kind: M::KIND,
            title: M::TITLE,
            about: M::ABOUT,
            command: M::COMMAND,
            errors: M::ERRORS,
            traits: M::TRAITS,
            advice: M::ADVICE,
            params: |generator| generator.subschema_for::<M::Params>(),
            result: |generator| generator.subschema_for::<M::Result>(),
        });
        self.io.add_method_with_meta(M::NAME, move |params: Params, caller: Caller| {
            let carry_out = carry_out.clone();
            async move {
                // Absent and empty parameters are the same.
                let params = match params {
                    Params::None => Value::Object(serde_json::Map::new()),
                    Params::Array(list) if list.is_empty() => Value::Object(serde_json::Map::new()),
                    given => given.into(),
                };
                if M::KIND == MethodKind::Command {
                    let bytes = params.to_string().len();
                    if bytes > M::TRAITS.most_bytes {
                        return Err(invalid_params(&format!(
                            "they have {bytes} bytes, at most {} are taken",
                            M::TRAITS.most_bytes
                        )));
                    }
                }
                let params = serde_json::from_value(params)
                    .map_err(|error| invalid_params(&error.to_string()))?;
                // A client's commands are carried out in its order, and what it asks sees those
                // that it sent before. Nothing that only asks holds up anything.
                let peer = caller.peer.clone();
                let _in_order = match M::KIND {
                    MethodKind::Command => {
                        let mut pace = peer.order.write().await;
                        pace.next().await;
                        Some(pace)
                    }
                    MethodKind::Query | MethodKind::Subscription => {
                        drop(peer.order.read().await);
                        None
                    }
                };
                let result = carry_out(caller, params)
                    .await
                    .map_err(|failure| super::error::error(&failure))?;
                serde_json::to_value(result).map_err(|error| internal(&error.to_string()))
            }
        });
    }

    /// The methods, in the order of the list.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether there is such a method.
    pub fn has(&self, method: &str) -> bool {
        self.rows.iter().any(|row| row.name == method)
    }

    /// Calls a method. A mistake in one is answered like any other error.
    pub fn call(
        &self,
        method: &str,
        params: Option<Value>,
        caller: Caller,
    ) -> impl Future<Output = Result<Value, Error>> + Send + use<> {
        let named = self.rows.iter().map(|row| row.name).find(|name| *name == method);
        let span = info_span!("request", method = named.unwrap_or("unknown"));
        span.in_scope(
            || trace!(params = %params.as_ref().map_or_else(Default::default, without_secrets)),
        );
        let params = match params {
            None | Some(Value::Null) => Ok(Params::None),
            Some(Value::Array(list)) => Ok(Params::Array(list)),
            Some(Value::Object(map)) => Ok(Params::Map(map)),
            Some(_) => Err(super::error::invalid_request("params must be an object or an array")),
        };
        let known = self.has(method);
        let unknown = || {
            let distance = |row: &Row| (strsim::damerau_levenshtein(row.name, method), row.name);
            let nearest =
                self.rows.iter().map(distance).min().filter(|(distance, _)| *distance <= 3);
            method_not_found(method, nearest.map(|(_, name)| name))
        };
        let future = match params {
            Ok(_) if !known => Err(unknown()),
            Err(error) => Err(error),
            Ok(params) => {
                let call = MethodCall {
                    jsonrpc: Some(Version::V2),
                    method: method.to_owned(),
                    params,
                    id: Id::Num(0),
                };
                // The method runs up to its first wait as part of being polled, not here.
                Ok(self.io.handle_call(Call::MethodCall(call), caller))
            }
        };
        let called = async move {
            match AssertUnwindSafe(future?).catch_unwind().await {
                Ok(Some(Output::Success(success))) => Ok(success.result),
                Ok(Some(Output::Failure(failure))) => Err(failure.error),
                Ok(None) => Err(internal("the method gave no answer")),
                Err(_) => Err(internal(&panicked())),
            }
        };
        let told = async move {
            let result = called.await;
            match &result {
                Ok(value) => trace!(result = %without_secrets(value)),
                // Of parameters that can't be read the message has what they are.
                Err(error) if error.code == ErrorCode::InvalidParams => info!("invalid parameters"),
                Err(error) => {
                    let message: String = error.message.chars().take(LOGGED_CHARS).collect();
                    info!(code = error.code.code(), "{}", crate::escape::line(&message));
                }
            }
            result
        };
        told.instrument(span)
    }
}

/// What the log has of texts at most.
const LOGGED_CHARS: usize = 200;

/// A value as the log may have it: long texts are cut, and what is named like a secret is left out.
fn without_secrets(value: &Value) -> Value {
    let is_secret = |name: &str| {
        let name = name.to_lowercase();
        ["secret", "token", "password", "credential", "authorization", "apikey", "api_key"]
            .iter()
            .any(|word| name.contains(word))
    };
    match value {
        Value::String(text) if text.chars().count() > LOGGED_CHARS => {
            Value::String(text.chars().take(LOGGED_CHARS).chain("…".chars()).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_secrets).collect()),
        Value::Object(map) => {
            let entry = |(name, value): (&String, &Value)| {
                let hidden = is_secret(name);
                (
                    name.clone(),
                    if hidden { Value::String("…".into()) } else { without_secrets(value) },
                )
            };
            Value::Object(map.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}
