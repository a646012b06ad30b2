//! What HTTP alone costs: a server that keeps what it is sent in a map, and answers lists with bytes that it has ready.

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixListener;

/// A running one, in a thread of its own; it ends with the program.
pub struct Ceiling {
    /// Its socket.
    pub socket: PathBuf,
}

/// What it keeps.
struct Kept {
    table: Bytes,
    objects: Mutex<BTreeMap<String, Value>>,
}

impl Ceiling {
    /// Starts one that answers lists with this.
    pub async fn start(table: Bytes) -> Result<Self> {
        let socket = std::env::temp_dir().join(format!("skiff-bench-ceiling-{}.sock", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(serve(listener, Arc::new(Kept { table, objects: Mutex::default() })))
        });
        Ok(Self { socket })
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        // What is left of a temporary folder is the system's to remove.
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn serve(listener: std::os::unix::net::UnixListener, kept: Arc<Kept>) -> Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await?;
                let kept = kept.clone();
                let service = service_fn(move |request| answer(request, kept.clone()));
                tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        })
        .await
}

async fn answer(request: Request<Incoming>, kept: Arc<Kept>) -> Result<Response<Full<Bytes>>> {
    if request.method() == Method::GET {
        return Ok(Response::new(Full::from(kept.table.clone())));
    }
    let body = request.into_body().collect().await?.to_bytes();
    let mut object: Value = serde_json::from_slice(&body)?;
    let mut objects = kept.objects.lock().unwrap_or_else(PoisonError::into_inner);
    object["metadata"]["resourceVersion"] = objects.len().to_string().into();
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let text = object.to_string();
    objects.insert(name, object);
    Ok(Response::new(Full::from(text)))
}
