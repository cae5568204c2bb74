//! `${VAR}`, `${VAR:-default}` and `${file:/path}` in the values of the document.
//!
//! Works on parsed scalars, so what a variable holds can never add keys or break the file's structure.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Report;
use crate::included;
use crate::limits;
use crate::suggest;
use crate::tree::{Data, KeyPath, Node, Scalar, Step, Value};

/// Where the values come from.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// What a relative path of `${file:...}` is relative to.
    pub(crate) directory: &'a Path,
}

/// Expands every scalar of `tree`, save those that come from the environment already.
pub(crate) fn expand(tree: &mut Node, sources: &Sources<'_>, report: &mut Report) {
    let mut expander = Expander {
        sources,
        report,
        budget: limits::EXPANDED_BYTES,
    };
    expander.node(tree, &KeyPath::ROOT);
}

struct Expander<'a> {
    sources: &'a Sources<'a>,
    report: &'a mut Report,
    budget: usize,
}

/// Why a `${...}` has no value.
struct Problem {
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl Expander<'_> {
    fn node(&mut self, node: &mut Node, path: &KeyPath<'_>) {
        match &mut node.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &path.index(index));
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    let path = path.key(&entry.key);
                    let may_be_literal = matches!(entry.key.as_str(), "regex" | "rewrite");
                    if !(may_be_literal && is_literal(&path)) {
                        self.node(&mut entry.node, &path);
                    }
                }
            }
            Value::Scalar(scalar) => {
                if let Err(problem) = self.scalar(scalar) {
                    let fault =
                        self.report
                            .add(node.origin.clone(), path.to_string(), problem.message);
                    if let Some(hint) = problem.hint {
                        fault.with_hint(hint);
                    }
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar) -> Result<(), Problem> {
        if scalar.expanded || !scalar.text.contains('$') {
            return Ok(());
        }
        let text = self.text(&scalar.text)?;
        self.budget = self.budget.checked_sub(text.len()).ok_or_else(|| {
            let most = limits::EXPANDED_BYTES;
            Problem::new(format!(
                "the expanded values of this file are larger than {most} bytes together"
            ))
        })?;
        scalar.data = if scalar.plain && is_one_variable(&scalar.text) {
            Data::of_plain(&text)
        } else {
            Data::Text
        };
        scalar.expanded = scalar.text.contains("${");
        scalar.text = text;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<String, Problem> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            rest = if let Some(after) = after.strip_prefix('$') {
                expanded.push('$');
                after
            } else if let Some(after) = after.strip_prefix('{') {
                let (inside, after) = after.split_once('}').ok_or_else(|| {
                    Problem::new("`${` has no `}`; write ${NAME}, or $$ for a dollar")
                })?;
                expanded.push_str(&self.value(inside)?);
                after
            } else {
                expanded.push('$');
                after
            };
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The value of what stands between the braces.
    fn value(&mut self, inside: &str) -> Result<String, Problem> {
        if let Some(path) = inside.strip_prefix("file:") {
            return self.file(path);
        }
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) || default.is_some_and(|default| default.contains("${")) {
            let message = format!("`${{{inside}}}` is not understood");
            let hint = "write ${NAME}, ${NAME:-default} or ${file:/path}, not inside of each other; $$ is a dollar";
            return Err(Problem::new(message).with_hint(hint));
        }
        let value = self.sources.environment.get(name);
        match (value, default) {
            (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(self.undefined(name)),
        }
    }

    fn undefined(&self, name: &str) -> Problem {
        let known = self.sources.environment.keys().map(String::as_str);
        let problem = Problem::new(format!(
            "the environment variable `{name}` is not set; set it, or write ${{{name}:-default}}"
        ));
        match suggest::closest(name, known) {
            Some(meant) => problem.with_hint(format!("did you mean `${{{meant}}}`?")),
            None => problem,
        }
    }

    fn file(&mut self, path: &str) -> Result<String, Problem> {
        let path = self.sources.directory.join(path);
        self.report.depends_on(path.clone());
        let mut text = included::read(&path).map_err(Problem::new)?;
        // The line end that editors and `echo` put after a secret is not part of it.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }
}

/// Whether a `regex` or `rewrite` there is taken as it is written: dollars and braces are part of a route's expressions. A plugin's
/// own configuration may call something `regex` too, and has nothing to do with it.
fn is_literal(path: &KeyPath<'_>) -> bool {
    let steps: Vec<Step<'_>> = path.steps().collect();
    matches!(
        steps.as_slice(),
        [Step::Key("routes"), Step::Index(_), Step::Key(key), ..] if *key != "plugins"
    )
}

fn is_one_variable(text: &str) -> bool {
    text.starts_with("${") && text.find('}') == Some(text.len() - 1)
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
