//! Requests to an API.

use crate::config::Config;

pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn get(_config: &Config, _path: &str) -> Result<Answer, String> {
    Err("not implemented".into())
}

pub fn post(_config: &Config, _path: &str, _body: &str) -> Result<Answer, String> {
    Err("not implemented".into())
}

#[cfg(test)]
#[path = "../tests/client.rs"]
mod tests;
