//! Edits of a text in any encoding: the lines are always those of the whole text.
#![no_main]

use execution_coordinator::frontend::lsp::documents::edit;
use execution_coordinator::frontend::lsp::position::{Encoding, Lines};
use libfuzzer_sys::fuzz_target;
use tower_lsp::ls_types::{Position, Range, TextDocumentContentChangeEvent};

type Edit<'a> = ((u8, u8), (u8, u8), &'a str);

fuzz_target!(|input: (&str, u8, Vec<Edit<'_>>)| {
    let (text, encoding, edits) = input;
    let encoding = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32][usize::from(encoding % 3)];
    let mut text = text.to_owned();
    let mut lines = Lines::new(&text);
    for (start, end, new) in edits {
        let position = |(line, character): (u8, u8)| Position::new(line.into(), character.into());
        let range = Range::new(position(start), position(end));
        edit(
            &mut text,
            &mut lines,
            TextDocumentContentChangeEvent { range: Some(range), range_length: None, text: new.to_owned() },
            encoding,
        );
        assert_eq!(lines, Lines::new(&text));
    }
    for (offset, _) in text.char_indices() {
        let position = lines.position(&text, offset, encoding);
        let back = lines.offset(&text, position, encoding);
        // Inside an end of two characters there is no place.
        assert!(back == offset || (text[..offset].ends_with('\r') && text[offset..].starts_with('\n')));
    }
});
