//! Connections that are open and rest.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Error;

/// Files that this process needs beside the connections.
const OTHER_FILES: u64 = 200;

/// As many of `wanted` connections as the limit on open files allows, after it was raised as far as it goes.
pub(super) fn possible(wanted: usize) -> Result<usize, Error> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|e| Error::because("cannot raise the limit on open files", e))?;
    let most = maximum.map_or(u64::MAX, |most| most.saturating_sub(OTHER_FILES));
    Ok(wanted.min(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Opens connections, each of which was used for one request.
pub(super) fn connections(server: SocketAddr, count: usize) -> Result<Vec<TcpStream>, Error> {
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let stream = used(server).map_err(|e| {
            Error::because(format!("connection {number} of {count} cannot be used"), e)
        })?;
        open.push(stream);
    }
    Ok(open)
}

fn used(server: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET / HTTP/1.1\r\nhost: {server}\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    // The origin's answer ends with this word.
    while !answer.ends_with(b"hello") {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&piece[..read]);
    }
    Ok(stream)
}
