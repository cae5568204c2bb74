//! Paths with parameters: `/users/{id}`.

use super::paths::Wrong;
use crate::limits;
use crate::model::{PathTemplate, Segment};

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
