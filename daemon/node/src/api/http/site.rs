//! One request: who asks, for what, whether they may, and who answers.

use super::super::connection;
use super::super::peer::Peer;
use super::answer::{self, Body};
use super::carried;
use super::exchange::Exchanged;
use super::streaming::{self, Afterwards, Switch};
use super::{body, log, metrics, one_way, patch, plain, proxy, read, scale, subresource, watch, write};
use crate::cluster::trust::wall_ms;
use crate::telemetry::Answer;
use crate::verbs::Verbs;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, UPGRADE, USER_AGENT};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use objects::{Kind, Status};
use pki::bearer::Bearer;
use rest::accept::{self, Encoding, Form, Wanted};
use rest::query::Query;
use rest::resource::{Backing, Subresource};
use rest::rights::{Action, Caller};
use rest::route::{self, Route, Target};
use rest::view::View;
use rest::{exposition, refusal, review};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What is wanted where what is accepted does not matter.
const PLAIN: Wanted = Wanted { form: Form::Whole, encoding: Encoding::Json };

/// Requests of a connection at once whose bodies are kept; more wait.
const BODIES_AT_ONCE: usize = 32;

/// A connection that becomes something else.
pub struct Upgrade {
    on: OnUpgrade,
    afterwards: Afterwards,
}

impl Upgrade {
    /// Does it, to the connection's end.
    pub async fn run(self) {
        // An error says that the connection broke before: there is nothing left to do.
        if let Ok(upgraded) = self.on.await {
            (self.afterwards)(TokioIo::new(upgraded)).await;
        }
    }
}

/// What all requests of a connection share.
pub struct Site {
    verbs: Arc<Verbs>,
    peer: Peer,
    upgrade: Mutex<Option<Upgrade>>,
    bodies: Semaphore,
    /// Whether somebody who is known has asked for something.
    has_let_in: AtomicBool,
}

/// A request for objects, before its body is read.
pub struct Asked {
    /// For which.
    pub target: Target,
    /// Their kind.
    pub kind: Kind,
    /// In which words of authorization.
    pub verb: &'static str,
    /// The URL's query.
    pub query: Query,
    /// Which form of answer.
    pub wanted: Wanted,
    /// The headers.
    pub headers: HeaderMap,
}

impl Asked {
    /// The API group.
    pub fn group(&self) -> &'static str {
        self.target.resource.group
    }

    /// In which version the objects are asked for.
    pub fn view(&self) -> View {
        self.target.resource.view
    }

    /// The name of the subresource; empty for the object itself.
    pub fn below(&self) -> &'static str {
        self.target.subresource.map_or("", |below| below.name)
    }
}

impl Site {
    /// Of a connection with this peer.
    pub fn new(verbs: Arc<Verbs>, peer: Peer) -> Self {
        let bodies = Semaphore::new(BODIES_AT_ONCE);
        Self { verbs, peer, upgrade: Mutex::default(), bodies, has_let_in: AtomicBool::new(false) }
    }

    /// Whether somebody who is known has asked for something.
    pub fn has_let_in(&self) -> bool {
        self.has_let_in.load(Ordering::Relaxed)
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What the connection has become.
    pub fn take_upgrade(&self) -> Option<Upgrade> {
        self.upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Answers a request, whatever it is.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let agent = text(&parts.headers, USER_AGENT.as_str());
        let is_pretty = accept::is_pretty(query.choice("pretty"), agent);
        let wanted = accept::negotiate(text(&parts.headers, ACCEPT.as_str())).map(|wanted| match wanted.encoding {
            Encoding::Json if is_pretty => Wanted { encoding: Encoding::Pretty, ..wanted },
            _ => wanted,
        });
        let encoding = wanted.map_or(Encoding::Json, |wanted| wanted.encoding);
        let route = route::parse(parts.uri.path());
        let begun = Instant::now();
        let target = if let Some(Route::Object(target)) = &route { Some(target) } else { None };
        let answered = Answer {
            verb: target.map_or(Some("get"), |target| verb(&parts.method, target, &query)),
            resource: target.map(|target| target.resource),
            subresource: target.and_then(|target| target.subresource).map_or("", |below| below.name),
            code: 0,
            took: Duration::ZERO,
        };
        let (group, view) = match &route {
            Some(Route::Object(target)) => (target.resource.group, target.resource.view),
            _ => ("", View::Own),
        };
        let response = match self.respond(route, (parts, body), query, wanted).await {
            Ok(response) => response,
            Err(status) => answer::refusal(&view.shown_status(status), group, encoding),
        };
        let (code, took) = (response.status().as_u16(), begun.elapsed());
        self.verbs.telemetry().answered(Answer { code, took, ..answered });
        response
    }

    async fn respond(
        &self,
        route: Option<Route>,
        (mut parts, body): (Parts, Incoming),
        query: Query,
        wanted: Option<Wanted>,
    ) -> Result<Response<Body>, Status> {
        let caller = self.caller(&parts.headers)?;
        self.has_let_in.store(true, Ordering::Relaxed);
        let target = match route {
            // A person at a terminal reads the text; it is also what Kubernetes says.
            None => return Ok(answer::nothing_there()),
            Some(Route::Console) => return self.console(&mut parts, &caller),
            Some(Route::Object(target)) => target,
            Some(route) => {
                caller.allow(&Action { verb: "get", path: parts.uri.path(), ..Action::default() })?;
                if parts.method != Method::GET {
                    return Err(refusal::method_not_allowed());
                }
                if route == Route::Metrics {
                    return Ok(answer::bytes(StatusCode::OK, exposition::MEDIA, self.verbs.exposition().await));
                }
                // OpenAPI 2 is asked for in a form of its own.
                let wanted = if route == Route::OpenApi2 {
                    wanted.unwrap_or(PLAIN)
                } else {
                    wanted.ok_or_else(refusal::not_acceptable)?
                };
                return plain::answer(&route, &query, wanted, &parts.headers);
            }
        };
        let verb = verb(&parts.method, &target, &query).ok_or_else(refusal::method_not_allowed)?;
        caller.allow(&action(verb, &target))?;
        let known = target.subresource.map_or(target.resource.verbs, |below| below.verbs);
        if !known.contains(&verb) {
            return Err(refusal::method_not_allowed());
        }
        let is_log = target.subresource.is_some_and(|below| below.name == "log");
        // A log is text, whatever else is accepted.
        let wanted = if is_log { wanted.unwrap_or(PLAIN) } else { wanted.ok_or_else(refusal::not_acceptable)? };
        let headers = parts.headers.clone();
        let _place = if keeps_body(verb, &target) { Some(self.bodies.acquire().await) } else { None };
        match target.resource.backing {
            Backing::Objects(kind) => self.objects(Asked { target, kind, verb, query, wanted, headers }, parts, body).await,
            Backing::Metrics(of) => metrics::answer(&self.verbs, of, &target, &query, wanted).await,
            Backing::Review(review) => {
                let object = body::object(body, &headers).await?.unwrap_or_default();
                let object = write::of_kind(object, target.resource)?;
                let answered = review::answer(review, object, &caller, |token| self.bearer(token).ok());
                Ok(answer::value(StatusCode::CREATED, &answered, wanted.encoding))
            }
        }
    }

    async fn below(
        &self,
        asked: &Asked,
        below: &Subresource,
        (mut parts, body): (Parts, Incoming),
    ) -> Result<Response<Body>, Status> {
        let verbs = &self.verbs;
        if let Some(node) = carried::elsewhere(verbs, &self.peer, &asked.target) {
            return Ok(self.exchanged(carried::carry(verbs, &node, parts, body).await?));
        }
        match below.name {
            "log" if one_way::is_asked(&parts) => Ok(self.switch(one_way::bytes(&mut parts, log::chunks(verbs, asked).await?)?)),
            "log" => log::answer(verbs, asked).await,
            "proxy" => Ok(self.exchanged(proxy::answer(verbs, asked, parts, body).await?)),
            "exec" | "attach" => Ok(self.switch(streaming::command(verbs, asked, &mut parts).await?)),
            "portforward" => Ok(self.switch(streaming::port_forward(verbs, asked, &mut parts)?)),
            "scale" => scale::answer(verbs, asked, body).await,
            name => subresource::answer(verbs, asked, name, body).await,
        }
    }

    fn exchanged(&self, exchanged: Exchanged) -> Response<Body> {
        match exchanged {
            Exchanged::Answer(response) => response,
            Exchanged::Switch(switch) => self.switch(switch),
        }
    }

    async fn objects(&self, asked: Asked, mut parts: Parts, body: Incoming) -> Result<Response<Body>, Status> {
        let verbs = &self.verbs;
        if let Some(below) = asked.target.subresource {
            return self.below(&asked, below, (parts, body)).await;
        }
        match asked.verb {
            "get" => read::get(verbs, &asked).await,
            "list" => read::list(verbs, &asked),
            "watch" if one_way::is_asked(&parts) => Ok(self.switch(watch::over_websocket(verbs, &asked, &mut parts)?)),
            "watch" => watch::answer(verbs, &asked),
            "create" => write::create(verbs, &asked, body).await,
            "update" => write::update(verbs, &asked, body).await,
            "patch" => patch::answer(verbs, &asked, body).await,
            "delete" => write::delete(verbs, &asked, body).await,
            "deletecollection" => write::delete_collection(verbs, &asked, body).await,
            _ => Err(refusal::method_not_allowed()),
        }
    }

    /// Who asks: a token says it, or the connection.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Status> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return self.peer.caller().ok_or_else(refusal::unauthorized);
        };
        let token = header.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        self.bearer(token.ok_or_else(refusal::unauthorized)?)
    }

    /// Whom a token is for.
    fn bearer(&self, token: &str) -> Result<Caller, Status> {
        let keys = self.verbs.keys().ok_or_else(refusal::unauthorized)?;
        let bearer = Bearer::check(token, &keys.bundle, wall_ms()).map_err(|_| refusal::unauthorized())?;
        Ok(Caller::new(&bearer.name, bearer.groups))
    }

    /// The console's websocket: what it may do is decided request by request.
    fn console(&self, parts: &mut Parts, caller: &Caller) -> Result<Response<Body>, Status> {
        let key = websocket_key(parts).ok_or_else(|| {
            Status::bad_request("this is the way for the console: it is a websocket, and the request does not ask for one")
        })?;
        let on = streaming::take_upgrade(parts)?;
        let (verbs, peer, caller) = (self.verbs.clone(), self.peer.clone(), caller.clone());
        let afterwards: Afterwards = Box::new(move |stream| {
            Box::pin(async move {
                let config = Some(connection::configuration());
                let socket = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
                connection::serve(socket, peer, caller, verbs).await;
            })
        });
        Ok(self.switch(Switch { response: streaming::websocket(&key, None), on, afterwards }))
    }

    /// Keeps what the connection becomes; the answer that says so.
    fn switch(&self, switch: Switch) -> Response<Body> {
        let Switch { response, on, afterwards } = switch;
        *self.upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(Upgrade { on, afterwards });
        response
    }
}

/// The key of a request for a websocket; none where it is not one.
pub fn websocket_key(parts: &Parts) -> Option<String> {
    let has = |name: &str, word: &str| {
        text(&parts.headers, name).is_some_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let is_asked = parts.method == Method::GET && has(UPGRADE.as_str(), "websocket") && has(CONNECTION.as_str(), "upgrade");
    text(&parts.headers, "sec-websocket-key").filter(|_| is_asked).map(str::to_owned)
}

/// A header's text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The verb of a request, as authorization names it.
fn verb(method: &Method, target: &Target, query: &Query) -> Option<&'static str> {
    let is_one = target.name.is_some();
    Some(match *method {
        Method::GET if query.flag("watch") && target.subresource.is_none() => "watch",
        Method::GET if is_one => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if is_one => "delete",
        Method::DELETE => "deletecollection",
        _ => return None,
    })
}

/// Whether a request's body is kept until it is answered. Streams keep none, and last.
fn keeps_body(verb: &str, target: &Target) -> bool {
    let is_stream = |name: &str| matches!(name, "attach" | "exec" | "portforward" | "proxy");
    !matches!(verb, "get" | "list" | "watch") && !target.subresource.is_some_and(|below| is_stream(below.name))
}

fn action<'a>(verb: &'a str, target: &'a Target) -> Action<'a> {
    Action {
        verb,
        group: target.resource.group,
        resource: target.resource.plural,
        subresource: target.subresource.map_or("", |below| below.name),
        namespace: target.namespace(),
        name: target.name.as_deref().unwrap_or_default(),
        path: "",
    }
}
