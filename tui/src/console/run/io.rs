//! The two threads beside the loop: one reads keys, the other holds the link and hears signals.

use super::lists::Lists;
use super::news::News;
use crate::console::app::msg::{Msg, Wire};
use crate::console::link::{self, Command, Delta};
use crate::console::model::project;
use crate::console::term::input::{self, Input};
use crate::console::term::signals::{self, Notice};
use anyhow::Context;
use client::Address;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use tokio::sync::mpsc;

/// Messages that may wait; the threads stop when there are so many, and the daemon's streams with them.
const MESSAGES: usize = 1_024;
/// Commands to the daemon that may wait.
const COMMANDS: usize = 256;

/// What is read from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// Keys, as they are pressed.
    Keys,
    /// Lines, when they are finished.
    Lines,
    /// Nothing.
    Nothing,
}

/// Starts both.
pub fn start(address: Address, typing: Typing) -> anyhow::Result<(mpsc::Sender<Command>, Receiver<Msg>)> {
    let (sender, messages) = sync_channel(MESSAGES);
    let (commands, receiver) = mpsc::channel(COMMANDS);
    let keys = sender.clone();
    match typing {
        Typing::Keys => input::start(move |input| keys.send(Msg::Input(input)).is_ok()),
        Typing::Lines => std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || super::plain::read_lines(&|msg| keys.send(msg).is_ok()))
            .map(drop),
        Typing::Nothing => Ok(()),
    }
    .context("cannot start the thread that reads keys")?;
    let news = Arc::new(News::new(sender.clone()));
    let resting = news.clone();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().on_thread_park(move || resting.rest()).build().context("cannot start the link")?;
    std::thread::Builder::new()
        .name("link".to_owned())
        .spawn(move || {
            let tasks = tokio::task::LocalSet::new();
            tasks.spawn_local(async move {
                // Without handlers the signals do what they do by default, which is to end the program.
                let _ = signals::pass_on(|notice| sender.send(message_of(notice)).is_ok()).await;
            });
            let lists = RefCell::new(Lists::default());
            let sink: Rc<dyn Fn(Delta) -> bool> = Rc::new(move |delta| pass_on(&news, &mut lists.borrow_mut(), delta));
            runtime.block_on(tasks.run_until(link::drive(address, receiver, sink)));
        })
        .context("cannot start the link's thread")?;
    Ok((commands, messages))
}

fn message_of(notice: Notice) -> Msg {
    match notice {
        Notice::End => Msg::Input(Input::Gone),
        Notice::Suspend => Msg::Suspend,
        Notice::Resized | Notice::Continued => {
            let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
            Msg::Resized(columns, rows)
        }
    }
}

/// Cuts objects down to rows here, beside the loop, so that no key waits for a long list.
fn pass_on(news: &News, lists: &mut Lists, delta: Delta) -> bool {
    let wire = match delta {
        Delta::Standing(standing) => Wire::Standing(standing),
        Delta::RoundTrip(time) => Wire::RoundTrip(time),
        Delta::List { kind, part } => match lists.take(kind, part) {
            Some(wire) => wire,
            None => return true,
        },
        Delta::Changed { kind, object } => match project::row(kind, &object) {
            Some(row) => return news.change(Msg::Wire(Wire::Put(kind, Box::new(row)))),
            None => return true,
        },
        Delta::Gone { kind, object } => {
            let object: serde_json::Value = serde_json::from_str(object.get()).unwrap_or_default();
            match project::key(&object) {
                Some(key) => return news.change(Msg::Wire(Wire::Remove(kind, key))),
                None => return true,
            }
        }
        Delta::Refused { kind, why } => Wire::Refused(kind, why),
        Delta::Answer { id, result } => Wire::Answer(id, result),
        Delta::Progress { id, step } => Wire::Progress(id, step),
        Delta::Log { id, bytes } => Wire::Log(id, bytes),
        Delta::Forward { id, report } => Wire::Forward(id, report),
        Delta::Copied { id, bytes } => Wire::Copied(id, bytes),
        Delta::CopyEnd { id, result } => Wire::CopyEnd(id, result),
        Delta::LogEnd { id, failure } => Wire::LogEnd(id, failure),
        Delta::Pane { id, news } => Wire::Pane(id, news),
    };
    news.send(Msg::Wire(wire))
}
