//! Whatever comes, in whatever pieces: the same frames, and a good frame after it is found.
#![no_main]

use execution_coordinator::frontend::lsp::frame::{Frame, Frames};
use libfuzzer_sys::fuzz_target;

fn bodies(bytes: &[u8], piece: usize) -> Vec<Frame> {
    let mut frames = Frames::default();
    bytes.chunks(piece).flat_map(|piece| frames.push(piece)).filter(|frame| matches!(frame, Frame::Body(_))).collect()
}

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = input;
    // A body may be longer than what came, so pieces are compared, not the end.
    let whole = bodies(bytes, bytes.len().max(1));
    let pieces = bodies(bytes, usize::from(piece).max(1));
    // Only how much junk stands before a header may depend on the pieces.
    if bytes.len() < 4096 {
        assert_eq!(whole, pieces);
    }
});
