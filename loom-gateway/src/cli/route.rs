//! `loom route`: the way of one request.

use std::process::ExitCode;

use http::header::{HOST, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use loom_config::model::{Action, Config, Route};

use super::args::{Options, RouteArgs};
use super::config;
use super::output::{columns, print};
use super::run::Result;
use crate::inspect::{self, Decision, Outcome, Reason, Row};
use crate::route::Preview;

/// No route takes the request.
const NONE: u8 = 3;

/// As many of the other routes are named as fit on a screen; `--json` names all.
const OTHERS: usize = 20;

pub(super) fn run(options: &Options, args: &RouteArgs) -> Result<ExitCode> {
    let (_, config) = config::load(options)?;
    let listener = listener(&config, args.listener.as_deref())?;
    let decision = Decision::new(&config, listener, request(args)?);
    let text = if args.json {
        format!("{:#}\n", decision.json())
    } else {
        text(&config, &decision)
    };
    print(&text)?;
    Ok(if decision.is_taken() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NONE)
    })
}

/// The place of the listener of this name, or of the first one.
fn listener(config: &Config, name: Option<&str>) -> Result<usize> {
    let Some(name) = name else { return Ok(0) };
    let mut listeners = config.listeners.iter();
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

/// The request as a client of HTTP/1.1 would send it.
fn request(args: &RouteArgs) -> Result<Request<()>> {
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
    Ok(request)
}

fn text(config: &Config, decision: &Decision<'_>) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    match &decision.outcome {
        Outcome::Refused(response) => {
            row("route", "none is asked".to_owned());
            row("answer", answer(response));
        }
        Outcome::NoRoute(request) => {
            row("route", "none: the answer is 404".to_owned());
            row("request", line(request));
        }
        Outcome::Taken(taken) => {
            let route = taken.row.route;
            row("route", route.id.clone());
            row("request", line(&taken.request));
            row("taken by", taken_by(&taken.row));
            for (name, value) in plugins(config, route) {
                row(name, value);
            }
            for (name, value) in sent(config, route, &taken.preview) {
                row(name, value);
            }
        }
    }
    let listener = decision.listener;
    row(
        "listener",
        format!("{} ({})", listener.name, listener.address),
    );
    columns(&rows) + &others(decision)
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

fn plugins(config: &Config, route: &Route) -> Vec<(&'static str, String)> {
    if route.plugins.is_empty() {
        return vec![("plugins", "none".to_owned())];
    }
    let mut rows = Vec::new();
    for (place, one) in route.plugins.iter().enumerate() {
        let of = if one.inherited { ", of defaults" } else { "" };
        let name = inspect::name(config, one);
        let own = if one.overrides.config.is_some() {
            ", config of its own"
        } else {
            ""
        };
        rows.push((
            if place == 0 { "plugins" } else { "" },
            format!("{}. {name} (priority {}{of}{own})", place + 1, one.priority),
        ));
    }
    if route.plugins.len() > 1 {
        let why = "in this order: higher priority first; of the same, those of defaults, then the order of the list";
        rows.push(("", why.to_owned()));
    }
    rows
}

/// What becomes of the request behind the plugins.
fn sent(config: &Config, route: &Route, preview: &Preview) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let shares = match &route.action {
        Action::Upstream(upstream) => vec![(*upstream, None)],
        Action::Split(shares) => shares
            .iter()
            .map(|share| (share.upstream, Some(share.weight)))
            .collect(),
        Action::Redirect(_) | Action::Respond(_) => Vec::new(),
    };
    for (upstream, weight) in shares {
        let upstream = &config.upstreams[upstream];
        let weight = weight.map_or_else(String::new, |weight| format!(", weight {weight}"));
        let endpoints = inspect::endpoints(&upstream.target);
        rows.push((
            "upstream",
            format!("{} ({endpoints}{weight})", upstream.name),
        ));
    }
    match preview {
        Preview::Sent(request) => {
            let target = inspect::target(request);
            let host = inspect::host(request).unwrap_or("that of the endpoint");
            rows.push(("sent as", format!("{} {target}", request.method())));
            rows.push(("", format!("host: {host}")));
        }
        Preview::Answered(response) => rows.push(("answer", answer(response))),
    }
    rows
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
    let row =
        |(route, reason): &&(&Route, Reason)| vec![format!("  {}", route.id), reason.to_string()];
    let rows: Vec<_> = close.iter().chain(&far).take(OTHERS).map(row).collect();
    let more = match others.len().saturating_sub(OTHERS) {
        0 => String::new(),
        more => format!("  and {more} more; --json tells all\n"),
    };
    format!("\nother routes\n{}{more}", columns(&rows))
}
