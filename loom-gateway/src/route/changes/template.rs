//! Texts with parameters in them.

use loom_config::model::{Piece, Template};

/// The text, with these values of its parameters; one without a value leaves nothing.
pub(in crate::route) fn render<'a>(
    template: &Template,
    value: impl Fn(&str) -> Option<&'a str>,
) -> String {
    let mut text = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Parameter(name) => text.push_str(value(name).unwrap_or_default()),
        }
    }
    text
}
