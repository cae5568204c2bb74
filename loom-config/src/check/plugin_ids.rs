//! The ids that plugins have in lists: they stand where names of plugins stand, so one of them means one plugin.

use std::collections::HashMap;

use super::Checker;
use super::names::{self, Names};
use crate::raw::{Items, PluginEntry, Raw};
use crate::tree::KeyPath;

/// Checks the ids of all lists. One may stand in several places, if it means the same plugin in all of them.
pub(super) fn check(raw: &Raw, names: &Names<'_>, checker: &mut Checker<'_>) {
    let mut ids = Ids {
        names,
        plugins: HashMap::new(),
    };
    let sets = KeyPath::ROOT.key("plugin_sets");
    for (name, list) in raw.plugin_sets.iter().flatten() {
        ids.list(Some(list), &sets.key(name), checker);
    }
    if let Some(defaults) = &raw.defaults {
        let path = KeyPath::ROOT.key("defaults");
        ids.list(defaults.plugins.as_ref(), &path.key("plugins"), checker);
    }
    let listeners = KeyPath::ROOT.key("listeners");
    for (index, listener) in raw.listeners.iter().flat_map(Items::iter) {
        let path = listeners.index(index);
        ids.list(listener.plugins(), &path.key("plugins"), checker);
    }
    let routes = KeyPath::ROOT.key("routes");
    for (index, route) in raw.routes.iter().flat_map(Items::iter) {
        let path = routes.index(index);
        ids.list(route.plugins.as_ref(), &path.key("plugins"), checker);
    }
}

struct Ids<'a> {
    names: &'a Names<'a>,
    /// The plugin that each id means.
    plugins: HashMap<&'a str, &'a str>,
}

impl<'a> Ids<'a> {
    fn list(
        &mut self,
        list: Option<&'a Items<PluginEntry>>,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) {
        for (index, entry) in list.into_iter().flat_map(Items::iter) {
            let PluginEntry::Full(entry) = entry else {
                continue;
            };
            if let (Some(id), Some(plugin)) = (&entry.id, &entry.plugin) {
                self.id(id, plugin, &path.index(index).key("id"), checker);
            }
        }
    }

    fn id(&mut self, id: &'a str, plugin: &'a str, path: &KeyPath<'_>, checker: &mut Checker<'_>) {
        names::PLUGINS.check_name(id, path, checker);
        if self.names.has(id) {
            let message = format!("a plugin is named `{id}`; an id is another name");
            checker.fault(path, message);
            return;
        }
        let first = *self.plugins.entry(id).or_insert(plugin);
        if first != plugin {
            let message =
                format!("the plugin `{first}` has the id `{id}` elsewhere; an id means one plugin");
            checker.fault(path, message);
        }
    }
}
