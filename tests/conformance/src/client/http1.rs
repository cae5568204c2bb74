//! The client over HTTP/1.1.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::case::{Field, Request};
use crate::text::show;
use crate::wire::{self, Framing, Wire};

pub(super) async fn exchange(
    address: SocketAddr,
    request: &Request,
    lines: &mut Vec<String>,
) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut wire = Wire::new(tokio::io::join(read, tokio::io::sink()));
    // Written beside the reading: an answer may come before the request is complete.
    let send = async {
        let sent = wire::write_message(&mut write, head(request), &request.body).await;
        // A host that has answered already may have closed its side.
        drop(sent);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = receive(&mut wire, request, lines) => result,
        () = send => Ok(()),
    }
}

fn head(request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path).into_bytes();
    let host = Field {
        name: "host".to_owned(),
        value: request.authority.clone().into_bytes(),
    };
    wire::write_fields(&mut head, [&host]);
    // Without it nobody has to send trailers.
    head.extend(b"te: trailers\r\n");
    wire::write_fields(&mut head, &request.headers);
    wire::write_fields(
        &mut head,
        &wire::framing(&request.body, &request.headers, false),
    );
    head
}

async fn receive<S>(
    wire: &mut Wire<S>,
    request: &Request,
    lines: &mut Vec<String>,
) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let Ok(Some(head)) = wire.head().await else {
            lines.push("  closed without an answer".to_owned());
            return Ok(());
        };
        let status = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
        lines.push(format!("  {status}"));
        for (name, value) in &head.headers {
            lines.push(format!(
                "    {}: {}",
                name.to_ascii_lowercase(),
                show(value)
            ));
        }
        if status.starts_with('1') {
            continue;
        }
        let bodiless = request.method == "HEAD" || status == "204" || status == "304";
        let framing = if bodiless {
            Framing::None
        } else {
            Framing::of(&head, Framing::UntilClose)
        };
        let received = wire.body(framing).await;
        wire::describe(&received, lines);
        return Ok(());
    }
}
