//! A change of a file is a reload.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use loom_config::Config;
use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::reload::Reloader;
use super::sources::Sources;
use crate::limits;
use crate::plugins::Stamp;

/// Looks after the files of a configuration: `loom.yaml`, what it includes, what its values come from, the files of its
/// plugins. A file that comes to fit a pattern of `include` is a change, too.
///
/// It watches folders and not files, since most changes are a new file in the place of the old one. In Kubernetes that
/// new file is a link three links away, so every folder on the way to a file is watched. What happens there is only a
/// reason to look: what counts is whether a file is another one than before.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    events: Receiver<()>,
    folders: BTreeSet<PathBuf>,
    seen: Seen,
}

type Seen = BTreeMap<PathBuf, Option<Stamp>>;

impl Watch {
    /// Watches from now on; what changes before [`run`](Self::run) is not lost.
    ///
    /// # Errors
    ///
    /// When the system has nothing to watch with, or no more of it.
    pub(crate) fn new(config: &Config) -> Result<Self, notify::Error> {
        // One is as good as many.
        let (sender, events) = channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if !matches!(&event, Ok(event) if is_of_a_reader(event.kind)) {
                let _ = sender.try_send(());
            }
        })?;
        let mut watch = Self {
            watcher,
            events,
            folders: BTreeSet::new(),
            seen: Seen::new(),
        };
        let sources = Sources::of(config);
        watch.seen = look(sources.files());
        watch.follow(&sources);
        Ok(watch)
    }

    /// Reloads the gateway whenever a file has changed, as long as `reload.watch` says so.
    pub(crate) async fn run(mut self, reloader: Reloader) {
        let mut again = false;
        while again || self.events.recv().await.is_some() {
            again = false;
            self.until_quiet().await;
            // A secret or a plugin may be on a file system that takes its time.
            let sources = reloader.sources();
            let looking = {
                let sources = sources.clone();
                tokio::task::spawn_blocking(move || look(sources.files()))
            };
            let Ok(now) = looking.await else {
                return;
            };
            let before = std::mem::replace(&mut self.seen, now);
            let changed = changed(&before, &self.seen, |file| sources.is_included(file));
            if changed.is_empty() || !reloader.config().reload.watch {
                continue;
            }
            tracing::info!(files = ?changed, "changed");
            let begin = SystemTime::now();
            // The result is in the log, and what is refused is looked at again with the next change.
            let _ = reloader.reload().await;
            let sources = reloader.sources();
            self.follow(&sources);
            for file in sources.files() {
                if let Entry::Vacant(new) = self.seen.entry(file) {
                    // What it was when it was read is not known if it has changed since.
                    let (stamp, late) = since(begin, Stamp::of(new.key()));
                    again |= late;
                    new.insert(stamp);
                }
            }
        }
    }

    async fn until_quiet(&mut self) {
        let patience = Instant::now() + limits::WATCH_PATIENCE;
        let quiet = async {
            while let Ok(Some(())) = timeout(limits::WATCH_QUIET, self.events.recv()).await {}
        };
        let _ = timeout_at(patience, quiet).await;
    }

    /// Watches the folders of these files, those in which further ones may appear, and no others.
    fn follow(&mut self, sources: &Sources) {
        // What fits a pattern is in one of its folders; links lead elsewhere.
        let inside = sources.folders();
        let inside = inside.iter().map(|folder| folder.join("*"));
        let folders: BTreeSet<PathBuf> = sources
            .files()
            .into_iter()
            .chain(inside)
            .flat_map(|file| folders(&file))
            .collect();
        for gone in self.folders.difference(&folders) {
            // A folder that was removed is not watched any more as it is.
            let _ = self.watcher.unwatch(gone);
        }
        for folder in folders.difference(&self.folders) {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "not watched, SIGHUP reloads after a change");
            }
        }
        self.folders = folders;
    }
}

/// The stamp to compare with next time, and whether that should be at once: a file that became what it is after `begin` counts
/// as one that was not there.
fn since(begin: SystemTime, stamp: Option<Stamp>) -> (Option<Stamp>, bool) {
    let late = stamp
        .as_ref()
        .is_some_and(|stamp| stamp.may_be_since(begin));
    (stamp.filter(|_| !late), late)
}

/// Reading, our own above all, changes nothing.
fn is_of_a_reader(kind: EventKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn look(files: BTreeSet<PathBuf>) -> Seen {
    files
        .into_iter()
        .map(|file| {
            let stamp = Stamp::of(&file);
            (file, stamp)
        })
        .collect()
}

/// What is not as it was. A file that was not looked at before is a change only when it is `included` because of its name; so
/// is one that is looked for no more.
fn changed<'a>(before: &'a Seen, now: &'a Seen, included: impl Fn(&Path) -> bool) -> Vec<&'a Path> {
    let changed = |file: &PathBuf, stamp: &Option<Stamp>| match before.get(file) {
        Some(before) => before != stamp,
        None => included(file),
    };
    let gone = before
        .keys()
        .filter(|file| !now.contains_key(*file) && included(file));
    now.iter()
        .filter(|(file, stamp)| changed(file, stamp))
        .map(|(file, _)| file.as_path())
        .chain(gone.map(PathBuf::as_path))
        .collect()
}

/// The folders in which a change may put another file at this path: its own, and those of all links on the way. A folder
/// that is not there is represented by the nearest one that is.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..limits::WATCH_LINKS {
        let Some((link, target)) = first_link(&path) else {
            break;
        };
        let Ok(rest) = path.strip_prefix(&link) else {
            break;
        };
        let parent = link.parent().unwrap_or(Path::new("/"));
        folders.insert(parent.to_owned());
        path = if rest.as_os_str().is_empty() {
            parent.join(target)
        } else {
            parent.join(target).join(rest)
        };
    }
    let parents = path.ancestors().skip(1);
    folders.extend(
        parents
            .into_iter()
            .find(|parent| parent.is_dir())
            .map(Path::to_owned),
    );
    folders
}

/// The first part of a path that is a link, and where it leads.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    let mut links = parts.into_iter().filter(|part| part.is_symlink());
    let link = links.next()?;
    Some((link.to_owned(), std::fs::read_link(link).ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_folder_on_the_way_is_watched() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path().canonicalize().expect("a path");
        // As Kubernetes lays out a ConfigMap.
        fs::create_dir(root.join("..one")).expect("created");
        fs::write(root.join("..one/loom.yaml"), "").expect("written");
        symlink("..one", root.join("..data")).expect("linked");
        symlink("..data/loom.yaml", root.join("loom.yaml")).expect("linked");
        assert_eq!(
            folders(&root.join("loom.yaml")),
            BTreeSet::from([root.clone(), root.join("..one")])
        );
        assert_eq!(
            folders(&root.join("not/there/yet.wasm")),
            BTreeSet::from([root.clone()])
        );
    }

    #[test]
    fn links_in_a_circle_end() {
        let root = tempfile::tempdir().expect("a directory");
        symlink("b", root.path().join("a")).expect("linked");
        symlink("a", root.path().join("b")).expect("linked");
        assert!(!folders(&root.path().join("a")).is_empty());
    }

    #[test]
    fn what_came_while_files_were_read_is_looked_at_again() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("a");
        let begin = SystemTime::now();
        assert!(matches!(since(begin, Stamp::of(&file)), (None, false)));
        fs::write(&file, "1").expect("written");
        assert!(matches!(since(begin, Stamp::of(&file)), (None, true)));
        let later = SystemTime::now() + Duration::from_secs(1);
        assert!(matches!(since(later, Stamp::of(&file)), (Some(_), false)));
    }

    #[test]
    fn a_file_in_the_place_of_another_is_a_change() {
        let root = tempfile::tempdir().expect("a directory");
        let (file, other) = (root.path().join("a"), root.path().join("b"));
        fs::write(&file, "1").expect("written");
        let look = || look(BTreeSet::from([file.clone()]));
        let before = look();
        assert!(changed(&before, &look(), |_| false).is_empty());
        fs::write(&other, "1").expect("written");
        fs::rename(&other, &file).expect("renamed");
        let now = look();
        assert_eq!(changed(&before, &now, |_| false), [file.as_path()]);
        fs::remove_file(&file).expect("removed");
        assert_eq!(changed(&now, &look(), |_| false), [file.as_path()]);
        let nothing = Seen::new();
        assert!(changed(&nothing, &now, |_| false).is_empty());
        assert_eq!(changed(&nothing, &now, |_| true), [file.as_path()]);
        assert_eq!(changed(&now, &nothing, |_| true), [file.as_path()]);
    }
}
