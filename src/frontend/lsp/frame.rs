//! Frames: headers, a blank line, a body. Whatever comes is told apart and answered, and the
//! next frame is found again.

/// The longest body that is read.
pub const MAX_BODY_BYTES: u64 = 64 << 20;
/// The longest line of a header.
const MAX_HEADER_BYTES: usize = 4 << 10;
const LENGTH: &[u8] = b"content-length:";

/// What came.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// A body.
    Body(Vec<u8>),
    /// Something that is no frame, or one that is not read, and why.
    Bad(String),
}

/// Splits bytes into frames, whatever pieces they come in.
#[derive(Default)]
pub struct Frames {
    pending: Vec<u8>,
    header: Header,
    part: Part,
}

#[derive(Default)]
struct Header {
    length: Option<u64>,
    wrong: Option<String>,
    /// What is wrong with the header, and yet it says where its body ends.
    noise: bool,
}

#[derive(Default)]
enum Part {
    /// Lines of a header.
    #[default]
    Header,
    /// A body of so many bytes.
    Body(usize),
    /// So many bytes that are left aside.
    Skip(u64),
}

impl Frames {
    /// Takes some bytes; gives the frames that end in them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.pending.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut at = 0;
        loop {
            let rest = &self.pending[at..];
            match self.part {
                Part::Skip(left) => {
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    at += skipped;
                    let left = left - skipped as u64;
                    if left > 0 {
                        self.part = Part::Skip(left);
                        break;
                    }
                    self.part = Part::Header;
                }
                Part::Body(length) => {
                    if rest.len() < length {
                        break;
                    }
                    frames.push(Frame::Body(rest[..length].to_vec()));
                    at += length;
                    self.part = Part::Header;
                }
                Part::Header => match rest.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]).to_vec();
                        at += end + 1;
                        frames.extend(self.header_line(&line));
                    }
                    None if rest.len() > MAX_HEADER_BYTES => {
                        // Junk without an end: a header may begin in the last few bytes of it.
                        at += rest.len() - LENGTH.len();
                        if self.header.wrong.is_none() {
                            frames.push(Frame::Bad("a line of a header is too long".into()));
                            self.header.noise = true;
                        }
                        self.header.wrong = Some(String::new());
                        break;
                    }
                    None => break,
                },
            }
        }
        self.pending.drain(..at);
        frames
    }

    /// One line of a header; at its end, what follows from all of them.
    fn header_line(&mut self, line: &[u8]) -> Option<Frame> {
        if line.is_empty() {
            return self.header_end();
        }
        let lower = line.to_ascii_lowercase();
        let bad = |what: &str| {
            Some(format!("{what}: `{}`", String::from_utf8_lossy(&line[..line.len().min(80)])))
        };
        if let Some(begin) = lower.windows(LENGTH.len()).position(|window| window == LENGTH) {
            let value = lower[begin + LENGTH.len()..].trim_ascii();
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            // More digits than a number has are certainly too many bytes.
            let length = digits.then(|| {
                std::str::from_utf8(value)
                    .ok()
                    .and_then(|value| value.parse().ok())
                    .unwrap_or(u64::MAX)
            });
            match length {
                None => self.header.wrong = bad("Content-Length is no number"),
                Some(_) if self.header.length.is_some_and(|known| Some(known) != length) => {
                    self.header.wrong = bad("Content-Length is given twice");
                }
                Some(_) if begin > 0 => {
                    self.header.noise = true;
                    // Of a long run of junk that has been said.
                    self.header.wrong = self.header.wrong.take().or(bad("this is no header"));
                }
                Some(_) => {}
            }
            self.header.length = length.or(self.header.length);
            return None;
        }
        let name = lower.iter().position(|byte| *byte == b':').map(|colon| &lower[..colon]);
        let is_name = |name: &[u8]| {
            !name.is_empty()
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        };
        match name {
            Some(b"content-type") if !is_utf8(&lower) => {
                self.header.wrong = bad("only UTF-8 is understood")
            }
            Some(name) if is_name(name) => {}
            _ => {
                self.header.noise = true;
                self.header.wrong = bad("this is no header");
            }
        }
        None
    }

    fn header_end(&mut self) -> Option<Frame> {
        let Header { length, wrong, noise } = std::mem::take(&mut self.header);
        match (length, wrong) {
            // Blank lines between frames.
            (None, None) => None,
            (None, Some(why)) if why.is_empty() => None,
            (None, Some(why)) => Some(Frame::Bad(why)),
            (Some(length), _) if length > MAX_BODY_BYTES => {
                self.part = Part::Skip(length);
                Some(Frame::Bad(format!(
                    "the body has {length} bytes, at most {MAX_BODY_BYTES} are read"
                )))
            }
            (Some(length), wrong) => {
                // Lengths up to the limit fit.
                let read = wrong.is_none() || noise;
                self.part = if read {
                    Part::Body(usize::try_from(length).unwrap_or(0))
                } else {
                    Part::Skip(length)
                };
                wrong.filter(|why| !why.is_empty()).map(Frame::Bad)
            }
        }
    }
}

fn is_utf8(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    match text.split_once("charset=") {
        Some((_, charset)) => {
            matches!(charset.trim_matches(['"', '\'', ' ', ';']), "utf-8" | "utf8")
        }
        None => true,
    }
}
