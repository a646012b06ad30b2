//! The cluster as the verbs see it: its members, a way to ask the daemon of one, and the removal of one.

use super::gossip::View;
use super::transport::Transport;
use super::trust::{Trust, TrustError};
use crate::errors::chain;
use crate::peers::{API_STREAM, ByteStream, Peers};
use futures_util::future::BoxFuture;
use gossip::{Identity, Member as Known, State};
use jiff::Timestamp;
use objects::{Kind, Status};
use pki::datagram::PeerClock;
use std::io;
use tokio::sync::watch;
use wire::{Member, MemberState, Members};

/// See the module.
pub struct ClusterPeers {
    /// This node.
    pub me: Identity,
    /// When it started.
    pub since: Timestamp,
    /// All others.
    pub view: watch::Receiver<View>,
    /// What the protocol counted.
    pub counters: watch::Receiver<gossip::Counters>,
    /// The way to them.
    pub transport: Transport,
    /// The cluster's keys.
    pub trust: Trust,
}

impl ClusterPeers {
    fn member(known: &Known, clock: Option<PeerClock>) -> Member {
        let clock = clock.filter(|_| known.state.is_active());
        Member {
            name: known.identity.name.to_string(),
            state: match known.state {
                State::Alive => MemberState::Alive,
                State::Suspect => MemberState::Suspect,
                State::Down => MemberState::Down,
                State::Left => MemberState::Left,
            },
            since: known.since.wall.as_second(),
            address: known.identity.address.to_string(),
            round_trip_ms: clock.map(|clock| clock.round_trip_us as f64 / 1000.0),
            clock_offset_ms: clock.map(|clock| clock.offset_us as f64 / 1000.0),
            is_self: false,
            instance: known.identity.instance,
            version: known.identity.text.to_string(),
        }
    }

    fn address_of(&self, node: &str) -> io::Result<std::net::SocketAddr> {
        let view = self.view.borrow();
        let found = view.iter().find(|member| member.identity.name.as_str() == node);
        let none = || io::Error::new(io::ErrorKind::NotFound, format!("{node} is no member that this node sees"));
        found.map(|member| member.identity.address).ok_or_else(none)
    }
}

impl Peers for ClusterPeers {
    fn counters(&self) -> Option<gossip::Counters> {
        Some(self.counters.borrow().clone())
    }

    fn members(&self) -> Members {
        let me = Member {
            name: self.me.name.to_string(),
            state: MemberState::Alive,
            since: self.since.as_second(),
            address: self.me.address.to_string(),
            round_trip_ms: None,
            clock_offset_ms: None,
            is_self: true,
            instance: self.me.instance,
            version: self.me.text.to_string(),
        };
        let (view, clocks) = (self.view.borrow().clone(), self.transport.clocks());
        let mut members: Vec<Member> =
            view.iter().map(|known| Self::member(known, clocks.get(known.identity.name.as_str()).copied())).chain([me]).collect();
        members.sort_by(|left, right| left.name.cmp(&right.name));
        let cluster = self.trust.keys().bundle.cluster().to_owned();
        Members { node: self.me.name.to_string(), cluster, as_of: Timestamp::now().as_second(), members }
    }

    fn dial<'a>(&'a self, node: &'a str) -> BoxFuture<'a, io::Result<ByteStream>> {
        Box::pin(async move {
            let address = self.address_of(node)?;
            let stream = self.transport.open_stream(node, address, API_STREAM).await.map_err(io::Error::other)?;
            Ok(Box::new(stream) as ByteStream)
        })
    }

    fn remove<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(async move {
            match self.trust.remove(node).await {
                Ok(_) => Ok(()),
                Err(TrustError::Unknown(_)) => Err(Status::not_found(Kind::Node, node)),
                Err(error) => Err(Status::internal(format!("the node was not removed: {}", chain(&error)))),
            }
        })
    }
}
