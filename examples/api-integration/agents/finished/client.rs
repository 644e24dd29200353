//! Requests to an API.

use crate::config::Config;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn get(config: &Config, path: &str) -> Result<Answer, String> {
    send(config, "GET", path, "")
}

pub fn post(config: &Config, path: &str, body: &str) -> Result<Answer, String> {
    send(config, "POST", path, body)
}

fn send(config: &Config, method: &str, path: &str, body: &str) -> Result<Answer, String> {
    let mut stream = TcpStream::connect((config.host.as_str(), config.port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(|error| error.to_string())?;
    let path = format!("{}{path}", config.path.trim_end_matches('/'));
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", config.host, body.len());
    // In one piece: a server may answer and close as soon as it has read the head.
    stream.write_all(format!("{head}{body}").as_bytes()).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    read(&String::from_utf8_lossy(&bytes))
}

fn read(text: &str) -> Result<Answer, String> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
    let status = head.split(' ').skip(1).next().unwrap().parse().unwrap();
    Ok(Answer { status, body: body.into() })
}

#[cfg(test)]
#[path = "../tests/client.rs"]
mod tests;
