//! What kind of value a key takes, in few words.

use crate::schema::shape::Shape;

/// The words.
pub(super) fn of(shape: Shape<'_>) -> String {
    let shapes = shape.alternatives();
    let (lists, others): (Vec<_>, Vec<_>) = shapes
        .into_iter()
        .partition(|shape| shape.items().is_some());
    let mut kinds: Vec<String> = Vec::new();
    for kind in others.into_iter().map(one) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let single = kinds.join(" or ");
    for items in lists.into_iter().filter_map(Shape::items).map(of) {
        // Beside its own items, maybe behind a switch.
        kinds.push(if single.ends_with(&items) {
            "list of them".to_owned()
        } else {
            format!("list: {items}")
        });
    }
    kinds.join(" or ")
}

fn one(shape: Shape<'_>) -> String {
    if let Some(words) = shape.words() {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(" or ");
    }
    if shape.is_anything() {
        return "anything".to_owned();
    }
    match shape.name() {
        Some("Duration") => return "duration".to_owned(),
        Some("Size") => return "size".to_owned(),
        Some("Percentage" | "Fraction") => return "percentage".to_owned(),
        _ => {}
    }
    if shape.has_type("object") {
        return match shape.property("") {
            Some(values) => format!("mapping of names to {}", of(values)),
            None => "mapping".to_owned(),
        };
    }
    if let Some(title) = shape.title() {
        let articles = ["a ", "an ", "the "];
        let rest = articles
            .iter()
            .find_map(|article| title.strip_prefix(article));
        return rest.unwrap_or(title).to_owned();
    }
    if shape.has_type("boolean") {
        return "`true` or `false`".to_owned();
    }
    if shape.has_type("integer") {
        return match shape.range() {
            (Some(least), Some(most)) if least > i64::from(i32::MIN) => {
                format!("number, {least} to {most}")
            }
            _ => "number".to_owned(),
        };
    }
    "text".to_owned()
}
