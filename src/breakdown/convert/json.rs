//! Our own JSON, which can hold everything.

use super::{DefaultStream, Writer, same_id};
use crate::breakdown::document::Document;

/// How it is written.
pub const WRITER: Writer = Writer {
    drops_empty_streams: false,
    default_stream: DefaultStream::Never,
    task_id: None,
    stream_id: same_id,
    keeps_short_ids: false,
    write: Document::text,
};
