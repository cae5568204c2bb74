//! The way from the top of the document to a value, as it is shown in faults: `routes[0].plugins[1].config`.

use std::fmt;

/// A path that borrows its parents: walking down a document allocates nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyPath<'a> {
    step: Option<(&'a KeyPath<'a>, Step<'a>)>,
}

/// One step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> KeyPath<'a> {
    /// The document itself.
    pub(crate) const ROOT: Self = Self { step: None };

    /// The value of a key.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self {
            step: Some((self, Step::Key(key))),
        }
    }

    /// An item of a list.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self {
            step: Some((self, Step::Index(index))),
        }
    }

    /// An item of a list, or this place itself when a scalar stands for a list of one.
    pub(crate) fn item(&'a self, index: Option<usize>) -> Self {
        index.map_or(*self, |index| self.index(index))
    }

    /// The same path with another number in the place of the one behind its first key.
    pub(crate) fn renumbered(&self, index: usize) -> Renumbered<'a> {
        Renumbered(*self, index)
    }

    /// From the top down.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step<'a>> {
        let mut steps = Vec::new();
        let mut at = *self;
        while let Some((parent, step)) = at.step {
            steps.push(step);
            at = *parent;
        }
        steps.into_iter().rev()
    }
}

/// See [`KeyPath::renumbered`].
#[derive(Debug)]
pub(crate) struct Renumbered<'a>(KeyPath<'a>, usize);

impl fmt::Display for Renumbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.steps().enumerate() {
            match step {
                Step::Index(_) if depth == 1 => show(f, depth, Step::Index(self.1))?,
                step => show(f, depth, step)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for KeyPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.steps().enumerate() {
            show(f, depth, step)?;
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, depth: usize, step: Step<'_>) -> fmt::Result {
    match step {
        Step::Key(key) if depth == 0 => f.write_str(key),
        Step::Key(key) => write!(f, ".{key}"),
        Step::Index(index) => write!(f, "[{index}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_people_write_it() {
        let routes = KeyPath::ROOT.key("routes");
        let route = routes.index(0);
        assert_eq!(
            route.key("plugins").index(1).key("config").to_string(),
            "routes[0].plugins[1].config"
        );
        assert_eq!(
            route.key("plugins").index(1).renumbered(7).to_string(),
            "routes[7].plugins[1]"
        );
        assert_eq!(route.item(None).to_string(), "routes[0]");
        assert_eq!(KeyPath::ROOT.to_string(), "");
    }
}
