//! What a verb is handed: the connection, the outputs, the clock, the namespace.

use super::failure::Failure;
use crate::args::Common;
use crate::endpoint;
use client::{Address, Client, Driver};
use jiff::{Timestamp, Zoned};
use objects::Kind;
use serde_json::Value;
use std::io::{BufWriter, IsTerminal, Read, Write};
use tokio::sync::{OnceCell, mpsc};
use wire::{GetRequest, ListRequest, ObjectRef, Request, Response, Selection};

/// How this program names itself to a daemon.
const AGENT: &str = concat!("skiff/", env!("CARGO_PKG_VERSION"));

/// Where text comes from and goes to.
pub struct Streams {
    /// What the verb was asked for.
    pub out: Box<dyn Write + Send>,
    /// What a person should know beside it.
    pub err: Box<dyn Write + Send>,
    /// What `-f -` reads.
    pub input: Box<dyn Read + Send>,
    /// Whether a person types what is read.
    pub is_input_terminal: bool,
    /// Whether a person looks at `err`.
    pub is_err_terminal: bool,
    /// The time, in the reader's zone.
    pub clock: fn() -> Zoned,
}

impl Streams {
    /// The process's own.
    pub fn process() -> Self {
        Self {
            out: Box::new(BufWriter::new(std::io::stdout())),
            err: Box::new(std::io::stderr()),
            input: Box::new(std::io::stdin()),
            is_input_terminal: std::io::stdin().is_terminal(),
            is_err_terminal: std::io::stderr().is_terminal(),
            clock: Zoned::now,
        }
    }
}

/// What a verb works with.
pub struct Context {
    client: OnceCell<Client>,
    /// The flags of every verb.
    pub common: Common,
    drivers: mpsc::Sender<Driver>,
    /// The namespace that objects without one are in.
    pub namespace: String,
    /// Whether the user named that namespace.
    pub is_namespace_given: bool,
    /// What the verb was asked for.
    pub out: Box<dyn Write + Send>,
    /// What a person should know beside it.
    pub err: Box<dyn Write + Send>,
    /// What `-f -` reads.
    pub input: Box<dyn Read + Send>,
    /// Whether a person types what is read.
    pub is_input_terminal: bool,
    /// Whether a person looks at `err`.
    pub is_err_terminal: bool,
    clock: fn() -> Zoned,
}

impl Context {
    /// A context without a connection yet. The driver of the one it makes goes to whoever runs the verb.
    pub fn new(common: &Common, streams: Streams, drivers: mpsc::Sender<Driver>) -> Self {
        let Streams { out, err, input, is_input_terminal, is_err_terminal, clock } = streams;
        let namespace = common.namespace.clone().filter(|namespace| !namespace.is_empty());
        Self {
            client: OnceCell::new(),
            common: common.clone(),
            drivers,
            is_namespace_given: namespace.is_some(),
            namespace: namespace.unwrap_or_else(|| "default".to_owned()),
            out,
            err,
            input,
            is_input_terminal,
            is_err_terminal,
            clock,
        }
    }

    /// The time, in the reader's zone.
    pub fn now(&self) -> Zoned {
        (self.clock)()
    }

    /// The time.
    pub fn timestamp(&self) -> Timestamp {
        self.now().timestamp()
    }

    /// The connection, which the first who asks for it makes: a verb that is wrong says so before it needs a daemon.
    pub async fn client(&self) -> Result<&Client, Failure> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    /// Where the daemon is.
    pub fn address(&self) -> Result<Address, Failure> {
        endpoint::address(&self.common).map_err(|error| Failure::message(format!("--node: {error}")))
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let address = self.address()?;
        let (client, driver) = client::connect(&address, AGENT).await?;
        // There is one connection, and so a place for its driver.
        let _ = self.drivers.try_send(driver);
        Ok(client)
    }

    /// Host and port of the daemon, where it is another machine's.
    pub fn remote_address(&self) -> Option<String> {
        match endpoint::address(&self.common) {
            Ok(Address::Tls(remote)) if remote.host.contains(':') => Some(format!("[{}]:{}", remote.host, remote.port)),
            Ok(Address::Tls(remote)) => Some(format!("{}:{}", remote.host, remote.port)),
            _ => None,
        }
    }

    /// The namespace of a kind's objects; empty for kinds that have none.
    pub fn namespace_of(&self, kind: Kind) -> String {
        if kind.is_namespaced() { self.namespace.clone() } else { String::new() }
    }

    /// Names an object of this context's namespace.
    pub fn reference(&self, kind: Kind, name: &str) -> ObjectRef {
        ObjectRef { kind, namespace: self.namespace_of(kind), name: name.to_owned() }
    }

    /// Prints text as it is.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Prints a line.
    pub fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.print(text.as_ref())?;
        self.print("\n")
    }

    /// Prints text that somebody waits for: it is seen at once.
    pub fn print_now(&mut self, text: &str) -> Result<(), Failure> {
        self.print(text)?;
        self.out.flush()?;
        Ok(())
    }

    /// Tells a person something beside the output.
    pub fn note(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        // What was printed before is seen before.
        self.out.flush()?;
        self.err.write_all(format!("{}\n", text.as_ref()).as_bytes())?;
        Ok(())
    }

    /// Passes on what the daemon warns of.
    pub fn warn(&mut self, warnings: &[String]) -> Result<(), Failure> {
        warnings.iter().try_for_each(|warning| self.note(format!("Warning: {warning}")))
    }

    /// One object.
    pub async fn get(&self, object: ObjectRef) -> Result<Value, Failure> {
        match self.client().await?.request(Request::Get(GetRequest { object })).await? {
            Response::Object { object, .. } => Ok(*object),
            other => Err(Failure::unexpected(&other)),
        }
    }

    /// Objects of a kind.
    pub async fn list(&self, kind: Kind, selection: Selection) -> Result<Vec<Value>, Failure> {
        match self.client().await?.request(Request::List(ListRequest { kind, selection, in_parts: true })).await? {
            Response::List(list) => list.items.iter().map(|item| parse_object(item.get())).collect(),
            other => Err(Failure::unexpected(&other)),
        }
    }
}

/// An object that came as text.
pub fn parse_object(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::message(format!("the daemon sent an object that cannot be read: {error}")))
}
