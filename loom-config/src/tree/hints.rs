//! Faults of YAML itself, with a word on the traps that people fall into.

use saphyr_parser::ScanError;

use super::Origin;
use crate::error::Report;

/// Reports what the parser stumbled over.
pub(crate) fn syntax_fault(text: &str, error: &ScanError, report: &mut Report) {
    let (line, column) = (error.marker().line(), error.marker().col());
    let message = format!("this is not YAML: {}", error.info());
    let fault = report.add(
        Origin::File {
            file: report.current(),
            line,
            column: column + 1,
        },
        "",
        message,
    );
    let mut lines = text.lines().skip(line.saturating_sub(2));
    let (before, at) = if line > 1 {
        (lines.next(), lines.next())
    } else {
        (None, lines.next())
    };
    let rest = at
        .map(|at| at.chars().skip(column).collect::<String>())
        .unwrap_or_default();
    let alias = rest.starts_with('*').then(|| alias(&rest));
    // The parser often notices a line later what went wrong.
    let hint = alias
        .or_else(|| at.and_then(hint))
        .or_else(|| before.and_then(hint))
        .or_else(|| what_to_check(error.info()).map(str::to_owned));
    if let Some(hint) = hint {
        fault.with_hint(hint);
    }
}

/// What is suspicious about a line that could not be read.
fn hint(line: &str) -> Option<String> {
    let indent = line
        .chars()
        .take_while(|c| c.is_whitespace())
        .collect::<String>();
    if indent.contains('\t') {
        return Some("the line begins with a tab; YAML indents with spaces".to_owned());
    }
    let value = value_of(line);
    if value.starts_with('*') {
        return Some(alias(value));
    }
    if let Some(hint) = bracketed_address(value).or_else(|| variable(line)) {
        return Some(hint);
    }
    if let Some(first) = value
        .chars()
        .next()
        .filter(|first| "@`%&!|>".contains(*first))
    {
        return Some(format!("text that begins with `{first}` has to be quoted"));
    }
    None
}

/// What the parser's own words point to.
fn what_to_check(info: &str) -> Option<&'static str> {
    const TRAPS: &[(&str, &str)] = &[
        (
            "mapping values are not allowed",
            "text with a colon in it has to be quoted",
        ),
        (
            "flow",
            "check that every `{` and `[` is closed, and that text in them is quoted",
        ),
        ("quoted scalar", "check that every quote is closed"),
        (
            "block",
            "check the indentation: the keys of one mapping begin in the same column",
        ),
    ];
    TRAPS
        .iter()
        .find(|(words, _)| info.contains(words))
        .map(|(_, hint)| *hint)
}

/// `*.example.com`
fn alias(value: &str) -> String {
    let text = value.split([' ', ',', ']', '}']).next().unwrap_or_default();
    format!("text that begins with `*` is an alias in YAML; quote it: \"{text}\"")
}

/// `[::1]:3000`, also as an item of a list in brackets.
fn bracketed_address(value: &str) -> Option<String> {
    let (_, list) = value.rsplit_once('[')?;
    let (inside, after) = list.split_once(']')?;
    if !inside.contains(':') || !after.starts_with(':') {
        return None;
    }
    let after = after.split([' ', ',', ']']).next().unwrap_or_default();
    Some(format!(
        "text that begins with `[` is a list in YAML; quote it: \"[{inside}]{after}\""
    ))
}

/// `{limit: ${X}}`
fn variable(line: &str) -> Option<String> {
    let (before, after) = line.split_once("${")?;
    let (name, _) = after.split_once('}')?;
    before
        .contains(['{', '['])
        .then(|| format!("inside of braces or brackets, quote it: \"${{{name}}}\""))
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
