//! What `cargo xtask` does, as a library: the integration tests build the plugins through it too.

mod cargo;
mod error;

pub mod demo;
pub mod plugins;
pub mod schema;

use std::path::Path;

pub use error::Error;

/// The root of the workspace, as it was when this crate was compiled.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use loom_config::Loader;

    #[test]
    fn the_configurations_of_the_examples_are_right() {
        for name in [
            "examples/first-plugin/loom.yaml",
            "examples/guide/loom.yaml",
        ] {
            let loaded = Loader::new([]).load(super::root().join(name));
            loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn the_readme_shows_the_guide_s_configuration() {
        let read = |name| fs::read_to_string(super::root().join(name)).unwrap();
        let shown = format!("```yaml\n{}```\n", read("examples/guide/loom.yaml"));
        assert!(read("README.md").contains(&shown));
    }
}
