//! Hands changes of objects on to the loop. Those that come fast are gathered, because waking both threads for each costs more than
//! reading it.

use crate::console::app::msg::Msg;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Changes that follow each other sooner are fast.
const FAST: Duration = Duration::from_millis(4);
/// So long fast ones are gathered at first, by not reading, and so long at the most, while they do not pause: a fraction of the time between
/// two pictures.
const GATHER: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(64));
/// So many are handed on though more could be read.
const MOST: usize = 128;

/// The way to the loop, for the link's thread.
#[derive(Debug)]
pub struct News {
    sender: SyncSender<Msg>,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    changes: Vec<Msg>,
    handed_at: Option<Instant>,
    /// How long was gathered the last time; none where changes paused since.
    gathering: Option<Duration>,
    /// Whether the loop has ended.
    is_over: bool,
}

impl News {
    /// All goes to this channel, in the order in which it was given.
    pub fn new(sender: SyncSender<Msg>) -> Self {
        Self { sender, gathered: Mutex::default() }
    }

    /// A change, which may wait until the thread rests; `false` where nobody listens any more.
    pub fn change(&self, msg: Msg) -> bool {
        let mut gathered = self.gathered();
        gathered.changes.push(msg);
        if gathered.changes.len() >= MOST {
            self.hand_on(&mut gathered);
        }
        !gathered.is_over
    }

    /// Anything else, at once.
    pub fn send(&self, msg: Msg) -> bool {
        self.hand_on(&mut self.gathered());
        self.sender.send(msg).is_ok()
    }

    /// The thread has nothing more to read and is about to wait. Where changes come fast it sleeps, and reads what has come meanwhile in one go.
    pub fn rest(&self) {
        let mut gathered = self.gathered();
        if gathered.changes.is_empty() {
            return;
        }
        gathered.gathering = gathering(&gathered, Instant::now());
        self.hand_on(&mut gathered);
        let Some(gathering) = gathered.gathering else { return };
        drop(gathered);
        std::thread::sleep(gathering);
        self.gathered().handed_at = Some(Instant::now());
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_on(&self, gathered: &mut Gathered) {
        if !gathered.changes.is_empty() {
            gathered.is_over |= gathered.changes.drain(..).any(|msg| self.sender.send(msg).is_err());
            gathered.handed_at = Some(Instant::now());
        }
    }
}

/// How long is gathered now: not at all where changes do not follow soon those that were handed on before, else longer than the last time.
fn gathering(gathered: &Gathered, now: Instant) -> Option<Duration> {
    let is_fast = gathered.handed_at.is_some_and(|at| now.duration_since(at) < FAST);
    is_fast.then(|| gathered.gathering.map_or(GATHER.0, |last| (last * 2).min(GATHER.1)))
}

#[cfg(test)]
mod tests {
    use super::{FAST, GATHER, Gathered, MOST, News, gathering};
    use crate::console::app::msg::{Msg, Wire};
    use crate::console::model::row::Key;
    use objects::Kind;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Instant;

    fn gone(name: &str) -> Msg {
        Msg::Wire(Wire::Remove(Kind::Pod, Key { namespace: "default".into(), name: name.into() }))
    }

    fn come(messages: &Receiver<Msg>) -> usize {
        messages.try_iter().count()
    }

    #[test]
    fn a_change_comes_when_the_thread_rests_and_others_wait_for_none() {
        let (sender, messages) = sync_channel(4 * MOST);
        let news = News::new(sender);
        assert!(news.change(gone("a")));
        assert_eq!(come(&messages), 0);
        news.rest();
        assert_eq!(come(&messages), 1);
        assert!(news.change(gone("b")));
        assert!(news.send(Msg::Time));
        let order: Vec<bool> = messages.try_iter().map(|msg| matches!(msg, Msg::Time)).collect();
        assert_eq!(order, [false, true]);
    }

    #[test]
    fn they_do_not_wait_without_end_and_nobody_is_told_of_them_who_is_gone() {
        let (sender, messages) = sync_channel(4 * MOST);
        let news = News::new(sender);
        for _ in 0..MOST {
            assert!(news.change(gone("c")));
        }
        assert_eq!(come(&messages), MOST);
        drop(messages);
        news.change(gone("d"));
        news.rest();
        assert!(!news.change(gone("e")), "nobody listens");
    }

    #[test]
    fn only_what_follows_soon_is_gathered_and_longer_each_time() {
        let now = Instant::now();
        let mut gathered = Gathered::default();
        assert_eq!(gathering(&gathered, now), None);
        gathered.handed_at = Some(now);
        assert_eq!(gathering(&gathered, now + FAST), None);
        assert_eq!(gathering(&gathered, now + FAST / 2), Some(GATHER.0));
        for _ in 0..4 {
            gathered.gathering = gathering(&gathered, now + FAST / 2);
        }
        assert_eq!(gathered.gathering, Some(GATHER.1));
        assert_eq!(gathering(&gathered, now + FAST), None);
    }
}
