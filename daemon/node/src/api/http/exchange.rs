//! Asks another HTTP server what a client asked us, and gives back its answer, or the connection that it made of it.

use super::answer::Body;
use super::streaming::{Afterwards, Switch};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};

/// What the other server answered.
pub enum Exchanged {
    /// An answer, to be passed on.
    Answer(Response<Body>),
    /// That the connection is another one now: bytes are passed on both ways.
    Switch(Switch),
}

/// A connection that moves its requests' and answers' bytes; none once it has ended.
type Moving = Option<BoxFuture<'static, hyper::Result<()>>>;

/// Sends a request over a connection of its own. `ours` is the client's, where it wants to make something else of it.
///
/// # Errors
/// Why there is no answer, in words.
pub async fn exchange<S>(stream: S, request: Request<Incoming>, ours: Option<OnUpgrade>) -> Result<Exchanged, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let mut moving: Moving = Some(Box::pin(connection.with_upgrades()));
    let mut response = {
        let mut sending = pin!(sender.send_request(request));
        let sent = tokio::select! {
            biased;
            sent = &mut sending => sent,
            ended = drive(&mut moving) => match ended {
                // Its last act may have been the answer.
                Ok(()) => sending.await,
                Err(error) => Err(error),
            },
        };
        sent.map_err(|error| error.to_string())?
    };
    let (StatusCode::SWITCHING_PROTOCOLS, Some(on)) = (response.status(), ours) else {
        return Ok(Exchanged::Answer(response.map(|body| Driven { moving, body }.boxed_unsync())));
    };
    let theirs = hyper::upgrade::on(&mut response);
    let response = response.map(|_| Empty::new().map_err(|never| match never {}).boxed_unsync());
    let afterwards: Afterwards = Box::new(move |mut near| {
        Box::pin(async move {
            // The connection is moved until it is ours; an error shows there, too.
            let (_, theirs) = tokio::join!(drive(&mut moving), theirs);
            if let Ok(far) = theirs {
                // Either side's end ends the other.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut TokioIo::new(far)).await;
            }
        })
    });
    Ok(Exchanged::Switch(Switch { response, on, afterwards }))
}

/// Moves a connection to its end.
async fn drive(moving: &mut Moving) -> hyper::Result<()> {
    match moving {
        Some(connection) => {
            let ended = connection.await;
            *moving = None;
            ended
        }
        None => Ok(()),
    }
}

/// An answer, and the connection that it comes over.
struct Driven {
    moving: Moving,
    body: Incoming,
}

impl hyper::body::Body for Driven {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(connection) = &mut self.moving
            && connection.poll_unpin(cx).is_ready()
        {
            // What it has read is in the body; an error shows there, too.
            self.moving = None;
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(io::Error::other)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
