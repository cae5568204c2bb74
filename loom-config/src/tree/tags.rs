//! What a scalar is, by its quotes and by a tag such as `!!str`.

use saphyr_parser::{ScalarStyle, Tag};

use super::Data;

/// What YAML takes a scalar for; `None` when its tag does not fit.
pub(crate) fn data(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Data> {
    let untagged = if style == ScalarStyle::Plain {
        Data::of_plain(text)
    } else {
        Data::Text
    };
    let Some(tag) = tag else {
        return Some(untagged);
    };
    if !tag.is_yaml_core_schema() {
        return None;
    }
    let is_whole = |data| matches!(data, Data::Integer(_) | Data::Unsigned(_));
    let data = Data::of_plain(text);
    let fits = match tag.suffix.as_str() {
        "str" => return Some(Data::Text),
        "int" => is_whole(data),
        "float" => is_whole(data) || matches!(data, Data::Float(_)),
        "bool" => matches!(data, Data::Bool(_)),
        "null" => data == Data::Null,
        _ => false,
    };
    fits.then_some(data)
}

/// Whether a mapping or list may carry this tag.
pub(crate) fn fits_collection(tag: Option<&Tag>) -> bool {
    tag.is_none_or(|tag| tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq"))
}

/// The tag as it was written.
pub(crate) fn shown(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        tag.to_string()
    }
}
