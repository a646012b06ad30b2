//! One source of a log: its name, and what is known of how far it came.

/// A line longer than this is cut; the log itself keeps it.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Whose lines they are.
#[derive(Debug, Default)]
pub struct Source {
    /// What stands before its lines, with the blanks that align it with the others.
    pub label: String,
    /// The time of its newest line as the daemon wrote it.
    pub newest: Option<String>,
    unfinished: Vec<u8>,
    /// Lines up to this time are known already and left out: the daemon sends whole seconds again.
    known_until: Option<String>,
}

impl Source {
    /// A source whose lines begin with its name.
    pub fn named(name: String) -> Self {
        Self { label: name, ..Self::default() }
    }

    /// The whole lines that end in these bytes.
    pub fn lines_of(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some(end) = piece.strip_suffix(b"\n") {
                self.keep(end);
                lines.push(self.rest().unwrap_or_default());
            } else {
                self.keep(piece);
            }
        }
        lines
    }

    /// What came after the last end of a line.
    pub fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.unfinished);
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.unfinished.len());
        self.unfinished.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The same log comes again from its newest line on.
    pub fn resume(&mut self) {
        self.unfinished.clear();
        self.known_until.clone_from(&self.newest);
    }

    /// Whether a line of this time was not there before; it is from now on.
    pub fn is_new(&mut self, time: &str) -> bool {
        // Times have the same digits and zone, so they compare as texts.
        if self.known_until.as_deref().is_some_and(|known| time <= known) {
            return false;
        }
        match &mut self.newest {
            Some(newest) => {
                newest.clear();
                newest.push_str(time);
            }
            None => self.newest = Some(time.to_owned()),
        }
        true
    }
}

/// Whether a word is a time as the daemon writes it.
pub fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && (word.ends_with('Z') || bytes[bytes.len() - 6] == b'+')
}
