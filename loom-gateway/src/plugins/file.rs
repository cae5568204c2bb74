//! Whether a plugin's file is still the one that was loaded.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// How old a change has to be before the time of it tells contents apart: what is written just after a file was looked at
/// may bear the same time, since file systems and kernels count in steps of up to two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// More than the time between two ticks of the clock by which the system stamps files.
const TICK: Duration = Duration::from_millis(20);

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file at the end of all links; `None` when there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Some(Self::from(&std::fs::metadata(path).ok()?))
    }

    /// Whether the file may have become what it is after this moment. The system's clock of files ticks slowly.
    pub(crate) fn may_be_since(&self, moment: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed.max(self.modified);
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds))
        else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        changed + TICK >= moment
    }

    /// Whether a content that was read just now would surely get another stamp when it changes.
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let then = u64::try_from(self.changed.0.max(self.modified.0)).map(Duration::from_secs);
        matches!((now, then), (Ok(now), Ok(then)) if now.saturating_sub(then) > SETTLED)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A content that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    sha256: [u8; 32],
    /// `None` when it would not show the next change.
    stamp: Option<Stamp>,
}

impl Seen {
    /// A content that was loaded from somewhere else than from the file as it is now.
    pub(super) fn loaded(sha256: [u8; 32]) -> Self {
        Self {
            sha256,
            stamp: None,
        }
    }

    /// Whether the file still has this content. Reads it only where its stamp does not tell; `None` when it cannot be
    /// read.
    pub(super) fn is_still(&mut self, path: &Path) -> Option<bool> {
        let file = File::open(path).ok()?;
        let stamp = Stamp::from(&file.metadata().ok()?);
        if self.stamp.as_ref() == Some(&stamp) {
            return Some(true);
        }
        let settled = stamp.is_settled();
        let same = digest(file).ok()? == self.sha256;
        self.stamp = (same && settled).then_some(stamp);
        Some(same)
    }
}

fn digest(mut file: File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_of_the_same_size_just_after_the_last_look_is_seen() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a");
        fs::write(&path, "one").expect("written");
        let mut seen = Seen::loaded(Sha256::digest("one").into());
        assert_eq!(seen.is_still(&path), Some(true));
        fs::write(&path, "two").expect("written");
        assert_eq!(seen.is_still(&path), Some(false));
        fs::write(&path, "one").expect("written");
        assert_eq!(seen.is_still(&path), Some(true));
        fs::remove_file(&path).expect("removed");
        assert_eq!(seen.is_still(&path), None);
    }

    #[test]
    fn an_old_file_is_read_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a");
        fs::write(&path, "one").expect("written");
        let mut seen = Seen::loaded(Sha256::digest("one").into());
        // A stamp of another digest: whether the file is read again shows in the answer.
        seen.stamp = Some(Stamp::from(&fs::metadata(&path).expect("a file")));
        seen.sha256 = [0; 32];
        assert_eq!(seen.is_still(&path), Some(true));
        seen.stamp = None;
        assert_eq!(seen.is_still(&path), Some(false));
    }
}
