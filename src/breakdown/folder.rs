//! Breakdowns that are folders: which of their files belong to them, and in which order they are read.

use super::Format;
use super::locations::FolderFormat;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Files of one breakdown at most.
pub const MAX_FILES: usize = 20_000;
/// Folders within one another.
const MAX_DEPTH: usize = 3;

/// The format of a folder that is one breakdown.
fn format_of(folder: &Path) -> Option<&'static FolderFormat> {
    let all = Format::ALL.iter().flat_map(|format| format.reader().folders());
    all.filter(|kind| kind.has.iter().all(|name| folder.join(name).exists()))
        .min_by_key(|kind| kind.rank)
}

/// The files of a folder that is one breakdown, from it on, in the order in which they are read; nothing for other
/// folders. Links are not followed.
pub fn files(folder: &Path) -> Option<Vec<String>> {
    let kind = format_of(folder)?;
    let mut found: Vec<String> = kind
        .first
        .iter()
        .filter(|name| is_file(&folder.join(name)))
        .map(|name| (*name).to_owned())
        .collect();
    for (inner, deep) in kind.folders {
        collect(folder, inner, if *deep { MAX_DEPTH } else { 1 }, kind, &mut found);
    }
    (found.len() > 1).then_some(found)
}

/// The folder of which a file is what is read first, so that whoever names it means the whole.
pub fn begun_by(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    let kind = format_of(folder)?;
    let first = kind.first.iter().any(|name| file.file_name().is_some_and(|file| file == *name));
    (first && files(folder).is_some()).then_some(folder)
}

fn collect(folder: &Path, inner: &str, depth: usize, kind: &FolderFormat, found: &mut Vec<String>) {
    // A link may lead anywhere.
    let real = Path::new(inner).ancestors().all(|part| {
        folder.join(part).symlink_metadata().is_ok_and(|meta| meta.is_dir())
            || part.as_os_str().is_empty()
    });
    if !real {
        return;
    }
    let entries = std::fs::read_dir(folder.join(inner)).into_iter().flatten().flatten();
    let mut names: Vec<(String, bool)> = entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?)))
        .filter(|(name, kind)| !name.starts_with('.') && (kind.is_file() || kind.is_dir()))
        .map(|(name, kind)| (name, kind.is_dir()))
        .collect();
    names.sort_by(|(one, _), (other, _)| by_number(one, other));
    for (name, is_folder) in names {
        let path = if inner == "." { name.clone() } else { format!("{inner}/{name}") };
        if found.len() >= MAX_FILES {
            return;
        }
        if is_folder && depth > 1 {
            collect(folder, &path, depth - 1, kind, found);
        } else if !is_folder && (kind.takes)(&name) && !kind.first.contains(&path.as_str()) {
            found.push(path);
        }
    }
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

/// The breakdown that a file belongs to: the folder that is one and has it in it, or the file itself.
pub fn breakdown_of(file: &Path) -> PathBuf {
    let has = |folder: &&Path| {
        let inner = file.strip_prefix(folder).ok().and_then(Path::to_str);
        let kind = format_of(folder);
        // A folder with its first file alone is none; others are not listed for that.
        inner.zip(kind).is_some_and(|(inner, kind)| {
            if kind.first.contains(&inner) { files(folder).is_some() } else { takes(kind, inner) }
        })
    };
    file.ancestors().skip(1).take(MAX_DEPTH + 1).find(has).unwrap_or(file).to_owned()
}

/// Whether a kind of folder has files of a name in it.
fn takes(kind: &FolderFormat, inner: &str) -> bool {
    let (folder, name) = inner.rsplit_once('/').unwrap_or((".", inner));
    let hidden = inner.split('/').any(|part| part.starts_with('.'));
    let fits = |(known, deep): &(&str, bool)| {
        let below = folder.strip_prefix(known).and_then(|rest| rest.strip_prefix('/'));
        folder == *known || *deep && below.is_some_and(|below| below.split('/').count() < MAX_DEPTH)
    };
    !hidden && (kind.takes)(name) && kind.folders.iter().any(fits)
}

/// `task-2` before `task-10`.
fn by_number(one: &str, other: &str) -> Ordering {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (mut a, mut b) = (one, other);
    while let (Some(first), Some(second)) = (a.chars().next(), b.chars().next()) {
        let (left, right) = (digits(a), digits(b));
        if left > 0 && right > 0 {
            let value = |text: &str, len: usize| text[..len].trim_start_matches('0').to_owned();
            let (number, another) = (value(a, left), value(b, right));
            let order = number.len().cmp(&another.len()).then_with(|| number.cmp(&another));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[left..], &b[right..]);
        } else if first == second {
            (a, b) = (&a[first.len_utf8()..], &b[second.len_utf8()..]);
        } else {
            return first.cmp(&second);
        }
    }
    a.len().cmp(&b.len()).then_with(|| one.cmp(other))
}
