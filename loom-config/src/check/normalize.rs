//! `listeners[].normalize_path`

use crate::model::{DotSegments, EscapedSlashes, NormalizePath};
use crate::raw;

/// What is not said is as it is without the section.
pub(super) fn rules(raw: Option<&raw::NormalizePath>) -> NormalizePath {
    let mut rules = NormalizePath::default();
    let Some(raw) = raw else { return rules };
    if let Some(dots) = raw.dot_segments {
        rules.dot_segments = match dots {
            raw::DotSegments::Resolve => DotSegments::Resolve,
            raw::DotSegments::Reject => DotSegments::Reject,
        };
    }
    if let Some(slashes) = raw.escaped_slashes {
        rules.escaped_slashes = match slashes {
            raw::EscapedSlashes::Keep => EscapedSlashes::Keep,
            raw::EscapedSlashes::Unescape => EscapedSlashes::Unescape,
            raw::EscapedSlashes::Redirect => EscapedSlashes::Redirect,
            raw::EscapedSlashes::Reject => EscapedSlashes::Reject,
        };
    }
    rules.merge_slashes = raw.merge_slashes.unwrap_or(rules.merge_slashes);
    rules
}
