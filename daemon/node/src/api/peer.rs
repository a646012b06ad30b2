//! Who is at the other end of a connection, before anything was asked.

use rest::rights::{Caller, Role};
use std::fmt;

/// Who is at the other end.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A process of this machine: root's, or of the socket's group.
    Process {
        /// Its user.
        uid: u32,
        /// Its number, where the kernel says.
        pid: Option<i32>,
    },
    /// Another node's daemon, by the name in its certificate. It has let its own client in by the same rule as this one.
    Node(String),
    /// A console or client of another machine, by its certificate.
    Console {
        /// The name in it.
        name: String,
        /// The groups in it.
        groups: Vec<String>,
    },
    /// Somebody without a certificate: nobody, unless a token says who.
    Stranger,
}

impl Peer {
    /// Who asks, as far as the connection says.
    pub fn caller(&self) -> Option<Caller> {
        match self {
            Self::Process { uid: 0, .. } => Some(Caller::admin("root")),
            Self::Process { uid, .. } => Some(Caller::admin(&format!("uid:{uid}"))),
            Self::Node(name) => {
                Some(Caller::new(&format!("system:node:{name}"), vec!["system:nodes".to_owned(), Role::Admin.group().to_owned()]))
            }
            Self::Console { name, groups } => Some(Caller::new(name, groups.clone())),
            Self::Stranger => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { uid, pid: Some(pid) } => write!(f, "process {pid} of user {uid}"),
            Self::Process { uid, pid: None } => write!(f, "a process of user {uid}"),
            Self::Node(name) => write!(f, "node {name}"),
            Self::Console { name, .. } => write!(f, "console {name}"),
            Self::Stranger => write!(f, "a stranger"),
        }
    }
}
