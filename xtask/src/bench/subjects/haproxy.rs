//! HAProxy. It has no plugins. It wants twice the files that its connections need, and is told to do without.

use super::{Place, Task};

pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let Place { listen, origin, .. } = place;
    let workers = task.workers;
    let connections = task.connections + 100;
    let protocol = if task.h2 { " proto h2" } else { "" };
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
  bind {listen} backlog 4096{protocol}
  maxconn {connections}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Request-Id %[uuid()]
  default_backend origin
backend origin
  server origin {origin}
"
    )
}
