//! What is typed to a program elsewhere and was not sent yet, and the size of its terminal: shared by the loop, which never waits, and the
//! link's thread, which waits until the program takes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use wire::TerminalSize;

/// The most bytes that wait for a program that does not read: a large paste.
const MAX_BYTES: usize = 1024 * 1024;

/// The keyboard and the window of a program's terminal.
#[derive(Debug, Clone)]
pub struct Keyboard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    typed: Mutex<Typed>,
    news: Notify,
    size: watch::Sender<TerminalSize>,
}

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether no more follow.
    pub is_finished: bool,
}

/// The program does not read, and there is no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Keyboard {
    /// One of a terminal of this size.
    pub fn new(size: TerminalSize) -> Self {
        Self(Arc::new(Shared { typed: Mutex::default(), news: Notify::new(), size: watch::Sender::new(size) }))
    }

    /// Types bytes, all or none of them; nothing is the end of the input.
    ///
    /// # Errors
    /// Where too much waits already.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Full> {
        let mut typed = self.typed();
        if typed.bytes.len() + bytes.len() > MAX_BYTES {
            return Err(Full);
        }
        typed.bytes.extend_from_slice(bytes);
        typed.is_finished |= bytes.is_empty();
        drop(typed);
        self.0.news.notify_one();
        Ok(())
    }

    /// The window has another size.
    pub fn resize(&self, size: TerminalSize) {
        self.0.size.send_replace(size);
    }

    /// All that was typed since, once there is something. One task takes it.
    pub async fn take(&self) -> Typed {
        loop {
            let typed = std::mem::take(&mut *self.typed());
            if typed != Typed::default() {
                return typed;
            }
            // A note that came before is kept for us.
            self.0.news.notified().await;
        }
    }

    /// The window's size, as it changes.
    pub fn size(&self) -> watch::Receiver<TerminalSize> {
        self.0.size.subscribe()
    }

    /// Whether nobody else has it: its program has ended.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn typed(&self) -> MutexGuard<'_, Typed> {
        self.0.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Keyboard, MAX_BYTES, Typed};
    use wire::TerminalSize;

    #[tokio::test]
    async fn what_was_typed_comes_together_and_in_order_and_the_size_is_the_newest() {
        let size = |columns| TerminalSize { columns, rows: 24 };
        let keyboard = Keyboard::new(size(80));
        let other = keyboard.clone();
        assert!(!keyboard.is_alone());
        let mut window = other.size();
        for letter in ["l", "s", "\r"] {
            keyboard.write(letter.as_bytes()).expect("there is room");
        }
        assert_eq!(other.take().await, Typed { bytes: b"ls\r".to_vec(), is_finished: false });
        keyboard.write(b"x").expect("there is room");
        keyboard.write(b"").expect("there is room");
        assert_eq!(other.take().await, Typed { bytes: b"x".to_vec(), is_finished: true });
        keyboard.resize(size(100));
        keyboard.resize(size(120));
        assert_eq!(*window.borrow_and_update(), size(120));
        drop((other, window));
        assert!(keyboard.is_alone());
    }

    #[test]
    fn of_a_program_that_does_not_read_only_so_much_waits() {
        let keyboard = Keyboard::new(TerminalSize { columns: 80, rows: 24 });
        assert_eq!(keyboard.write(&vec![b'x'; MAX_BYTES]), Ok(()));
        assert_eq!(keyboard.write(b"y"), Err(Full));
    }
}
