//! The address of an API.

pub struct Config {
    pub host: String,
    pub port: u16,
    pub path: String,
}

pub fn parse(_url: &str) -> Result<Config, String> {
    Err("not implemented".into())
}

#[cfg(test)]
#[path = "../tests/config.rs"]
mod tests;
