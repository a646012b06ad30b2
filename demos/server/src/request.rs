//! Reads the head of an HTTP request and writes an answer: as much of HTTP/1.1 as a demo needs, with limits.

use std::io::{self, Read, Write};

/// The longest head that is read, in bytes.
const MOST_HEAD_BYTES: usize = 8 * 1024;

/// The first line of a request; the rest of the head is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
}

impl Request {
    /// Reads up to the empty line. Nothing if what came is no request.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        let mut block = [0; 1024];
        while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            let count = from.read(&mut block)?;
            if count == 0 || head.len() + count > MOST_HEAD_BYTES {
                return Ok(None);
            }
            head.extend_from_slice(block.get(..count).unwrap_or_default());
        }
        Ok(Self::parse(&String::from_utf8_lossy(&head)))
    }

    fn parse(head: &str) -> Option<Self> {
        let mut words = head.lines().next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        let path = target.split(['?', '#']).next()?;
        Some(Self { method: method.to_owned(), path: path.to_owned() })
    }
}

/// An answer; every one closes the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into().into_bytes() }
    }

    /// Writes the answer; the body only where the method asks for one.
    pub(crate) fn write(&self, to: &mut impl Write, method: &str) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        let head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.status,
            self.body.len()
        );
        let mut bytes = head.into_bytes();
        if method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        to.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Request> {
        Request::read(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn a_request_is_read_up_to_its_query() {
        let request = read(b"GET /healthz?verbose=1 HTTP/1.1\r\nHost: x\r\n\r\nrest").unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/healthz"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), None, "the head does not end");
        assert_eq!(read(b"hello\r\n\r\n"), None);
        assert_eq!(read(b"GET x HTTP/1.1\r\n\r\n"), None);
        assert_eq!(read(b"GET / SPDY\r\n\r\n"), None);
        let endless = [b"GET / HTTP/1.1\r\n".as_slice(), &[b'x'; 20_000], b"\r\n\r\n"].concat();
        assert_eq!(read(&endless), None);
    }

    #[test]
    fn head_gets_no_body() {
        let write = |method| {
            let mut bytes = Vec::new();
            Answer::text(200, "ahoy").write(&mut bytes, method).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert!(write("GET").ends_with("\r\n\r\nahoy") && write("GET").contains("Content-Length: 4"));
        assert!(write("HEAD").ends_with("\r\n\r\n"));
    }
}
