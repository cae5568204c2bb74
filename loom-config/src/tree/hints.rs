//! Faults of YAML itself, with a word on the traps that people fall into.

use saphyr_parser::ScanError;

use super::Origin;
use crate::error::Report;

/// Reports what the parser stumbled over.
pub(crate) fn syntax_fault(text: &str, error: &ScanError, report: &mut Report) {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let message = format!("this is not YAML: {}", error.info());
    let fault = report.add(Origin::File { line, column }, "", message);
    // The parser often notices a line later what went wrong.
    let lines = text
        .lines()
        .skip(line.saturating_sub(2))
        .take(2)
        .collect::<Vec<_>>();
    if let Some(hint) = lines.iter().rev().find_map(|line| hint(line)) {
        fault.with_hint(hint);
    }
}

/// What is suspicious about a line that could not be read.
fn hint(line: &str) -> Option<String> {
    if line
        .chars()
        .take_while(|c| c.is_whitespace())
        .any(|c| c == '\t')
    {
        return Some("the line begins with a tab; YAML indents with spaces".to_owned());
    }
    let value = value_of(line);
    if let Some(host) = value.strip_prefix('*') {
        let host = host.split([' ', ',', ']', '}']).next().unwrap_or_default();
        return Some(format!(
            "text that begins with `*` is an alias in YAML; quote it: \"*{host}\""
        ));
    }
    if let Some(list) = value.strip_prefix('[')
        && let Some((inside, after)) = list.split_once(']')
        && inside.contains(':')
        && after.starts_with(':')
    {
        let after = after.split([' ', ',', ']']).next().unwrap_or_default();
        return Some(format!(
            "text that begins with `[` is a list in YAML; quote it: \"[{inside}]{after}\""
        ));
    }
    if let Some((_, variable)) = line.split_once("${")
        && let Some((variable, _)) = variable.split_once('}')
        && line.contains(['{', '['])
    {
        return Some(format!(
            "inside of braces or brackets, quote it: \"${{{variable}}}\""
        ));
    }
    if let Some(inside) = line
        .split_once(['[', '{', ','])
        .map(|(_, rest)| rest.trim_start())
        && inside.starts_with('*')
    {
        return Some("text that begins with `*` is an alias in YAML; quote it".to_owned());
    }
    if value.starts_with(['@', '`', '%', '&', '!', '|', '>']) {
        return Some(format!(
            "text that begins with `{}` has to be quoted",
            &value[..1]
        ));
    }
    if value.contains(": ") || value.ends_with(':') {
        return Some("text with a colon in it has to be quoted".to_owned());
    }
    None
}

/// What stands after the dashes and the key of a line.
fn value_of(line: &str) -> &str {
    let mut rest = line.trim();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    match rest.split_once(": ") {
        Some((key, value)) if !key.starts_with(['[', '{', '"', '\'', '*']) => value.trim_start(),
        _ => rest,
    }
}
