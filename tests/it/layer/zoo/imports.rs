//! Guests that import every function that there is; which those are, the fuzz targets say.

use std::fmt::Write as _;

use loom_fuzz::targets::host_calls::{IMPORTS, Import};

use super::super::support::Guest;

/// Those that answer with a status. The one that makes what is called after it act on another context is last.
pub(super) fn all() -> impl Iterator<Item = &'static Import> {
    IMPORTS.iter().filter(|import| import.answers)
}

/// The guest with all of them, as `$f0`, `$f1`, ...
pub(super) fn import_all(mut guest: Guest) -> Guest {
    for (number, import) in all().enumerate() {
        let mut params = String::new();
        for kind in import.kinds.chars() {
            params += if kind == 'I' { " i64" } else { " i32" };
        }
        guest = guest.import(
            import.module,
            import.name,
            &format!("(func $f{number} (param{params}) (result i32))"),
        );
    }
    guest
}

/// A call of the import of this number; its result is dropped.
pub(super) fn call(import: &Import, number: usize, argument: impl Fn(char) -> String) -> String {
    let mut arguments = String::new();
    for kind in import.kinds.chars() {
        let _ = write!(arguments, " {}", argument(kind));
    }
    format!("(drop (call $f{number}{arguments}))")
}
