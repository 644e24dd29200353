//! The files in a tree that decide how a gate judges it: the program that it runs, the settings of test runners and of
//! coverage. Work on a task may change them, so they are measured with their digests.

use crate::process::open_kept;
use crate::workspace::tree::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

/// Settings that are about nothing but tests and coverage, as they stand in the folder of a gate.
const SETTINGS: [&str; 31] = [
    ".c8rc.json",
    ".config/nextest.toml",
    ".coveragerc",
    ".mocharc.cjs",
    ".mocharc.js",
    ".mocharc.json",
    ".mocharc.yaml",
    ".mocharc.yml",
    ".nycrc",
    ".nycrc.json",
    ".rspec",
    ".simplecov",
    ".tarpaulin.toml",
    "ava.config.js",
    "conftest.py",
    "jest.config.cjs",
    "jest.config.js",
    "jest.config.json",
    "jest.config.mjs",
    "jest.config.ts",
    "karma.conf.js",
    "noxfile.py",
    "phpunit.xml",
    "phpunit.xml.dist",
    "pytest.ini",
    "tarpaulin.toml",
    "tox.ini",
    "vitest.config.js",
    "vitest.config.mjs",
    "vitest.config.ts",
    "vitest.workspace.ts",
];
/// What programs run that are told no file: where they look for it.
const BUILD_FILES: [(&str, &[&str]); 5] = [
    ("make", &["GNUmakefile", "makefile", "Makefile"]),
    ("gmake", &["GNUmakefile", "makefile", "Makefile"]),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml"]),
    ("rake", &["Rakefile"]),
];
/// Files of which only some entries are about tests: a task that adds a dependency changes none of them.
const ENTRIES: [(&str, &[&str]); 2] = [
    ("package.json", &["scripts", "jest", "vitest", "mocha", "nyc", "c8", "ava"]),
    ("pyproject.toml", &["tool.pytest", "tool.coverage", "tool.tox", "tool.nox"]),
];
/// What is larger is no program or setting that is compared.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The files of a folder by which a command judges it, relative to the folder, with their digests.
pub fn judged_by(command: &[String], folder: &Path) -> BTreeMap<String, String> {
    let program = command
        .first()
        .and_then(|program| Path::new(program).file_name())
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let named = command
        .iter()
        .flat_map(|word| [word.as_str(), word.split_once('=').map_or("", |(_, file)| file)]);
    let build = BUILD_FILES
        .iter()
        .filter(|(runner, _)| *runner == program)
        .flat_map(|(_, files)| files.iter().copied());
    let whole =
        named.filter(|file| is_inside(file)).chain(build).chain(SETTINGS).map(str::to_owned);
    // A link, and what it leads to: either may be another one later.
    let whole =
        whole.flat_map(|file| led_to(folder, &file).into_iter().chain([file]).collect::<Vec<_>>());
    let whole = whole.filter_map(|file| Some((tidy(&file), digest(read(&folder.join(&file))?))));
    let parts = ENTRIES.iter().filter_map(|(file, entries)| {
        let text = String::from_utf8(read(&folder.join(file))?).ok()?;
        Some(((*file).to_owned(), digest(about_tests(file, &text, entries)?)))
    });
    whole.chain(parts).collect()
}

/// What a file says of tests; all of it where it can't be read, none where it says nothing.
fn about_tests(file: &str, text: &str, entries: &[&str]) -> Option<Vec<u8>> {
    let parsed: Option<serde_json::Value> = if file.ends_with(".json") {
        serde_json::from_str(text).ok()
    } else {
        toml::from_str(text).ok()
    };
    let Some(parsed) = parsed else { return Some(text.as_bytes().to_vec()) };
    let kept: Vec<_> = entries
        .iter()
        .map(|entry| parsed.pointer(&format!("/{}", entry.replace('.', "/"))))
        .collect();
    if kept.iter().all(Option::is_none) { None } else { serde_json::to_vec(&kept).ok() }
}

fn is_inside(file: &str) -> bool {
    let path = Path::new(file);
    !file.is_empty()
        && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn tidy(file: &str) -> String {
    Path::new(file)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect::<std::path::PathBuf>()
        .display()
        .to_string()
}

/// Where a link in a folder leads to in it, if it is one.
fn led_to(folder: &Path, file: &str) -> Option<String> {
    let path = folder.join(file);
    let there = path.is_symlink().then(|| path.canonicalize().ok()).flatten()?;
    there.strip_prefix(folder.canonicalize().ok()?).ok().map(|inside| inside.display().to_string())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    if let Ok(target) = path.read_link() {
        return Some(target.into_os_string().into_encoded_bytes());
    }
    let file = open_kept(path).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn digest(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::new_with_prefix(bytes))
}
