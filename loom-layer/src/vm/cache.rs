//! Compiled code on disk.
//!
//! An entry is used only when it belongs to this user, nobody else can write it or its directory, its digest matches, and
//! it carries the key that was asked for: the hash of the wasm code and of the engine's version, settings and CPU
//! features. Everything else is compiled again and written anew. Nothing here is needed: every fault of the cache is a
//! log line, never an error.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use super::precompiled;

/// What an entry begins with: a change of the format changes the name.
const MAGIC: &[u8; 8] = b"loomcwa1";
/// Magic, key, digest of what follows.
const HEADER: usize = 8 + 32 + 32;
/// Larger entries are nobody's compiled plugin.
const MAX_BYTES: u64 = 1 << 30;

/// A SHA-256 digest.
pub(crate) type Sha = [u8; 32];

/// The digest of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

/// A directory of compiled modules.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    directory: PathBuf,
}

/// Compiled code whose origin was verified: see [`precompiled::load`].
pub(super) struct Verified(Vec<u8>);

impl Verified {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[HEADER..]
    }
}

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The default directory: `loom` under the user's cache directory, if there is one.
    pub(crate) fn default_directory() -> Option<PathBuf> {
        dirs::cache_dir().map(|directory| directory.join("loom"))
    }

    /// The compiled module for the code of this hash, if a trustworthy entry is there.
    pub(crate) fn get(&self, engine: &Engine, code: &Sha) -> Option<Module> {
        let key = key(engine, code);
        let path = self.path(&key);
        let verified = match self.read(&path, &key) {
            Ok(verified) => verified,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(target: "loom::cache", path = %path.display(), %error, "cached code is not used; compiling again");
                return None;
            }
        };
        match precompiled::load(engine, &verified) {
            Ok(module) => Some(module),
            Err(error) => {
                tracing::warn!(target: "loom::cache", path = %path.display(), %error, "cached code is stale; compiling again");
                None
            }
        }
    }

    /// Keeps a compiled module.
    pub(crate) fn put(&self, engine: &Engine, code: &Sha, module: &Module) {
        let key = key(engine, code);
        let path = self.path(&key);
        let written = module
            .serialize()
            .map_err(io::Error::other)
            .and_then(|bytes| self.write(&path, &key, &bytes));
        if let Err(error) = written {
            tracing::warn!(target: "loom::cache", path = %path.display(), %error, "compiled code cannot be kept; the next start compiles again");
        }
    }

    fn path(&self, key: &Sha) -> PathBuf {
        let mut name = String::with_capacity(70);
        for byte in key {
            name.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            name.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        name.push_str(".cwasm");
        self.directory.join(name)
    }

    fn read(&self, path: &Path, key: &Sha) -> io::Result<Verified> {
        let directory = fs::symlink_metadata(&self.directory)?;
        if !directory.is_dir() {
            return Err(io::Error::other("its directory is not a directory"));
        }
        must_be_ours(&directory)?;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags.bits()).map_err(io::Error::other)?)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        must_be_ours(&metadata)?;
        if metadata.len() > MAX_BYTES {
            return Err(io::Error::other("it is too large"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        Read::take(&mut file, MAX_BYTES).read_to_end(&mut bytes)?;
        verify(bytes, key)
    }

    fn write(&self, path: &Path, key: &Sha, code: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        must_be_ours(&fs::symlink_metadata(&self.directory)?)?;
        // A file of its own, owner-only from the start, which then takes the entry's name in one step.
        let mut file = tempfile::Builder::new()
            .prefix(".writing-")
            .tempfile_in(&self.directory)?;
        file.write_all(MAGIC)?;
        file.write_all(key)?;
        file.write_all(&sha256(code))?;
        file.write_all(code)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_directory(&self.directory)
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Refuses what another user owns or may write.
fn must_be_ours(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user",
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "other users can write it",
        ));
    }
    Ok(())
}

fn verify(bytes: Vec<u8>, key: &Sha) -> io::Result<Verified> {
    let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let (header, code) = bytes
        .split_at_checked(HEADER)
        .ok_or_else(|| damaged("it is cut off"))?;
    if &header[..8] != MAGIC {
        return Err(damaged("it is no entry of this cache"));
    }
    if &header[8..40] != key {
        return Err(damaged("it was made for other code"));
    }
    if header[40..] != sha256(code) {
        return Err(damaged("its digest does not match"));
    }
    Ok(Verified(bytes))
}

/// The key of an entry: everything that the machine code depends on.
fn key(engine: &Engine, code: &Sha) -> Sha {
    struct Sink(Sha256);
    impl Hasher for Sink {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut sink = Sink(Sha256::new());
    code.hash(&mut sink);
    engine.precompile_compatibility_hash().hash(&mut sink);
    sink.0.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Fixture {
        _directory: tempfile::TempDir,
        cache: Cache,
        engine: Engine,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            Self {
                cache: Cache::new(directory.path().join("cache")),
                _directory: directory,
                engine: crate::vm::engine::engine().expect("an engine"),
            }
        }

        fn add(&self, answer: u32) -> (Sha, PathBuf) {
            let wat = format!("(module (func (export \"f\") (result i32) i32.const {answer}))");
            let wasm = wat::parse_str(wat).expect("valid");
            let module = Module::new(&self.engine, &wasm).expect("compiles");
            let code = sha256(&wasm);
            self.cache.put(&self.engine, &code, &module);
            let path = self.cache.path(&key(&self.engine, &code));
            assert!(
                self.cache.get(&self.engine, &code).is_some(),
                "a fresh entry is used"
            );
            (code, path)
        }

        fn is_used(&self, code: &Sha) -> bool {
            self.cache.get(&self.engine, code).is_some()
        }
    }

    #[test]
    fn a_flipped_byte_anywhere_is_noticed() {
        let fixture = Fixture::new();
        let (code, path) = fixture.add(1);
        let whole = fs::read(&path).expect("an entry");
        for at in [0, 8, 39, 40, 71, 72, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).expect("written");
            assert!(!fixture.is_used(&code), "byte {at}");
        }
        for len in [0, 7, HEADER, whole.len() - 1] {
            fs::write(&path, &whole[..len]).expect("written");
            assert!(!fixture.is_used(&code), "{len} bytes");
        }
        fs::write(&path, &whole).expect("written");
        assert!(fixture.is_used(&code));
    }

    #[test]
    fn swapped_entries_are_noticed() {
        let fixture = Fixture::new();
        let (one, one_path) = fixture.add(1);
        let (two, two_path) = fixture.add(2);
        let (a, b) = (
            fs::read(&one_path).expect("an entry"),
            fs::read(&two_path).expect("an entry"),
        );
        fs::write(&one_path, b).expect("written");
        fs::write(&two_path, a).expect("written");
        assert!(!fixture.is_used(&one) && !fixture.is_used(&two));
    }

    #[test]
    fn what_others_can_write_is_not_used() {
        let fixture = Fixture::new();
        let (code, path) = fixture.add(1);
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("allowed");
        };
        mode(&path, 0o620);
        assert!(!fixture.is_used(&code));
        mode(&path, 0o600);
        mode(&fixture.cache.directory, 0o777);
        assert!(!fixture.is_used(&code));
        mode(&fixture.cache.directory, 0o700);
        assert!(fixture.is_used(&code));
    }

    #[test]
    fn what_another_user_owns_is_not_used() {
        let fixture = Fixture::new();
        let (code, path) = fixture.add(1);
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_err() {
            // Only root may give files away; without it there is nobody else's file to try.
            assert_ne!(rustix::process::geteuid().as_raw(), 0);
            return;
        }
        assert!(!fixture.is_used(&code));
    }

    #[test]
    fn links_and_other_things_are_not_followed() {
        let fixture = Fixture::new();
        let (code, path) = fixture.add(1);
        let real = path.with_extension("real");
        fs::rename(&path, &real).expect("renamed");
        std::os::unix::fs::symlink(&real, &path).expect("linked");
        assert!(!fixture.is_used(&code));
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(!fixture.is_used(&code));
    }

    #[test]
    fn entries_are_for_the_owner_only() {
        let fixture = Fixture::new();
        let (_, path) = fixture.add(1);
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(&fixture.cache.directory)
                .expect("there")
                .mode()
                & 0o777,
            0o700
        );
    }
}
