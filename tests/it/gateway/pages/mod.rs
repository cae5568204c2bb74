//! The pages of `docs` that tell a reader what to do, done as they say.
//!
//! A comment before a code block, which readers do not see, says what becomes of it:
//!
//! | comment | the block |
//! |---|---|
//! | `<!-- file NAME -->` | is written into the reader's folder |
//! | `<!-- file NAME from PATH -->` | and is the same as that file of the repository |
//! | `<!-- excerpt of PATH -->` | stands in that file of the repository |
//! | `<!-- log -->` | stands in the log of the gateway that runs |
//! | `<!-- not run: REASON -->` | is left alone |
//!
//! Blocks of kind `console` are run: lines that begin with `$ ` are commands, what follows them is what they have to say.
//! There, and in logs, `...` is any text of a line, and alone on a line it is any lines. `<!-- fails -->` before them: with an
//! exit code other than 0. `<!-- needs PROGRAM -->`: left out where that is missing. `loom -config` runs until the next one.

mod expected;
mod markdown;
mod reader;

use self::reader::Reader;
use crate::built;

#[test]
fn first_plugin() {
    // Half of the page is Go.
    if built::plugin("add-header-go").is_some() {
        Reader::new("docs/first-plugin.md").follow();
    }
}

#[test]
fn rate_limit_jwt() {
    Reader::new("examples/rate-limit-jwt/README.md").follow();
}

#[test]
fn plugin_api() {
    Reader::new("docs/plugin-api.md").follow();
}
