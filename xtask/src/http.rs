//! As much of an HTTP/1.1 client as this crate needs: one request without a body on a connection of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the gateway may take for any one step of the exchange.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The first line, such as `HTTP/1.1 200 OK`.
    pub(crate) status: String,
    /// Names in lower case, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Asks for `path`.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    exchange(address, "GET", path)
}

/// Posts nothing to `path`.
pub(crate) fn post(address: SocketAddr, path: &str) -> io::Result<Response> {
    exchange(address, "POST", path)
}

/// The server is told to close, so the end of the connection is the end of the response.
fn exchange(address: SocketAddr, method: &str, path: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\ncontent-length: 0\r\nhost: {address}\r\nuser-agent: loom-xtask\r\naccept: */*\r\nconnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "this is not an HTTP/1.1 response",
        )
    })
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .filter(|line| line.starts_with("HTTP/1.1 "))?
        .to_owned();
    let headers: Vec<_> = lines
        .map(|line| {
            line.split_once(':')
                .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        })
        .collect::<Option<_>>()?;
    let body = &bytes[end + 4..];
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { join(body)? } else { body.to_vec() };
    Some(Response {
        status,
        headers,
        body,
    })
}

/// Joins the chunks of RFC 9112, section 7.1.
fn join(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..)?.get(..size)?;
        body.extend_from_slice(chunk);
        rest = rest[end + 2 + size..].strip_prefix(b"\r\n")?;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_taken_apart() {
        let response =
            parse(b"HTTP/1.1 200 OK\r\nX-Gateway: Loom\r\ncontent-length: 2\r\n\r\nhi").unwrap();
        assert_eq!(response.status, "HTTP/1.1 200 OK");
        let headers = [("x-gateway", "Loom"), ("content-length", "2")];
        assert_eq!(
            response.headers,
            headers.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(response.body, b"hi");
    }

    #[test]
    fn chunks_are_joined() {
        let whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(parse(whole).unwrap().body, b"abc");
    }

    #[test]
    fn what_is_cut_short_is_no_response() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nx-gate"), None);
        assert_eq!(parse(b"SSH-2.0\r\n\r\n"), None);
        assert_eq!(
            parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
            None
        );
    }
}
