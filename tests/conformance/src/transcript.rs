//! What was seen of a case, in a form that does not depend on the host.
//!
//! This is the one place in which anything is left out or made equal: names that the runner chose, headers that each host
//! adds in its own way, the order of headers of different names, pieces of bodies that no case paces, and the number of
//! times that a host starts a plugin.

use crate::hosts::Line;

/// Headers that belong to a connection or to the kind of a host, in any message.
const IGNORED: &[&str] = &[
    "connection",
    "date",
    "keep-alive",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// The callbacks that a host may make more than once, in VMs that only check.
const START: &[&str] = &["context_create of nobody", "vm_start", "configure"];

/// What hosts let a plugin hold of a body unless told otherwise.
const LIMIT: usize = 1_000_000;

/// All lines about one case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transcript(pub(crate) Vec<String>);

/// What was seen of a case, as it was seen.
pub(crate) struct Seen {
    /// Begins all names that the runner chose for this case.
    pub(crate) prefix: String,
    /// The lines about each answer.
    pub(crate) client: Vec<Vec<String>>,
    /// The lines about each request that a server got, by server.
    pub(crate) servers: Vec<(String, Vec<Vec<String>>)>,
    /// What the plugins logged, in their order.
    pub(crate) lines: Vec<Line>,
    /// Whether the pieces of bodies count.
    pub(crate) paced: bool,
    /// Whether the order among the plugins counts.
    pub(crate) apart: bool,
    /// How the host ended, if it did so before it was told to.
    pub(crate) died: bool,
}

impl Seen {
    pub(crate) fn transcript(&self) -> Transcript {
        let mut lines = Vec::new();
        for answer in &self.client {
            lines.push("client".to_owned());
            lines.extend(fields(answer.clone()));
        }
        for (name, requests) in &self.servers {
            // How much of a request that breaks off reaches the server, if any, is a matter of time.
            let whole = |request: &&Vec<String>| request.last().is_none_or(|end| end != "  cut");
            for request in requests.iter().filter(whole) {
                lines.push(format!("server {name}"));
                lines.extend(fields(request.clone()));
            }
        }
        let blocks = blocks(&self.lines, &self.prefix);
        let blocks = started_once(blocks);
        let blocks = if self.paced { blocks } else { joined(blocks) };
        let mut blocks = bounded(blocks);
        if self.apart {
            blocks.sort_by(|one, other| one.plugin.cmp(&other.plugin));
        }
        for block in blocks {
            lines.push(block.first());
            lines.extend(fields(block.rest));
        }
        if self.died {
            lines.push("the host died".to_owned());
        }
        for line in &mut lines {
            *line = without_ports(&line.replace(&self.prefix, ""));
        }
        Transcript(lines)
    }
}

/// Ports are chosen by the system.
fn without_ports(line: &str) -> String {
    let mut parts = line.split("127.0.0.1:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("127.0.0.1:PORT");
        out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    out
}

/// Takes out the headers that do not count, and sorts each run of the others.
fn fields(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut run: Vec<String> = Vec::new();
    for line in lines {
        if let Some(field) = line.strip_prefix("    ") {
            let name = field.split(": ").next().unwrap_or_default();
            let name = name.trim_start_matches("trailer ");
            if !IGNORED.contains(&name) && !is_length_of_nothing(field) {
                run.push(line);
            }
        } else {
            out.extend(sorted(std::mem::take(&mut run)));
            out.push(line);
        }
    }
    out.extend(sorted(run));
    out
}

/// A request says that it has no body by a length of 0, or by none.
fn is_length_of_nothing(field: &str) -> bool {
    field == "content-length: \"0\""
}

/// By name; values of one name keep their order.
fn sorted(mut run: Vec<String>) -> Vec<String> {
    run.sort_by_key(|line| line.split(": ").next().unwrap_or_default().to_owned());
    run
}

/// A callback with the lines of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    plugin: String,
    /// The context and the callback.
    callback: String,
    /// The size of the body, if it is a callback of one.
    size: Option<usize>,
    arguments: String,
    rest: Vec<String>,
}

impl Block {
    fn first(&self) -> String {
        // How much comes with the piece that goes beyond the usual limit is the transport's matter.
        let size = self.size.map(|size| match size {
            0..=LIMIT => format!(" {size}"),
            _ => " beyond".to_owned(),
        });
        let size = size.unwrap_or_default();
        format!("{} {}{size}{}", self.plugin, self.callback, self.arguments)
    }

    fn is_body(&self) -> bool {
        self.size.is_some()
    }

    fn ends(&self) -> bool {
        self.arguments == " end"
    }

    fn pauses(&self) -> bool {
        self.rest.iter().any(|line| line == "  return pause")
    }
}

fn blocks(lines: &[Line], prefix: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines {
        let plugin = line.plugin.strip_prefix(prefix).unwrap_or(&line.plugin);
        let own_line = |text: &str| match line.level.as_str() {
            "info" => text.to_owned(),
            level => format!("{level}: {text}"),
        };
        let last = blocks.iter_mut().rev().find(|block| block.plugin == plugin);
        match last {
            Some(last) if line.level != "info" || !is_callback(&line.text) => {
                last.rest.push(own_line(&line.text));
            }
            _ => blocks.push(block(plugin, &own_line(&line.text))),
        }
    }
    blocks
}

/// Whether the plugin says with this line that a context had a callback.
fn is_callback(text: &str) -> bool {
    let numbered = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let context = text.strip_prefix('S').or(text.strip_prefix('R'));
    context.is_some_and(numbered) || text.starts_with("a stranger ")
}

fn block(plugin: &str, text: &str) -> Block {
    let mut words = text.splitn(4, ' ');
    let context = words.next().unwrap_or_default();
    let callback = words.next().unwrap_or_default();
    let whole = |size, arguments| Block {
        plugin: plugin.to_owned(),
        callback: format!("{context} {callback}"),
        size,
        arguments,
        rest: Vec::new(),
    };
    if let Some(size) = matches!(callback, "request_body" | "response_body")
        .then(|| words.next()?.parse().ok())
        .flatten()
    {
        let end = words.next().map(|end| format!(" {end}"));
        return whole(Some(size), end.unwrap_or_default());
    }
    let head = context.len() + 1 + callback.len();
    whole(None, text.get(head..).unwrap_or_default().to_owned())
}

/// Each callback of a start once: where it came first, and as it was the last time, in the VM that serves.
fn started_once(blocks: Vec<Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    for block in blocks {
        let start = START.iter().find(|start| block.first().ends_with(**start));
        let same = |other: &&mut Block| {
            // A VM that only checks may know fewer plugins, and number them otherwise.
            let starts_too = start.is_some_and(|start| other.first().ends_with(start));
            starts_too && other.plugin == block.plugin
        };
        match out.iter_mut().find(same) {
            Some(earlier) => *earlier = block,
            None => out.push(block),
        }
    }
    out
}

/// Ends what goes on and on after the first few times.
fn bounded(mut blocks: Vec<Block>) -> Vec<Block> {
    const FEW: usize = 3;
    let runs = blocks.windows(FEW + 1);
    let endless = runs.map(|run| run.iter().all(|block| *block == run[0]));
    if let Some(start) = endless.into_iter().position(|endless| endless) {
        let same = blocks[start].clone();
        let end = blocks
            .iter()
            .rposition(|block| *block == same)
            .unwrap_or(start);
        blocks.drain(start + 1..=end);
        blocks[start].rest.push("  again and again".to_owned());
    }
    blocks
}

/// Joins neighbouring callbacks of the same body: those that did the same, or nothing.
fn joined(blocks: Vec<Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    for block in blocks {
        let earlier = block.is_body().then(|| {
            let same = |other: &Block| {
                (&other.plugin, &other.callback) == (&block.plugin, &block.callback)
            };
            let mut nearest = out.iter().enumerate().rev();
            // Pieces of a body pass all plugins one after the other.
            let nearest = nearest.by_ref().take_while(|(_, other)| other.is_body());
            nearest
                .filter(|(_, other)| same(other))
                .map(|(index, _)| index)
                .next()
        });
        match earlier.flatten() {
            Some(index) if joins(&out[index], &block) => {
                let held = out[index].pauses();
                let before = if held {
                    0
                } else {
                    out[index].size.unwrap_or(0)
                };
                let size = block.size.map(|size| size + before);
                out[index] = Block { size, ..block };
            }
            _ => out.push(block),
        }
    }
    out
}

fn joins(earlier: &Block, later: &Block) -> bool {
    let only_returns = earlier
        .rest
        .iter()
        .all(|line| line.starts_with("  return "));
    !earlier.ends() && (earlier.rest == later.rest || only_returns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(lines: &[&str], paced: bool) -> Vec<String> {
        let line = |text: &&str| Line {
            plugin: "k001-a".to_owned(),
            level: "info".to_owned(),
            text: (*text).to_owned(),
        };
        let seen = Seen {
            prefix: "k001-".to_owned(),
            client: Vec::new(),
            servers: Vec::new(),
            lines: lines.iter().map(line).collect(),
            paced,
            apart: false,
            died: false,
        };
        seen.transcript().0
    }

    #[test]
    fn pieces_of_a_body_are_one_unless_they_are_paced() {
        let lines = ["S1 request_body 5", "S1 request_body 0 end"];
        assert_eq!(transcript(&lines, false), ["a S1 request_body 5 end"]);
        assert_eq!(transcript(&lines, true).len(), 2);
    }

    #[test]
    fn held_pieces_are_told_by_the_last_which_has_them_all() {
        let lines = [
            "S1 request_body 5",
            "  return pause",
            "S1 request_body 9 end",
        ];
        assert_eq!(transcript(&lines, false), ["a S1 request_body 9 end"]);
    }

    #[test]
    fn pieces_that_did_something_stay() {
        let lines = [
            "S1 request_body 5",
            "  get request a = ok \"\"",
            "S1 request_body 4 end",
        ];
        assert_eq!(transcript(&lines, false).len(), 3);
    }

    #[test]
    fn headers_are_sorted_and_those_of_hosts_left_out() {
        let lines = [
            "S1 request_headers 3 end",
            "  pairs request = ok",
            "    x-b: \"2\"",
            "    x-request-id: \"4\"",
            "    x-a: \"3\"",
            "    x-b: \"1\"",
        ];
        assert_eq!(
            transcript(&lines, false)[2..],
            ["    x-a: \"3\"", "    x-b: \"2\"", "    x-b: \"1\""]
        );
    }

    #[test]
    fn a_start_counts_once_and_the_last_counts() {
        let lines = [
            "R1 configure",
            "  log_level = ok 2",
            "R1 configure",
            "  log_level = ok 3",
        ];
        assert_eq!(
            transcript(&lines, false),
            ["a R1 configure", "  log_level = ok 3"]
        );
    }
}
