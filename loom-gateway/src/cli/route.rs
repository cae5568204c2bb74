//! `loom route`: the way of one request.

use std::process::ExitCode;

use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use loom_config::model::{Config, Listener, Route};

use super::args::{Options, RouteArgs};
use super::config;
use super::output::{named, print};
use super::run::Result;
use crate::inspect::{self, Decision, Outcome, Reason, Row, Step, Way};
use crate::route::Preview;

/// No route takes the request.
const NONE: u8 = 3;

/// As many of the other routes are named as fit on a screen; `--json` names all.
const OTHERS: usize = 20;

pub(super) fn run(options: &Options, args: &RouteArgs) -> Result<ExitCode> {
    let (_, config) = config::load(options)?;
    let (request, scheme) = request(args)?;
    let listener = listener(&config, args.listener.as_deref(), scheme.as_ref())?;
    let decision = Decision::new(&config, listener, request);
    let text = if args.json {
        format!("{:#}\n", decision.json())
    } else {
        text(&decision)
    };
    print(&text)?;
    Ok(if decision.is_taken() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NONE)
    })
}

/// The place of the listener of this name, or else of the first one that speaks this scheme, or of the first one.
fn listener(config: &Config, name: Option<&str>, scheme: Option<&Scheme>) -> Result<usize> {
    let mut listeners = config.listeners.iter();
    let Some(name) = name else {
        let is_secure = scheme.map(|scheme| *scheme == Scheme::HTTPS);
        let speaks = |listener: &Listener| is_secure.is_none_or(|it| it == listener.tls.is_some());
        return Ok(listeners.position(speaks).unwrap_or(0));
    };
    let place = listeners.position(|listener| listener.name == name);
    place.ok_or_else(|| {
        let known = config.listeners.iter().map(|one| one.name.as_str());
        let known: Vec<_> = known.collect();
        format!(
            "there is no listener `{name}`; there are: {}",
            known.join(", ")
        )
        .into()
    })
}

/// The request as a client of HTTP/1.1 would send it, and the scheme that it is for.
fn request(args: &RouteArgs) -> Result<(Request<()>, Option<Scheme>)> {
    let method = Method::from_bytes(args.method.as_bytes());
    let method =
        method.map_err(|_| format!("`{}` is no method; write GET or POST", args.method))?;
    let uri: Uri = args.url.parse().map_err(|error| {
        let url = &args.url;
        format!("`{url}` is no URL: {error}; write /path or http://host/path, and percent-encode the rest")
    })?;
    let target = uri.path_and_query().cloned();
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("`{header}` is no header; write 'name: value'"))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| format!("`{name}` cannot be the name of a header"))?;
        let value = HeaderValue::from_str(value.trim())
            .map_err(|_| format!("`{value}` cannot be the value of a header"))?;
        request.headers_mut().append(name, value);
    }
    if !request.headers().contains_key(HOST) {
        let host = uri
            .authority()
            .map_or("localhost", http::uri::Authority::as_str);
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_str(host)?);
    }
    Ok((request, uri.scheme().cloned()))
}

fn text(decision: &Decision<'_>) -> String {
    let mut rows = Rows::default();
    match &decision.outcome {
        Outcome::Refused(response) => {
            rows.add("route", "none is asked");
            rows.add("answer", answer(response));
        }
        Outcome::NoRoute(request) => {
            rows.add("route", "none: the answer is 404");
            rows.add("request", line(request));
        }
        Outcome::Taken(taken) => {
            rows.add("route", &taken.row.route.id);
            rows.add("request", line(&taken.request));
            rows.add("taken by", taken_by(&taken.row));
        }
    }
    let head = named(&rows.0);
    format!(
        "{head}\nwhat it meets\n{}{}",
        way(decision),
        others(decision)
    )
}

/// What the request meets, in this order.
fn way(decision: &Decision<'_>) -> String {
    let Way {
        listener,
        route,
        action,
    } = decision.way();
    let mut rows = Rows::default();
    let at = decision.listener;
    let speaks = inspect::listens(at);
    rows.add(
        "  listener",
        format!("{} ({}), {speaks}", at.name, at.address),
    );
    rows.steps(listener);
    if let Outcome::Taken(taken) = &decision.outcome {
        rows.add("  route", &taken.row.route.id);
        rows.steps(route);
        let preview = &taken.preview;
        if let Preview::Sent(request) = preview {
            let host = inspect::host(request).unwrap_or("that of the endpoint");
            let target = inspect::target(request);
            rows.add("  sent as", format!("{} {target}", request.method()));
            rows.add("", format!("host: {host}"));
        }
        rows.steps(action);
        if let Preview::Answered(response) = preview {
            rows.add("  answer", answer(response));
        }
    }
    named(&rows.0)
}

/// Names, and what stands beside them.
#[derive(Default)]
struct Rows(Vec<(String, String)>);

impl Rows {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    fn steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            let mut name = format!("  {}", step.key);
            for line in step.says {
                self.0.push((std::mem::take(&mut name), line));
            }
        }
    }
}

fn line(request: &Request<()>) -> String {
    let host = inspect::host(request).unwrap_or("-");
    format!("{} {host} {}", request.method(), inspect::target(request))
}

fn taken_by(row: &Row<'_>) -> String {
    let mut all = vec![format!("host {}", row.host()), format!("path {}", row.path)];
    all.extend(row.conditions());
    all.join(", ")
}

fn answer(response: &http::Response<axum::body::Body>) -> String {
    let code = crate::errors::Cause::of(response).map(|cause| format!(" {}", cause.code()));
    let location = inspect::location(response).map(|to| format!(" to {to}"));
    format!(
        "{}{}{}",
        response.status().as_u16(),
        code.unwrap_or_default(),
        location.unwrap_or_default()
    )
}

/// The other routes, those of this host and path first.
fn others(decision: &Decision<'_>) -> String {
    let others = &decision.others;
    if others.is_empty() {
        return String::new();
    }
    let (close, far): (Vec<_>, Vec<_>) = others.iter().partition(|(_, reason)| reason.is_close());
    let row = |(route, reason): &&(&Route, Reason)| (format!("  {}", route.id), reason.to_string());
    let rows: Vec<_> = close.iter().chain(&far).take(OTHERS).map(row).collect();
    let more = match others.len().saturating_sub(OTHERS) {
        0 => String::new(),
        more => format!("  and {more} more; --json tells all\n"),
    };
    format!("\nother routes\n{}{more}", named(&rows))
}
