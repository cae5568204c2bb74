//! `compression`

use super::Checker;
use crate::limits;
use crate::model::Compression;
use crate::raw::{self, Encoding, OneOrMany};
use crate::schema::quoted;
use crate::tree::KeyPath;

pub(super) fn check(
    raw: &raw::Compression,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<Compression> {
    let mut found = Compression::default();
    let range = &limits::COMPRESSION_MIN_SIZE_RANGE;
    if let Some(size) = checker.size(raw.min_size.as_ref(), range, &path.key("min_size")) {
        found.min_size = size;
    }
    if let Some(encodings) = &raw.encodings {
        (found.gzip, found.br, found.zstd) = (false, false, false);
        for (_, encoding) in encodings.iter() {
            match encoding {
                Encoding::Gzip => found.gzip = true,
                Encoding::Br => found.br = true,
                Encoding::Zstd => found.zstd = true,
            }
        }
    }
    let types = path.key("exclude_types");
    for (index, written) in raw.exclude_types.iter().flat_map(OneOrMany::iter) {
        let kind = written.0.to_ascii_lowercase();
        if is_beginning(&kind) {
            found.exclude_types.push(kind);
        } else {
            let message = format!(
                "{} is not the beginning of a content type; expected one such as `text/csv`, without parameters",
                quoted(&written.0)
            );
            checker.fault(&types.item(index), message);
        }
    }
    Some(found)
}

fn is_beginning(kind: &str) -> bool {
    let is_token = |part: &str| {
        let mut bytes = part.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let parts = kind.split_once('/');
    parts.is_some_and(|(kind, rest)| !kind.is_empty() && is_token(kind) && is_token(rest))
}
