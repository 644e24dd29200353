//! Pages made of what an API says.

use crate::client::get;
use crate::config::Config;

/// Status and text of a page.
pub fn page(config: &Config, name: &str) -> (u16, String) {
    match get(config, &format!("/pages/{name}")) {
        Ok(answer) if answer.status == 200 => (200, format!("<p>{}</p>", escape(&answer.body))),
        Ok(answer) if answer.status == 404 => (404, "there is no such page".into()),
        Ok(_) | Err(_) => (502, "the API does not answer as it should".into()),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
#[path = "../tests/controller.rs"]
mod tests;
