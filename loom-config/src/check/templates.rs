//! Paths with parameters: `/users/{id}`, and texts that use them.

use super::paths::Wrong;
use crate::limits;
use crate::model::{PathMatch, PathTemplate, Piece, Segment, Template};

/// Reads a path that has braces in it; `below` when `/*` stood behind it.
pub(super) fn read(path: &str, below: bool) -> Result<PathTemplate, Wrong> {
    let mut segments = Vec::new();
    for written in path.split('/').skip(1) {
        let segment = segment(written)?;
        if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
            return Err(Wrong::new("has two parameters of the same name"));
        }
        segments.push(segment);
    }
    if segments.len() > limits::TEMPLATE_SEGMENTS {
        return Err(Wrong::new(
            "has parameters, and more segments than a path with parameters may have: 64",
        ));
    }
    Ok(PathTemplate { segments, below })
}

fn segment(written: &str) -> Result<Segment, Wrong> {
    if !written.contains(['{', '}']) {
        return Ok(Segment::Literal(written.to_owned()));
    }
    let name = written
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|name| !name.contains(['{', '}']));
    match name {
        None => Err(Wrong::new(
            "has braces inside of a segment; a parameter is a whole segment, as in `/users/{id}`",
        )),
        Some(name) if is_name(name) => Ok(Segment::Parameter(name.to_owned())),
        Some(_) => Err(Wrong::new(
            "has a parameter whose name is not one; expected letters, digits and `_`, the first no digit",
        )),
    }
}

/// Whether this may be the name of a parameter: the same names that the groups of a regular expression have.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads a text that may use parameters; says what is wrong with it.
pub(super) fn text(written: &str) -> Result<Template, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
        push(&mut pieces, before)?;
        if !is_name(name) && name.parse::<u8>().is_err() {
            return Err("has braces around what is not the name of a parameter");
        }
        pieces.push(Piece::Parameter(name.to_owned()));
        rest = after;
    }
    push(&mut pieces, rest)?;
    Ok(Template { pieces })
}

fn push(pieces: &mut Vec<Piece>, text: &str) -> Result<(), &'static str> {
    if text.contains('}') {
        return Err("has a `}` without its `{`");
    }
    // What could not stand in a path or query; what ends them is for the caller to judge.
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`|".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err(
            "has characters in it that an address cannot have; they have to be percent-encoded",
        );
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

/// The parameters that a text uses.
pub(super) fn used(template: &Template) -> impl Iterator<Item = &str> {
    template.pieces.iter().filter_map(|piece| match piece {
        Piece::Parameter(name) => Some(name.as_str()),
        Piece::Text(_) => None,
    })
}

/// The parameters that a path has.
pub(super) fn known(path: &PathMatch) -> Vec<&str> {
    match path {
        PathMatch::Exact(_) | PathMatch::Prefix(_) => Vec::new(),
        PathMatch::Regex(pattern) => pattern.regex().capture_names().flatten().collect(),
        PathMatch::Template(template) => {
            let names = template
                .segments
                .iter()
                .filter_map(|segment| match segment {
                    Segment::Parameter(name) => Some(name.as_str()),
                    Segment::Literal(_) => None,
                });
            names.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_whole_segments() {
        let template = read("/users/{id}/", false).expect("a template");
        let segments = [
            Segment::Literal("users".to_owned()),
            Segment::Parameter("id".to_owned()),
            Segment::Literal(String::new()),
        ];
        assert_eq!(template.segments, segments);
        for wrong in [
            "/v{n}",
            "/{n}.json",
            "/{}",
            "/{1}",
            "/{a-b}",
            "/{a}/{a}",
            "/{a}{b}",
            "/{",
            "/}",
            "/{{a}}",
        ] {
            assert!(read(wrong, false).is_err(), "{wrong}");
        }
        assert!(read("/{a}", true).expect("a template").below);
        assert!(read(&format!("/{{a}}{}", "/b".repeat(64)), false).is_err());
    }
}
