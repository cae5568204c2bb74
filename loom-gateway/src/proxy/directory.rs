//! The upstreams by name, as plugins call them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;

use super::callouts::CalloutService;
use super::upstream::{Upstream, UpstreamStatus};

type ByName = FxHashMap<String, Arc<Upstream>>;

/// What the names stand for now. All copies are one: a plugin that a reload keeps calls what the new configuration says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    by_name: Arc<ArcSwap<ByName>>,
}

impl Directory {
    /// The upstream of this name, for a plugin's call.
    pub(crate) fn find(&self, name: &str) -> Option<CalloutService> {
        let upstream = self.by_name.load().get(name).cloned()?;
        Some(CalloutService::new(upstream))
    }

    /// What they are doing, by their names.
    pub(crate) fn status(&self) -> Vec<UpstreamStatus> {
        let by_name = self.by_name.load();
        let mut status: Vec<_> = by_name.values().map(|upstream| upstream.status()).collect();
        status.sort_by(|one, other| one.name.cmp(&other.name));
        status
    }

    /// From now on there are these.
    pub(crate) fn replace(&self, upstreams: &[Arc<Upstream>]) {
        self.by_name.store(Arc::new(by_name(upstreams)));
    }

    /// Adds those whose names are not there, for plugins that start before the configuration is in force. Dropped without
    /// [`keep`](Addition::keep), the names are gone again.
    pub(crate) fn add(&self, upstreams: &[Arc<Upstream>]) -> Addition<'_> {
        let before = self.by_name.load_full();
        let mut all = by_name(upstreams);
        all.extend(
            before
                .iter()
                .map(|(name, upstream)| (name.clone(), Arc::clone(upstream))),
        );
        self.by_name.store(Arc::new(all));
        Addition {
            directory: self,
            before: Some(before),
        }
    }
}

/// Names that were added for the time being.
#[derive(Debug)]
pub(crate) struct Addition<'a> {
    directory: &'a Directory,
    before: Option<Arc<ByName>>,
}

impl Addition<'_> {
    /// The names stay.
    pub(crate) fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Addition<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            self.directory.by_name.store(before);
        }
    }
}

fn by_name(upstreams: &[Arc<Upstream>]) -> ByName {
    upstreams
        .iter()
        .map(|upstream| (upstream.name().to_owned(), Arc::clone(upstream)))
        .collect()
}

#[cfg(test)]
mod tests {
    use loom_config::Loader;

    use super::*;

    fn echo(name: &str) -> Arc<Upstream> {
        let yaml = format!("upstreams: [{{name: {name}, builtin: echo}}]");
        let config = Loader::default().parse("loom.yaml", &yaml);
        Arc::new(Upstream::new(
            &config.expect("valid").upstreams[0],
            None,
            None,
        ))
    }

    #[test]
    fn names_that_were_added_go_unless_they_are_kept() {
        let directory = Directory::default();
        directory.replace(&[echo("a")]);
        let copy = directory.clone();
        let addition = directory.add(&[echo("b")]);
        assert!(copy.find("a").is_some() && copy.find("b").is_some());
        drop(addition);
        assert!(copy.find("a").is_some() && copy.find("b").is_none());
        directory.add(&[echo("b")]).keep();
        assert!(copy.find("b").is_some());
        directory.replace(&[echo("c")]);
        assert!(copy.find("a").is_none() && copy.find("c").is_some());
    }
}
