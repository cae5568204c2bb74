//! HAProxy. It has no plugins. It wants twice the files that its connections need, and is told to do without.

use super::{Place, Task};

pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let Place { listen, origin, .. } = place;
    let workers = task.workers;
    let connections = task.connections + 100;
    let (front, scheme) = front(task);
    let back = if task.calls { " proto h2" } else { "" };
    format!(
        "global
  no strict-limits
  nbthread {workers}
  maxconn {connections}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option forwardfor
  http-reuse always
frontend front
  bind {listen} backlog 4096{front}
  maxconn {connections}
  http-request set-header X-Forwarded-Proto {scheme}
  http-request set-header X-Request-Id %[uuid()]
  default_backend origin
backend origin
  server origin {origin}{back}
"
    )
}

/// What stands behind the address, and the scheme that clients use.
fn front(task: &Task) -> (String, &'static str) {
    if task.wire.tls {
        let certificate = task.certificate.both.display();
        let tls = format!(" ssl crt {certificate} alpn h2,http/1.1 ssl-min-ver TLSv1.2");
        return (tls, "https");
    }
    let protocol = if task.wire.h2 { " proto h2" } else { "" };
    (protocol.to_owned(), "http")
}
