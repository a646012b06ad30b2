//! `skiff get -w`, read as it comes: what a user who watches would have seen, in its order.

use crate::World;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// A running `skiff get -w`, and what it said of each pod that nobody has asked for yet.
#[derive(Debug)]
struct Followed<T> {
    program: Child,
    said: Receiver<(String, T)>,
    held: HashMap<String, VecDeque<T>>,
}

impl<T: Send + 'static> Followed<T> {
    fn begin(world: &World, words: &[&str], read: fn(ChildStdout, &Sender<(String, T)>)) -> Self {
        let mut command = world.skiff_command(words);
        let mut program = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("skiff runs");
        let output = program.stdout.take().expect("its output is a pipe");
        let (sender, said) = channel();
        std::thread::spawn(move || read(output, &sender));
        Self { program, said, held: HashMap::new() }
    }

    /// The next word about a pod; `None` when patience ends.
    fn next(&mut self, pod: &str, end: Instant) -> Option<T> {
        loop {
            if let Some(held) = self.held.get_mut(pod).and_then(VecDeque::pop_front) {
                return Some(held);
            }
            let (about, said) = self.said.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            self.held.entry(about).or_default().push_back(said);
        }
    }
}

impl<T> Drop for Followed<T> {
    fn drop(&mut self) {
        let ended = self.program.kill().and_then(|()| self.program.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "the watch cannot be ended");
    }
}

/// `skiff get pods -w`.
#[derive(Debug)]
pub struct PodWatch(Followed<String>);

impl PodWatch {
    /// Begins to watch.
    #[must_use]
    pub fn begin(world: &World) -> Self {
        let read = |output, sender: &Sender<_>| {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let [name, ready, status, ..] = line.split_whitespace().collect::<Vec<_>>().as_slice()
                    && sender.send(((*name).to_owned(), format!("{ready} {status}"))).is_err()
                {
                    return;
                }
            }
        };
        Self(Followed::begin(world, &["get", "pods", "-w", "--no-headers"], read))
    }

    /// READY and STATUS of a pod, each once in a row, from where the last call ended up to the given one.
    ///
    /// # Panics
    /// When patience ends.
    pub fn until(&mut self, pod: &str, last: &str) -> Vec<String> {
        self.until_within(crate::PATIENCE, pod, last)
    }

    /// The same with another patience.
    ///
    /// # Panics
    /// When it ends.
    pub fn until_within(&mut self, patience: Duration, pod: &str, last: &str) -> Vec<String> {
        let end = Instant::now() + patience;
        let mut seen: Vec<String> = Vec::new();
        while seen.last().map(String::as_str) != Some(last) {
            let shown = self.0.next(pod, end).unwrap_or_else(|| panic!("{pod} never was {last}: {seen:?}"));
            if seen.last() != Some(&shown) {
                seen.push(shown);
            }
        }
        seen
    }

    /// Only the words of STATUS, each once in a row.
    pub fn statuses_until(&mut self, patience: Duration, pod: &str, last: &str) -> Vec<String> {
        let seen = self.until_within(patience, pod, last);
        let words = seen.iter().filter_map(|shown| shown.split_once(' ')).map(|(_, status)| status.to_owned());
        let mut words: Vec<String> = words.collect();
        words.dedup();
        words
    }
}

/// One event as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `Killing`
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// The container that it is about; empty where it is about the pod.
    pub container: String,
}

/// `skiff get events -w`.
#[derive(Debug)]
pub struct EventWatch(Followed<Told>);

impl EventWatch {
    /// Begins to watch.
    #[must_use]
    pub fn begin(world: &World) -> Self {
        let read = |output, sender: &Sender<_>| {
            let documents = serde_json::Deserializer::from_reader(BufReader::new(output)).into_iter::<Value>();
            for event in documents.map_while(Result::ok) {
                let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                let path = text("/involvedObject/fieldPath");
                let container = path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default();
                let told = Told { reason: text("/reason"), message: text("/message"), container: container.to_owned() };
                if sender.send((text("/involvedObject/name"), told)).is_err() {
                    return;
                }
            }
        };
        Self(Followed::begin(world, &["get", "events", "-w", "-o", "json"], read))
    }

    /// The events of a pod in their order, from where the last call ended up to the one that is waited for.
    ///
    /// # Panics
    /// When patience ends.
    pub fn until(&mut self, patience: Duration, pod: &str, is_last: impl Fn(&Told) -> bool) -> Vec<Told> {
        let end = Instant::now() + patience;
        let mut seen: Vec<Told> = Vec::new();
        while !seen.last().is_some_and(&is_last) {
            let told = self.0.next(pod, end);
            seen.push(told.unwrap_or_else(|| panic!("what was waited for was not told of {pod}: {seen:#?}")));
        }
        seen
    }
}

/// The reasons of events, in their order.
#[must_use]
pub fn reasons(events: &[Told]) -> Vec<&str> {
    events.iter().map(|told| told.reason.as_str()).collect()
}
