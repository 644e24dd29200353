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
        let found = recover_bytes(&bytes[..cut], Path::new("journal"))
            .unwrap_or_else(|refusal| panic!("cut at {cut}: {refusal}"));
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
    let digit = bytes
        .windows(9)
        .position(|at| at.starts_with(b"\"crc\":\"") && at[7].is_ascii_alphabetic())
        .expect("a digit")
        + 7;
    for turn in 0..300 {
        let mut broken = bytes.clone();
        let (at, bit) =
            if turn == 0 { (digit, 5) } else { (rng.usize(0..bytes.len()), rng.u8(0..8)) };
        broken[at] ^= 1 << bit;
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        // A flip in the very last line end looks like a line that was being written.
        let last = at + 1 == bytes.len();
        match recover_bytes(&broken, Path::new("journal")) {
            Err(Refusal::Damaged { line: named, .. }) => {
                assert!(
                    named == line || (broken[at] != b'\n' && bytes[at] == b'\n'),
                    "byte {at}: line {named}, not {line}"
                )
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
    let refused = |lines: Vec<&[u8]>| {
        matches!(recover_bytes(&lines.concat(), Path::new("journal")), Err(Refusal::Damaged { .. }))
    };
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
    let refusal =
        recover_bytes(line.as_bytes(), Path::new("journal.jsonl")).expect_err("it is newer");
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
    assert!(matches!(
        found.events.last().map(|event| &event.event),
        Some(Event::ExecutionEnded { .. })
    ));
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
    let run = || {
        crate::support::ended(
            workspace.command(&["run", "disk/breakdown.md"]).output().expect("the binary"),
        )
    };
    let first = run();
    let room = std::process::Command::new("sh")
        .arg("-c")
        .arg("rm -f f*")
        .current_dir(&disk)
        .status()
        .expect("sh");
    let second = if first.code == 0 {
        None
    } else {
        std::process::Command::new("mount")
            .args(["-o", "remount,size=8m"])
            .arg(&disk)
            .status()
            .ok()
            .map(|_| run())
    };
    std::process::Command::new("umount").arg("-l").arg(&disk).status().expect("umount");
    assert!(room.success());
    assert!(
        first.code == 5 && first.stderr.contains("the disk is full: make room"),
        "{} {}",
        first.code,
        first.stderr
    );
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
            std::fs::OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"{}\n")
                .unwrap();
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

/// What kind of event it is; of orders and their ends, of which.
fn kind(event: &serde_json::Value) -> String {
    let name = |value: &serde_json::Value| match value {
        serde_json::Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let event_name = name(event);
    match event_name.as_str() {
        "ordered" => format!("ordered {}", name(&event["ordered"]["work"])),
        "ended" => {
            let outcome = &event["ended"]["outcome"];
            let of = name(outcome);
            let repository = if of == "repository" {
                format!(" {}", name(&outcome["repository"]))
            } else {
                String::new()
            };
            format!("ended {of}{repository}")
        }
        _ => event_name,
    }
}

/// All kinds that there are, by the schema.
fn kinds() -> std::collections::BTreeSet<String> {
    let files: std::collections::BTreeMap<&str, String> =
        execution_coordinator::rpc::schema::files().into_iter().collect();
    let schema: serde_json::Value = serde_json::from_str(&files["events.json"]).expect("JSON");
    let of = |name: &str| -> Vec<String> {
        let variants = schema["$defs"][name]["oneOf"].as_array().expect("variants").iter();
        let names = |variant: &serde_json::Value| match variant["properties"].as_object() {
            Some(properties) => properties.keys().cloned().collect(),
            None => variant["enum"].as_array().map_or_else(
                || variant["const"].as_str().map(str::to_owned).into_iter().collect(),
                |words| {
                    words
                        .iter()
                        .filter_map(|word| word.as_str().map(str::to_owned))
                        .collect::<Vec<_>>()
                },
            ),
        };
        variants.flat_map(names).collect()
    };
    let each = |event: String| match event.as_str() {
        "ordered" => of("Work").into_iter().map(|work| format!("ordered {work}")).collect(),
        "ended" => {
            let plain = of("Outcome")
                .into_iter()
                .filter(|outcome| outcome != "repository")
                .map(|outcome| format!("ended {outcome}"));
            plain
                .chain(
                    of("RepositoryOutcome")
                        .into_iter()
                        .map(|outcome| format!("ended repository {outcome}")),
                )
                .collect()
        }
        _ => vec![event],
    };
    of("Event").into_iter().flat_map(each).collect()
}

#[test]
fn every_kind_of_event_is_in_a_journal_that_is_kept_for_ever() {
    const KEPT: &str = "tests/data/journal-kinds.jsonl";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    let bytes = std::fs::read(&path).unwrap_or_default();
    let found = recover_bytes(&bytes, &path).unwrap_or_else(|refusal| {
        panic!("{refusal}: a journal that was written can't be read any more")
    });
    assert_eq!((found.torn, found.len), (0, bytes.len() as u64));
    let kept: std::collections::BTreeSet<String> = found
        .events
        .iter()
        .map(|recorded| kind(&serde_json::to_value(&recorded.event).expect("JSON")))
        .collect();
    let mut missing: Vec<String> = kinds().difference(&kept).cloned().collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() && !missing.is_empty() {
        // Added at the end; what is there is never written again.
        let (mut bytes, mut chain, mut seq) = (bytes, found.chain, found.events.len() as u64);
        for seed in 0..3_000 {
            for recorded in
                crate::simulate::simulate(seed).map(|(journal, _)| journal).unwrap_or_default()
            {
                let of = kind(&serde_json::to_value(&recorded.event).expect("JSON"));
                if let Some(at) = missing.iter().position(|kind| *kind == of) {
                    missing.remove(at);
                    seq += 1;
                    chain = frame::encode(&Recorded { seq, ..recorded }, chain, &mut bytes)
                        .expect("it can be written");
                }
            }
        }
        std::fs::write(&path, bytes).expect("written");
    }
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "kinds of events that are in no kept journal: `UPDATE_EXPECT=1` adds those that a simulation has"
    );
}

#[test]
fn what_a_newer_version_has_words_for_is_no_damage() {
    let (mut bytes, events) = sample();
    let chain = recover_bytes(&bytes, Path::new("journal")).expect("sound").chain;
    let body = format!("{{\"seq\":{},\"at\":9,\"event\":{{\"invented\":{{}}}}", events.len() + 1);
    let mut hasher = crc32fast::Hasher::new_with_initial(chain);
    hasher.update(body.as_bytes());
    bytes.extend(format!("{body},\"crc\":\"{:08x}\"}}\n", hasher.finalize()).bytes());
    let refusal = recover_bytes(&bytes, Path::new("journal")).expect_err("unknown").to_string();
    assert!(
        refusal.contains("written by a newer version of execution-coordinator")
            && !refusal.contains("damaged"),
        "{refusal}"
    );
}
