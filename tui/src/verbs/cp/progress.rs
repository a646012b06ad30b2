//! What a person sees of a copy: how far it is, once it takes long, and what is left out of it.

use crate::copying::Telling;
use crate::verbs::context::Context;
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

/// A copy that is quicker than this says nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const STEP: Duration = Duration::from_millis(250);

/// Told by both directions of a copy.
pub(super) struct Progress<'c> {
    context: RefCell<&'c mut Context>,
    begun: Instant,
    bytes: Cell<u64>,
    /// When the line is drawn next.
    due: Cell<Instant>,
    is_drawn: Cell<bool>,
}

impl<'c> Progress<'c> {
    pub(super) fn new(context: &'c mut Context) -> Self {
        let begun = Instant::now();
        let (bytes, due, is_drawn) = (Cell::new(0), Cell::new(begun + PATIENCE), Cell::new(false));
        Self { context: RefCell::new(context), begun, bytes, due, is_drawn }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) -> io::Result<()> {
        if self.is_drawn.replace(false) {
            self.context.borrow_mut().err.write_all(b"\r\x1b[K")?;
        }
        Ok(())
    }
}

impl Telling for Progress<'_> {
    fn more(&self, bytes: usize) -> io::Result<()> {
        self.bytes.set(self.bytes.get() + bytes as u64);
        let now = Instant::now();
        if now < self.due.get() || !self.context.borrow().is_err_terminal {
            return Ok(());
        }
        self.due.set(now + STEP);
        self.is_drawn.set(true);
        let line = format!("\r\x1b[K{}", line(self.bytes.get(), now - self.begun));
        let mut context = self.context.borrow_mut();
        context.err.write_all(line.as_bytes())?;
        context.err.flush()
    }

    fn note(&self, text: &[u8]) -> io::Result<()> {
        self.clear()?;
        let mut context = self.context.borrow_mut();
        context.err.write_all(text)?;
        context.err.flush()
    }
}

fn line(bytes: u64, taken: Duration) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit behind the point")]
    let mib = bytes as f64 / MIB;
    format!("{mib:.1} MiB copied, {:.1} MiB/s", mib / taken.as_secs_f64().max(0.001))
}

#[cfg(test)]
mod tests {
    use super::line;
    use std::time::Duration;

    #[test]
    fn the_line_tells_how_much_and_how_fast() {
        assert_eq!(line(10 << 20, Duration::from_secs(4)), "10.0 MiB copied, 2.5 MiB/s");
    }
}
