//! Examples of values, as YAML in one line.

use serde_json::Value as Json;

use crate::schema::shape::Shape;

/// An example of what may stand there, another one than the default if there are several.
pub(super) fn of_shape(shape: Shape<'_>, default: Option<&Json>) -> Option<Json> {
    let differs = |value: &Json| Some(value) != default;
    if let Some(words) = shape.words() {
        let mut words = words.into_iter().map(Json::from);
        return words.find(differs);
    }
    if shape.is_constant() {
        return None;
    }
    if shape.has_type("boolean") {
        return [true, false].map(Json::from).into_iter().find(differs);
    }
    let mut examples = shape.examples().into_iter().flatten();
    examples.find(|value| differs(value)).cloned()
}

/// A value in the flow style of YAML.
pub(super) fn yaml(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text, false),
        Json::Array(_) | Json::Object(_) => flow(value),
        other => other.to_string(),
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text, true),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key, true), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Text without quotes where it means the same.
fn scalar(text: &str, in_flow: bool) -> String {
    let is_plain = text.chars().all(|c| {
        c.is_ascii_alphanumeric() || "/._-%+=?".contains(c) || (!in_flow && " :*".contains(c))
    });
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let is_other_type = text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "null");
    let is_mapping = text.contains(": ") || text.ends_with(':');
    if is_plain && starts_plain && !is_other_type && !is_mapping {
        text.to_owned()
    } else {
        Json::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_needs_quotes_has_them() {
        for (value, written) in [
            (json!("10s"), "10s"),
            (json!("0660"), "\"0660\""),
            (json!("*.example.com"), "\"*.example.com\""),
            (json!("127.0.0.1:80"), "127.0.0.1:80"),
            (json!(["127.0.0.1:80", "a"]), "[\"127.0.0.1:80\", a]"),
            (json!({"x-a": [1, "1"]}), "{x-a: [1, \"1\"]}"),
            (json!("/api/*"), "/api/*"),
            (json!("true"), "\"true\""),
        ] {
            assert_eq!(yaml(&value), written);
        }
    }
}
