//! Pages made of what an API says.

use crate::config::Config;

pub fn page(_config: &Config, _name: &str) -> (u16, String) {
    (500, "not implemented".into())
}

#[cfg(test)]
#[path = "../tests/controller.rs"]
mod tests;
