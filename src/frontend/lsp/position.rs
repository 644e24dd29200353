//! Places in a text: bytes, and lines with columns as the client counts them.

use std::ops::Range;
use tower_lsp::ls_types::{Position, PositionEncodingKind, Range as Span};

/// How a client counts columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of two bytes, the default of the protocol.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    /// The best of those that a client offers: the one in which nothing needs to be counted.
    pub fn negotiate(offered: &[PositionEncodingKind]) -> Self {
        let has = |kind| offered.contains(&kind);
        if has(PositionEncodingKind::UTF8) {
            Self::Utf8
        } else if has(PositionEncodingKind::UTF16) || !has(PositionEncodingKind::UTF32) {
            Self::Utf16
        } else {
            Self::Utf32
        }
    }

    /// Its name in the protocol.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn units(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 if text.is_ascii() => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Utf32 => text.chars().count(),
        }
    }
}

/// Where the lines of a text begin. A line ends with `\n`, `\r\n` or `\r`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Of a text.
    pub fn new(text: &str) -> Self {
        let mut starts = Vec::with_capacity(text.len() / 32 + 1);
        starts.push(0);
        push_starts(text, 0, &mut starts);
        Self { starts }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The line that a byte is on, from 0.
    pub fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The bytes of a line, without its end.
    pub fn range(&self, text: &str, line: usize) -> Range<usize> {
        let Some(&start) = self.starts.get(line) else { return text.len()..text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let body = &text[start..end];
        let body = body.strip_suffix('\n').unwrap_or(body);
        let body = body.strip_suffix('\r').unwrap_or(body);
        start..start + body.len()
    }

    /// A place as the client counts it. What is past the end is at the end.
    pub fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_at(offset);
        let start = self.starts.get(line).copied().unwrap_or(0);
        Position::new(line as u32, encoding.units(&text[start..offset]) as u32)
    }

    /// A range as the client counts it.
    pub fn span(&self, text: &str, range: &Range<usize>, encoding: Encoding) -> Span {
        Span::new(
            self.position(text, range.start, encoding),
            self.position(text, range.end, encoding),
        )
    }

    /// The byte of a place. What is past the end of a line is at its end, and what is inside a
    /// character at its start.
    pub fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let range = self.range(text, position.line as usize);
        let wanted = position.character as usize;
        let line = &text[range.clone()];
        if encoding == Encoding::Utf8 || line.is_ascii() {
            let mut column = wanted.min(line.len());
            while !line.is_char_boundary(column) {
                column -= 1;
            }
            return range.start + column;
        }
        let mut units = 0;
        for (at, c) in line.char_indices() {
            let next = units + if encoding == Encoding::Utf16 { c.len_utf16() } else { 1 };
            if next > wanted {
                return range.start + at;
            }
            units = next;
        }
        range.end
    }

    /// Replaces a range of the text, and keeps the lines as those of the new text.
    pub fn replace(&mut self, text: &mut String, range: Range<usize>, new: &str) {
        text.replace_range(range.clone(), new);
        // An end of a line may be two characters, so the lines around the range count too.
        let first = self.line_at(range.start).saturating_sub(1);
        let from = self.starts[first];
        let last = (self.line_at(range.end) + 2).min(self.starts.len());
        let old_end = self.starts.get(last).copied();
        let shift = new.len().wrapping_sub(range.len());
        let tail: Vec<usize> =
            self.starts.drain(first + 1..).skip(last.saturating_sub(first + 1)).collect();
        let until = old_end.map_or(text.len(), |end| end.wrapping_add(shift));
        push_starts(&text[from..until], from, &mut self.starts);
        // The last line found begins where the tail does.
        if old_end.is_some() {
            while self.starts.last().is_some_and(|start| *start >= until && *start > from) {
                self.starts.pop();
            }
        }
        self.starts.extend(tail.into_iter().map(|start| start.wrapping_add(shift)));
    }
}

/// Adds the starts of all lines after the first.
fn push_starts(text: &str, base: usize, starts: &mut Vec<usize>) {
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
            starts.push(base + at + 1);
        }
    }
}
