//! What the system knows of a running process: its terminal, who started it, whether it is confined.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads what the system knows of processes"
)]

use std::path::Path;

/// The most processes that are named.
const MAX_PROCESSES: usize = 12;

/// The controlling terminal of a process (`/dev/pts/3`); none where it has none, or that can't be known.
pub fn terminal_of(pid: i32) -> Option<String> {
    // The fourth field behind the name, see `proc_pid_stat(5)`: the minor number in bits 0-7 and 20-31, the major one in
    // bits 8-15.
    let number: u32 = stat(pid)?.fields.get(4)?.parse::<i32>().ok()?.cast_unsigned();
    let (major, minor) = ((number >> 8) & 0xff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    match major {
        _ if number == 0 => None,
        // Eight major numbers are for pseudo-terminals, each with 256 of them.
        136..=143 => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        4 => Some(format!("/dev/tty{minor}")),
        _ => Some(format!("{major}:{minor}")),
    }
}

/// Whether a process runs this program, as far as its file is called; also where that was replaced meanwhile. One whose file
/// can't be seen hides as this program does ([`super::keep_private`]).
pub fn is_this_program(pid: i32) -> bool {
    let program = |who: &str| std::fs::read_link(Path::new("/proc").join(who).join("exe"));
    let name =
        |file: &Path| Some(file.file_name()?.to_str()?.trim_end_matches(" (deleted)").to_owned());
    match program(&pid.to_string()) {
        Ok(file) => program("self").is_ok_and(|own| name(&own) == name(&file)),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

/// A process and those above it, by name and number, the innermost first.
pub fn lineage(pid: i32) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = pid;
    while next > 0 && found.len() < MAX_PROCESSES {
        let Some(stat) = stat(next) else { break };
        found.push(format!("{} ({next})", stat.name));
        next = stat.fields.get(1).and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    found
}

/// Whether a process can get no new privileges, and this one can: so it is with all that are confined.
pub fn is_confined(pid: i32) -> bool {
    let has_none = |who: &str| {
        let status = std::fs::read_to_string(Path::new("/proc").join(who).join("status"))
            .unwrap_or_default();
        status
            .lines()
            .any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|value| value.trim() == "1"))
    };
    has_none(&pid.to_string()) && !has_none("self")
}

/// What `proc_pid_stat(5)` describes.
pub(super) struct Stat {
    name: String,
    /// From the state on.
    pub(super) fields: Vec<String>,
}

pub(super) fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself hold blanks and parentheses.
    let (begin, end) = (text.find('(')?, text.rfind(')')?);
    let fields = text[end + 1..].split_whitespace().map(str::to_owned).collect();
    Some(Stat { name: text[begin + 1..end].to_owned(), fields })
}
