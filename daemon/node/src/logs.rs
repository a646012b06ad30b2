//! Reading a container's log: files in CRI format, across rotation, backwards for a tail, and on as they grow.
//!
//! A line is `<RFC 3339 time> stdout|stderr F|P <text>`; `P` is a part of a line that goes on with the next entry of its stream
//! (`cri-client/pkg/logs/logs.go`). The writer is the pod's supervisor: it ends a write before it renames `0.log` to
//! `0.log.<time>` and opens the file anew, so a file that has another name now gets no more.

mod line;
mod reader;
mod tail;
mod watcher;

pub use line::Stream;
pub use reader::{Chunk, LogOptions, LogReader, Streams};
pub use watcher::Watcher;
