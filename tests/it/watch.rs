//! Files that change in the ways in which programs change them.

use execution_coordinator::watch::Watch;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn watch(files: &[&Path]) -> (Watch, Receiver<PathBuf>) {
    let (sender, told) = channel();
    let watch = Watch::new(move |file: &Path| drop(sender.send(file.to_owned())));
    files.iter().for_each(|file| watch.add(file));
    (watch, told)
}

#[test]
fn every_way_to_save_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tasks.md");
    let other = folder.path().join("other");
    fs::write(&file, "1").expect("written");
    let (_watch, told) = watch(&[&file]);
    type Save<'a> = (&'a str, &'a dyn Fn());
    let saves: [Save; 4] = [
        ("written in place", &|| fs::write(&file, "in place").expect("written")),
        ("replaced by another file", &|| {
            fs::write(&other, "replaced").expect("written");
            fs::rename(&other, &file).expect("renamed");
        }),
        ("moved away and written again, as Vim does", &|| {
            fs::rename(&file, &other).expect("renamed");
            fs::write(&file, "written again").expect("written");
        }),
        ("removed", &|| fs::remove_file(&file).expect("removed")),
    ];
    for (how, save) in saves {
        save();
        assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok(file.as_path()), "{how}");
        // A dance of several steps may be seen twice, with the last look at its end.
        while told.recv_timeout(Duration::from_millis(100)).is_ok() {}
    }
    fs::write(&other, "somebody else").expect("written");
    assert!(
        told.recv_timeout(Duration::from_millis(300)).is_err(),
        "what is not watched is not told"
    );
}

#[test]
fn what_appears_later_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let later = folder.path().join("later/deeper");
    let file = later.join("tasks.md");
    let (_watch, told) = watch(&[&file, &later]);
    fs::create_dir_all(&later).expect("a folder");
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok(later.as_path()));
    fs::write(&file, "1").expect("written");
    let mut seen: Vec<PathBuf> = Vec::new();
    while !seen.contains(&file) {
        seen.push(told.recv_timeout(PATIENCE).expect("told"));
    }
    fs::remove_dir_all(folder.path().join("later")).expect("removed");
    seen.clear();
    while !(seen.contains(&file) && seen.contains(&later)) {
        seen.push(told.recv_timeout(PATIENCE).expect("told"));
    }
    fs::create_dir_all(&later).expect("a folder again");
    fs::write(&file, "2").expect("written");
    seen.clear();
    while !seen.contains(&file) {
        seen.push(told.recv_timeout(PATIENCE).expect("told"));
    }
}
