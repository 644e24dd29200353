//! The address of an API.

pub struct Config {
    pub host: String,
    pub port: u16,
    pub path: String,
}

/// Takes `http://host:port/path` apart.
pub fn parse(url: &str) -> Result<Config, String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url} is no http URL"))?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match address.split_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| format!("{port} is no port"))?),
        None => (address, 80),
    };
    if host.is_empty() {
        return Err(format!("{url} names no host"));
    }
    Ok(Config { host: host.into(), port, path: format!("/{path}") })
}

#[cfg(test)]
#[path = "../tests/config.rs"]
mod tests;
