//! As much of HTTP/1.1 as is needed to ask for `/`.

use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Failure, tls};

/// How every right answer begins, and what the origin's ends with.
const BEGIN: &[u8] = b"HTTP/1.1 200 ";
const END: &[u8] = b"hello";

/// No answer is longer than this.
const MOST: usize = 4096;

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Connects to one server.
pub(crate) struct Client {
    server: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr, certificate: Option<&str>) -> Result<Self, Failure> {
        Ok(Self {
            server,
            tls: certificate.map(tls::connector).transpose()?,
        })
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(self.server).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::IpAddress(self.server.ip().into());
                Box::new(tls.connect(name, stream).await?)
            }
        };
        Ok(Connection {
            stream,
            server: self.server,
        })
    }
}

/// An open connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    server: SocketAddr,
}

impl Connection {
    /// Asks once, and reads the answer to its end. The connection goes on if it is kept.
    pub(crate) async fn request(&mut self, kept: bool) -> Result<(), Failure> {
        let close = if kept { "" } else { "connection: close\r\n" };
        let request = format!("GET / HTTP/1.1\r\nhost: {}\r\n{close}\r\n", self.server);
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        let mut answer = Vec::with_capacity(512);
        while !answer.ends_with(END) {
            let read = self.stream.read_buf(&mut answer).await?;
            if read == 0 || answer.len() > MOST || !answer.starts_with(BEGIN) {
                let answer = String::from_utf8_lossy(&answer);
                return Err(format!("the answer is not right: {answer}").into());
            }
        }
        Ok(())
    }

    /// Says that it is over, and goes.
    pub(crate) async fn close(mut self) {
        // Who has closed already does not hear it.
        let _ = self.stream.shutdown().await;
    }
}
