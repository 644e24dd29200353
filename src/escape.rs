//! Texts from elsewhere (breakdowns, agents, names of files), made safe for where they are shown: there they are text
//! and nothing else. What could steer a terminal, begin a heading or a link, or show a text in another order than it has
//! is seen instead.

/// What a reader would not see, or would see only by what it does.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// What stands for it: `␛`, `\u{202e}`.
fn push_visible(out: &mut String, c: char) {
    match u32::from(c) {
        code @ 0..0x20 => out.extend(char::from_u32(0x2400 + code)),
        0x7f => out.push('␡'),
        _ => out.extend(c.escape_unicode()),
    }
}

/// In one line of a terminal, a list or a label: what parts lines is a space.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if acts(c) => push_visible(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// In as many lines as it has.
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if rest.peek() == Some(&'\n') => {}
            c if acts(c) => push_visible(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// In one line of Markdown: no heading, no link, no image and no HTML. Emphasis and code stay what they are.
///
/// After [CommonMark](https://spec.commonmark.org/0.31.2/): of code spans, what is in them is not looked at.
pub fn markdown(text: &str) -> String {
    let text = line(text.trim());
    let mut out = String::with_capacity(text.len());
    if ["#", ">", "|", "```", "~~~", "- ", "* ", "+ ", "---", "==="]
        .iter()
        .any(|begins| text.starts_with(begins))
    {
        out.push('\\');
    }
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at + c.len_utf8()..];
        if c == '`' {
            let ticks = text[at..].len() - text[at..].trim_start_matches('`').len();
            let end = at + ticks + span_len(&text[at + ticks..], ticks).unwrap_or(0);
            out.push_str(&text[at..end]);
            at = end;
            continue;
        }
        let is_markup = match c {
            '<' => rest.starts_with(|next: char| {
                next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')
            }),
            ']' => rest.starts_with(['(', '[', ':']),
            _ => false,
        };
        let escaped = out.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        if is_markup && !escaped {
            out.push('\\');
        }
        out.push(c);
        at += c.len_utf8();
    }
    out
}

/// How far a code span goes on behind so many back quotes, to the end of those that close it.
fn span_len(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let run = text[at + found..].len() - text[at + found..].trim_start_matches('`').len();
        at += found + run;
        if run == ticks {
            return Some(at);
        }
    }
    None
}

/// In a code span of Markdown.
pub fn code(text: &str) -> String {
    line(text).replace('`', "'")
}

/// In XML and so in SVG, and in HTML.
pub fn xml(text: &str) -> String {
    line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// In a quoted label of a Mermaid chart, which takes HTML and Markdown in it: by [entity codes].
///
/// [entity codes]: https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
pub fn mermaid(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in line(text).chars() {
        match c {
            '"' | '<' | '>' | '#' | '&' | '`' | ';' => out.push_str(&format!("#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// In a quoted label of a Graphviz graph.
pub fn dot(text: &str) -> String {
    line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Of a text that is JSON, the same JSON without what could steer a terminal.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) && !matches!(c, '\n' | '\r' | '\t') {
            let mut units = [0; 2];
            c.encode_utf16(&mut units)
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}
