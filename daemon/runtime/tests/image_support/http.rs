//! A small HTTP server for tests: each request is answered by a function, and seen requests can be asked for.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    /// Lower case names.
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Ends the connection after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// The length the header claims, if it is not the body's.
    pub claimed_length: Option<usize>,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: Vec::new(), body: body.into(), cut_after: None, claimed_length: None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answer = dyn Fn(&Request) -> Response + Send + Sync;

/// Serves on a free port of loopback until the test's process ends.
pub struct Server {
    pub host: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, noted): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                std::thread::spawn(move || serve(&stream, &*answer, &noted));
            }
        });
        Server { host, seen }
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, part: &str) -> usize {
        self.seen().iter().filter(|request| request.path.contains(part)).count()
    }
}

fn serve(stream: &TcpStream, answer: &Answer, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let path = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let request = Request { path, headers };
        seen.lock().unwrap().push(request.clone());
        let response = answer(&request);
        let length = response.claimed_length.unwrap_or(response.body.len());
        let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", response.status, length);
        for (name, value) in &response.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = &response.body[..response.cut_after.unwrap_or(response.body.len())];
        let sent = (&*stream).write_all(format!("{head}\r\n").as_bytes()).and_then(|()| (&*stream).write_all(body));
        if sent.is_err() || response.cut_after.is_some() {
            let _already_closed = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}
