//! Lists of plugins: those of `plugin_sets`, of `defaults`, of each listener and of each route.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::names::Names;
use super::plugins::config_bytes;
use super::{AllNames, Checker, plugin_ids};
use crate::limits;
use crate::model::{Plugin, PluginOverrides, PluginUse};
use crate::raw::{self, Items, PluginEntry, Raw};
use crate::schema::listed;
use crate::suggest;
use crate::tree::KeyPath;

/// The keys of an entry that are about one plugin.
const SETTINGS: &[&str] = &["id", "config", "priority", "timeout", "failure_policy"];

/// What the lists of listeners and routes are made from. Where something is `None`, a fault was reported.
pub(super) struct PluginLists<'a> {
    names: &'a Names<'a>,
    plugins: Option<&'a [Plugin]>,
    sets: BTreeMap<&'a str, Option<Vec<PluginUse>>>,
    defaults: Option<Vec<PluginUse>>,
}

impl<'a> PluginLists<'a> {
    /// Reads sets and defaults.
    pub(super) fn collect(
        raw: &'a Raw,
        names: &'a AllNames<'a>,
        plugins: Option<&'a [Plugin]>,
        checker: &mut Checker<'_>,
    ) -> Self {
        let mut this = Self {
            names: &names.plugins,
            plugins,
            sets: BTreeMap::new(),
            defaults: Some(Vec::new()),
        };
        plugin_ids::check(raw, &names.plugins, checker);
        let section = KeyPath::ROOT.key("plugin_sets");
        for (name, items) in raw.plugin_sets.iter().flatten() {
            let entries = this.list(Some(items), &section.key(name), false, checker);
            this.sets.insert(name, entries);
        }
        let defaults = raw.defaults.as_ref();
        let section = KeyPath::ROOT.key("defaults");
        let defaults = defaults.and_then(|defaults| defaults.plugins.as_ref());
        this.defaults = this.list(defaults, &section.key("plugins"), true, checker);
        for entry in this.defaults.iter_mut().flatten() {
            entry.inherited = true;
        }
        this
    }

    /// The plugins of a route, in the order in which its requests pass them.
    pub(super) fn of_route(
        &self,
        raw: &raw::Route,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<PluginUse>> {
        let own = self.list(raw.plugins.as_ref(), &path.key("plugins"), true, checker);
        let inherited = if raw.inherit_plugins.unwrap_or(true) {
            self.defaults.clone()
        } else {
            Some(Vec::new())
        };
        let (own, mut entries) = (own?, inherited?);
        let inherited = entries.len();
        for entry in own {
            let mut before = entries.iter().take(inherited);
            if before.any(|known| known.runs_the_same_as(&entry)) {
                let name = self.plugins?.get(entry.plugin)?;
                let message = format!(
                    "the plugin `{}` is one of `defaults.plugins` with the same configuration",
                    name.name
                );
                checker
                    .fault(&path.key("plugins"), message)
                    .with_hint("leave it out here, or write `inherit_plugins: false`");
                return None;
            }
            entries.push(entry);
        }
        Some(in_order(entries))
    }

    /// The plugins of a listener, in the order in which its requests pass them. Those of `defaults` are for routes.
    pub(super) fn of_listener(
        &self,
        raw: Option<&Items<PluginEntry>>,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<PluginUse>> {
        self.list(raw, path, true, checker).map(in_order)
    }

    fn list(
        &self,
        raw: Option<&Items<PluginEntry>>,
        path: &KeyPath<'_>,
        takes_sets: bool,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<PluginUse>> {
        let mut list: Vec<PluginUse> = Vec::new();
        let mut complete = true;
        for (index, entry) in raw.into_iter().flat_map(Items::iter) {
            let path = path.index(index);
            let Some(entries) = self.entries(entry, &path, takes_sets, checker) else {
                complete = false;
                continue;
            };
            let is_known =
                |entry: &PluginUse| list.iter().any(|known| known.runs_the_same_as(entry));
            if entries.iter().any(is_known) {
                let message = "the plugin stands twice in this list with the same configuration; keep one of them";
                checker.fault(&path, message).with_hint(
                    "to run it twice, give one of them a `config` or an `id` of its own",
                );
            }
            list.extend(entries);
        }
        complete.then_some(list)
    }

    /// What one entry stands for: a plugin, or those of a set.
    fn entries(
        &self,
        entry: &PluginEntry,
        path: &KeyPath<'_>,
        takes_sets: bool,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<PluginUse>> {
        let raw = match entry {
            PluginEntry::Name(name) => {
                let as_it_is = PluginOverrides::default();
                return Some(vec![
                    self.plugin(&name.0, as_it_is, None, path, path, checker)?,
                ]);
            }
            PluginEntry::Full(raw) => raw,
        };
        match (&raw.plugin, &raw.set) {
            (Some(name), None) => {
                let overrides = overrides(raw, path, checker);
                let at = path.key("plugin");
                let entry = self.plugin(name, overrides, raw.priority, &at, path, checker)?;
                Some(vec![entry])
            }
            (None, Some(_)) if !checker.is_empty_of(path, SETTINGS) => {
                let message = format!(
                    "a set stands here as it is; its entries have {}",
                    listed(SETTINGS.iter().copied())
                );
                checker.fault(path, message);
                None
            }
            (None, Some(_)) if !takes_sets => {
                checker.fault(
                    &path.key("set"),
                    "a set cannot stand in a set; name its plugins",
                );
                None
            }
            (None, Some(name)) => self.set(name, &path.key("set"), checker),
            (None, None) if !checker.is_empty_of(path, &["plugin", "set"]) => None,
            _ => {
                checker.fault(path, "expected the name of a plugin, `plugin` or `set`");
                None
            }
        }
    }

    fn set(
        &self,
        name: &str,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) -> Option<Vec<PluginUse>> {
        if let Some(entries) = self.sets.get(name) {
            return entries.clone();
        }
        let known = || self.sets.keys().copied();
        let message = if self.sets.is_empty() {
            format!("there is no set `{name}`; the file defines none in `plugin_sets`")
        } else {
            format!(
                "there is no set `{name}`; the file defines {}",
                listed(known())
            )
        };
        let fault = checker.fault(path, message);
        if let Some(meant) = suggest::closest(name, known()) {
            fault.with_hint(format!("did you mean `{meant}`?"));
        }
        None
    }

    fn plugin(
        &self,
        name: &str,
        overrides: PluginOverrides,
        priority: Option<i32>,
        at: &KeyPath<'_>,
        path: &KeyPath<'_>,
        checker: &mut Checker<'_>,
    ) -> Option<PluginUse> {
        let plugin = self.names.resolve(name, at, checker)?;
        let model = self.plugins?.get(plugin)?;
        if model.service {
            let message =
                "this plugin is a `service`: it runs without a route and sees no requests";
            checker.fault(path, message).with_hint(
                "for the same file on a route, give it a second entry without `service`",
            );
        }
        Some(PluginUse {
            plugin,
            overrides,
            priority: priority.unwrap_or(model.priority),
            inherited: false,
        })
    }
}

/// By priority. Those of equal priority stay in the order of the lists.
fn in_order(mut entries: Vec<PluginUse>) -> Vec<PluginUse> {
    entries.sort_by_key(|entry| Reverse(entry.priority));
    entries
}

/// What is different about a plugin in this place.
fn overrides(
    raw: &raw::PluginUse,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> PluginOverrides {
    let range = &limits::PLUGIN_TIMEOUT_RANGE;
    PluginOverrides {
        id: raw.id.clone(),
        config: raw.config.as_ref().and_then(config_bytes),
        timeout: checker.duration(raw.timeout.as_ref(), range, &path.key("timeout")),
        failure_policy: raw.failure_policy.map(Into::into),
    }
}
