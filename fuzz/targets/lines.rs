//! Whatever comes, in whatever pieces: the same lines, and each value is told apart.
#![no_main]

use execution_coordinator::frontend::envelope::{self, Message};
use execution_coordinator::frontend::line::{Line, Splitter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = input;
    let lines = |piece: usize| {
        let mut splitter = Splitter::default();
        let mut lines: Vec<Line> = bytes.chunks(piece).flat_map(|piece| splitter.push(piece)).collect();
        lines.extend(splitter.end());
        lines
    };
    let whole = lines(bytes.len().max(1));
    assert_eq!(whole, lines(usize::from(piece).max(1)));
    for line in whole {
        if let Line::Whole(line) = line
            && let Ok(value) = serde_json::from_slice(&line)
            && let Message::Invalid(answer) = envelope::read(value)
        {
            assert!(answer["error"]["code"].is_i64() && answer.get("id").is_some());
        }
    }
});
