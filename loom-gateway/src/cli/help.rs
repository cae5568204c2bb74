//! The examples that `--help` shows.

pub(super) const LOOM: &str = "\
Examples:
  loom -config loom.yaml                     run the gateway
  loom -config loom.yaml -log-level debug    and show each request and what plugins log
  loom check -config loom.yaml               look for faults, plugins too, and start nothing
  loom routes -c loom.yaml                   the routes, in the order in which they are asked
  loom route GET /api/users -c loom.yaml     which route takes this request, and why
  loom health -c loom.yaml                   does the gateway that runs here take requests?
  loom schema > loom.schema.json             what editors complete and check loom.yaml with
  loom                                       run with ./loom.yaml

The long options may be written with one dash or with two. A change of the configuration is taken
over when its file changes, and with SIGHUP. SIGTERM and SIGINT end the gateway once running
requests are answered; a second signal ends it at once.

Exit codes: 0 all is well, 1 a fault, 2 wrong arguments, 3 `loom route` finds no route.";

pub(super) const CHECK: &str = "\
Examples:
  loom check                                 look at ./loom.yaml
  loom check -c /etc/loom/loom.yaml          look at another file
  loom check --deny-warnings                 and fail when a start or the first requests might, too
  loom check && kill -HUP $(pidof loom)      reload only what is right

Faults end with exit code 1: all that is wrong in the file, each plugin that does not load or
refuses its configuration, an address that cannot be taken, an access log that cannot be written.
Warnings are about what may be otherwise once it starts: an address that somebody listens on,
maybe the gateway that runs already, servers whose names are not found now; and about what works
for a while: certificates that end soon, upstreams that lead back to the gateway itself.";

pub(super) const HEALTH: &str = "\
Examples:
  loom health -c /etc/loom/loom.yaml         in a container's health check, where there is no curl

It asks /readyz of the `admin` address of the configuration. The exit code is 0 when the gateway
takes requests, and 1 when it does not, or does not answer.";

pub(super) const SCHEMA: &str = "\
Examples:
  loom schema > loom.schema.json             keep it beside loom.yaml

An editor with yaml-language-server finds it by the first line of loom.yaml:
  # yaml-language-server: $schema=loom.schema.json";

pub(super) const ROUTES: &str = "\
Examples:
  loom routes                                the table of ./loom.yaml
  loom routes -c loom.yaml --json            the same for programs

The first row that fits a request is its route, whatever the order in the file: a host that is
closer comes first, then a path that is closer, then more conditions, then the lower `order`.
Each host and path of a route is a row. Below it stands what requests meet, in this order; below
a listener what each of its requests meets.";

pub(super) const ROUTE: &str = "\
Examples:
  loom route GET /api/users                  by path alone, as if the host were localhost
  loom route GET http://api.example.com/api/users?page=2
  loom route POST /login -H 'host: example.com' -H 'x-canary: 1'
  loom route GET /metrics --listener internal
  loom route GET /health --json && echo it has a route

It says which route takes the request, all that it meets in the order in which it meets it, from
the listener to the upstream, what the upstream gets, and why other routes do not take it. Nothing
is sent and no plugin is loaded: what plugins would change is not seen. The exit code is 0 when a
route takes it, and 3 when none does.";
