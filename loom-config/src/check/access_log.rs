//! `access_log`

use super::Checker;
use crate::model::{AccessField, AccessLog, AccessLogPath, LogFormat};
use crate::raw;
use crate::tree::KeyPath;

pub(super) fn check(raw: Option<&raw::AccessLog>, checker: &mut Checker<'_>) -> Option<AccessLog> {
    let raw = raw?;
    let section = KeyPath::ROOT.key("access_log");
    let path = match raw.path.as_deref() {
        None | Some("stdout") => AccessLogPath::Stdout,
        Some("stderr") => AccessLogPath::Stderr,
        Some("") => {
            checker
                .fault(&section.key("path"), "there is no file without a name")
                .with_hint("write stdout, stderr or the path of a file");
            return None;
        }
        Some(file) => AccessLogPath::File(checker.beside(&section.key("path"), file)),
    };
    Some(AccessLog {
        format: raw.format.map_or(LogFormat::Json, LogFormat::from),
        path,
        fields: fields(raw, &section.key("fields"), checker),
    })
}

fn fields(raw: &raw::AccessLog, path: &KeyPath<'_>, checker: &mut Checker<'_>) -> Vec<AccessField> {
    let Some(written) = &raw.fields else {
        return AccessField::DEFAULT.to_vec();
    };
    let mut fields = Vec::new();
    for (index, field) in written.iter() {
        let field = AccessField::from(*field);
        if fields.contains(&field) {
            checker.fault(
                &path.index(index),
                format!("`{}` is in the list already", field.name()),
            );
        }
        fields.push(field);
    }
    if written.iter().next().is_none() && checker.tree.nearest(path).size() == 1 {
        checker
            .fault(path, "a line without fields tells nothing")
            .with_hint("leave out `access_log` to have no lines");
    }
    fields
}

impl From<raw::AccessField> for AccessField {
    fn from(raw: raw::AccessField) -> Self {
        match raw {
            raw::AccessField::Time => Self::Time,
            raw::AccessField::Method => Self::Method,
            raw::AccessField::Host => Self::Host,
            raw::AccessField::Path => Self::Path,
            raw::AccessField::Query => Self::Query,
            raw::AccessField::Status => Self::Status,
            raw::AccessField::DurationMs => Self::DurationMs,
            raw::AccessField::BytesIn => Self::BytesIn,
            raw::AccessField::BytesOut => Self::BytesOut,
            raw::AccessField::Route => Self::Route,
            raw::AccessField::Upstream => Self::Upstream,
            raw::AccessField::Endpoint => Self::Endpoint,
            raw::AccessField::Attempts => Self::Attempts,
            raw::AccessField::Plugin => Self::Plugin,
            raw::AccessField::Error => Self::Error,
            raw::AccessField::Complete => Self::Complete,
            raw::AccessField::RequestId => Self::RequestId,
            raw::AccessField::Client => Self::Client,
            raw::AccessField::UserAgent => Self::UserAgent,
            raw::AccessField::TraceId => Self::TraceId,
        }
    }
}
