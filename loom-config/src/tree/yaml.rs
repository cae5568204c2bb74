//! From YAML to the tree. Reads parser events instead of a loaded document, since only they tell quoted from unquoted
//! scalars and show a key that stands twice.

use saphyr_parser::{Event, Marker, Parser};

use super::builder::Builder;
use super::hints;
use super::{FileId, Node, Origin};
use crate::error::Report;

/// The tree of `text`; `None` when there is none. Every fault on the way goes into `report`.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let file = report.current();
    let mut builder = Builder::new(report);
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                hints::syntax_fault(text, &error, report);
                return None;
            }
        };
        let origin = origin(file, &span.start);
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                let message = "a second document starts here; one file holds one configuration";
                let fault = builder.report().add(origin, "", message);
                fault.with_hint("remove the line `---`");
                break;
            }
        } else if builder.event(event, origin).is_break() {
            return None;
        }
    }
    let root = builder.finish();
    if root.as_ref().is_none_or(Node::is_null) {
        let message = "the file is empty; this is the smallest one that does something";
        // Of an included file it may be what is left of it.
        if file == FileId::MAIN {
            report
                .add(Origin::start(file), "", message)
                .with_snippet(crate::MINIMAL);
        }
        return None;
    }
    root
}

fn origin(file: FileId, mark: &Marker) -> Origin {
    Origin::File {
        file,
        line: mark.line(),
        column: mark.col() + 1,
    }
}
