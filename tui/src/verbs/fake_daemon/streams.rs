//! Streams in both directions: a few programs, containers and ports that send back what they get.

use super::{Answers, text_of};
use objects::Status;
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use wire::{AttachRequest, ExecRequest, Request, Response, ServerMessage, StreamEnd, StreamFrame, channel, frame_cost};

/// Who reads the bytes of which request.
#[derive(Default)]
pub(super) struct Inputs(HashMap<u32, mpsc::UnboundedSender<(u8, Vec<u8>)>>);

type Input = mpsc::UnboundedReceiver<(u8, Vec<u8>)>;

impl Inputs {
    pub(super) fn open(&mut self, id: u32) -> Input {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.insert(id, sender);
        receiver
    }

    pub(super) fn pass(&self, frame: &[u8]) {
        let StreamFrame { id, channel, bytes } = StreamFrame::try_from_bytes(frame).expect("a frame");
        // A program that has ended reads no more.
        let _ = self.0[&id].send((channel, bytes.to_vec()));
    }
}

pub(super) async fn answer(id: u32, request: Request, refusal: Option<Status>, mut input: Input, answers: Answers) {
    let result = refusal.map_or(Ok(Response::Stream), Err);
    let is_refused = result.is_err();
    let _ = answers.send(text_of(&ServerMessage::Response { id, result })).await;
    if is_refused {
        return;
    }
    let say = async |channel, bytes: &[u8]| {
        let _ = answers.send(Message::binary(StreamFrame { id, channel, bytes }.to_bytes())).await;
    };
    let end = match request {
        Request::Exec(ExecRequest { command, .. }) if command[0] == "fail" => {
            say(channel::STDOUT, b"half ").await;
            say(channel::STDERR, b"oops\n").await;
            StreamEnd::Exited { code: command[1].parse().expect("a number") }
        }
        Request::Attach(AttachRequest { pod, .. }) if pod == "slow" => {
            say(channel::STDOUT, b"half").await;
            StreamEnd::Failed { status: Status::internal("it was read too slowly") }
        }
        // Nobody writes to it, so nobody says that it is over.
        Request::Attach(AttachRequest { stdin: false, .. }) => StreamEnd::Exited { code: 7 },
        request => {
            while let Some((of, bytes)) = input.recv().await {
                if of != channel::STDIN || bytes.is_empty() {
                    break;
                }
                say(channel::STDOUT, &bytes).await;
                let cost = u32::try_from(frame_cost(bytes.len())).expect("a frame is small");
                say(channel::CREDIT, &cost.to_be_bytes()).await;
            }
            match request {
                Request::Exec(_) => StreamEnd::Exited { code: 0 },
                Request::Attach(_) => StreamEnd::Exited { code: 7 },
                _ => {
                    say(channel::STDOUT, b"").await;
                    StreamEnd::Complete
                }
            }
        }
    };
    let _ = answers.send(text_of(&ServerMessage::End { id, end })).await;
}
