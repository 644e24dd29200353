//! The journal: cut at every byte, bits flipped, written by a newer version, kept for ever.

use execution_coordinator::core::event::{Event, Recorded};
use execution_coordinator::journal::recover::{Refusal, recover_bytes};
use execution_coordinator::journal::{Journal, frame};
use std::path::Path;

fn sample() -> (Vec<u8>, Vec<Recorded>) {
    let (journal, _) = crate::simulate::simulate(11).expect("a good seed");
    let mut bytes = Vec::new();
    let mut chain = 0;
    for event in &journal {
        chain = frame::encode(event, chain, &mut bytes).expect("it can be written");
    }
    (bytes, journal)
}

#[test]
fn cut_at_every_byte_it_gives_a_clean_beginning() {
    let (bytes, events) = sample();
    for cut in 0..=bytes.len() {
        let found = recover_bytes(&bytes[..cut], Path::new("journal")).unwrap_or_else(|refusal| panic!("cut at {cut}: {refusal}"));
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(found.events.len(), whole, "cut at {cut}");
        assert_eq!(found.events[..], events[..whole]);
        assert_eq!(found.len + found.torn, cut as u64);
    }
}

#[test]
fn a_flipped_bit_is_noticed_and_named_with_its_line() {
    let (bytes, _) = sample();
    let mut rng = fastrand::Rng::with_seed(1);
    // Also one that makes a digit of a checksum a capital.
    let digit = bytes.windows(9).position(|at| at.starts_with(b"\"crc\":\"") && at[7].is_ascii_alphabetic()).expect("a digit") + 7;
    for turn in 0..300 {
        let mut broken = bytes.clone();
        let (at, bit) = if turn == 0 { (digit, 5) } else { (rng.usize(0..bytes.len()), rng.u8(0..8)) };
        broken[at] ^= 1 << bit;
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        // A flip in the very last line end looks like a line that was being written.
        let last = at + 1 == bytes.len();
        match recover_bytes(&broken, Path::new("journal")) {
            Err(Refusal::Damaged { line: named, .. }) => {
                assert!(named == line || (broken[at] != b'\n' && bytes[at] == b'\n'), "byte {at}: line {named}, not {line}")
            }
            Err(other) => panic!("byte {at}: {other}"),
            Ok(found) => assert!(last && found.torn > 0, "byte {at} was not noticed"),
        }
    }
}

#[test]
fn lines_that_are_missing_doubled_or_moved_are_noticed() {
    let (bytes, _) = sample();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let refused = |lines: Vec<&[u8]>| matches!(recover_bytes(&lines.concat(), Path::new("journal")), Err(Refusal::Damaged { .. }));
    assert!(refused([&lines[..3], &lines[4..]].concat()));
    assert!(refused([&lines[..4], &lines[3..]].concat()));
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert!(refused(swapped));
}

#[test]
fn blocks_that_were_never_written_are_cut_off() {
    let (mut bytes, events) = sample();
    bytes.extend([0; 4096]);
    let found = recover_bytes(&bytes, Path::new("journal")).expect("a good journal");
    assert_eq!((found.events.len(), found.torn), (events.len(), 4096));
}

#[test]
fn what_a_newer_version_wrote_is_refused_with_a_sentence() {
    let line = "{\"seq\":1,\"at\":1,\"event\":{\"opened\":{\"version\":2,\"program\":\"9.0.0\",\"execution\":\"x\",\"breakdown\":\"b\",\"new\":{}}},\"crc\":\"00000000\"}\n";
    let refusal = recover_bytes(line.as_bytes(), Path::new("journal.jsonl")).expect_err("it is newer");
    assert!(
        refusal
            .to_string()
            .starts_with("journal.jsonl: written by a newer version of execution-coordinator (journal version 2, this one knows 1)")
    );
}

/// A journal of the first version must load for ever.
#[test]
fn an_old_journal_still_loads() {
    let bytes = include_bytes!("../data/journal-v1.jsonl");
    let found = recover_bytes(bytes, Path::new("journal-v1.jsonl")).expect("it loads");
    assert_eq!(found.torn, 0);
    assert!(matches!(found.events.last().map(|event| &event.event), Some(Event::ExecutionEnded { .. })));
    assert_eq!(execution_coordinator::core::audit::audit(&found.events), []);
}

#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let (bytes, events) = sample();
    std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("a file");
    let (mut journal, read) = Journal::open(&path).expect("a good journal");
    assert_eq!(read.len(), events.len() - 1);
    journal.append(&events[events.len() - 1..]).expect("written");
    journal.sync().expect("synced");
    assert_eq!(std::fs::read(&path).expect("a file"), bytes);
}

/// A disk of 300 kB, where a file system can be mounted.
#[test]
fn a_full_disk_stops_it_cleanly_and_the_same_run_goes_on() {
    let workspace = crate::support::Workspace::new();
    let disk = workspace.path("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=300k", "tmpfs"])
        .arg(&disk)
        .output()
        .is_ok_and(|done| done.status.success());
    if !mounted {
        eprintln!("no file system can be mounted here: a full disk was not tried");
        return;
    }
    std::fs::create_dir(disk.join(".execution-coordinator")).expect("a folder");
    let tasks: String =
        (1..=40).map(|n| format!("- [ ] Task {n}: t\n  - Depends on: none\n  - Run: head -c 20000 /dev/zero > f{n}; true\n")).collect();
    std::fs::write(disk.join("breakdown.md"), format!("# Full\n\n{tasks}")).expect("a file");
    let run = || crate::support::ended(workspace.command(&["run", "disk/breakdown.md"]).output().expect("the binary"));
    let first = run();
    let room = std::process::Command::new("sh").arg("-c").arg("rm -f f*").current_dir(&disk).status().expect("sh");
    let second = if first.code == 0 {
        None
    } else {
        std::process::Command::new("mount").args(["-o", "remount,size=8m"]).arg(&disk).status().ok().map(|_| run())
    };
    std::process::Command::new("umount").arg("-l").arg(&disk).status().expect("umount");
    assert!(room.success());
    assert!(first.code == 5 && first.stderr.contains("the disk is full: make room"), "{} {}", first.code, first.stderr);
    assert!(!first.stderr.contains("panicked"));
    let second = second.expect("it was run again");
    assert_eq!(second.code, 0, "{}", second.stderr);
}

#[test]
fn nothing_is_written_to_a_journal_that_somebody_else_has_touched() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("emptied", |path| std::fs::write(path, "").unwrap()),
        ("cut off", |path| {
            let text = std::fs::read(path).unwrap();
            std::fs::write(path, &text[..text.len() / 2]).unwrap();
        }),
        ("written to", |path| {
            use std::io::Write;
            std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"{}\n").unwrap();
        }),
        ("edited", |path| {
            let mut text = std::fs::read(path).unwrap();
            text[20] ^= 1;
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
            std::fs::write(path, text).unwrap();
            std::fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
        }),
        ("replaced", |path| {
            let copy = path.with_extension("copy");
            std::fs::copy(path, &copy).unwrap();
            std::fs::rename(copy, path).unwrap();
        }),
        ("a link now", |path| {
            let moved = path.with_extension("moved");
            std::fs::rename(path, &moved).unwrap();
            std::os::unix::fs::symlink(moved, path).unwrap();
        }),
        ("removed", |path| std::fs::remove_file(path).unwrap()),
    ];
    let (_, events) = sample();
    for (what, change) in changes {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let (mut journal, _) = Journal::open(&path).expect("a journal");
        journal.append(&events[..3]).expect("written");
        journal.append(&events[3..4]).expect("written again");
        change(&path);
        let before = std::fs::read(&path).ok();
        let why = journal.append(&events[4..5]).expect_err(what).to_string();
        assert!(why.contains("somebody else has"), "{what}: {why}");
        assert_eq!(std::fs::read(&path).ok(), before, "{what}: nothing was added");
    }
}
