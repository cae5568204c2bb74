//! Sockets of the file system.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The file of a socket. Dropped, it is removed, unless another process has put its own there.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    place: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if place(&self.path).is_ok_and(|place| place == self.place) {
            // It is found and replaced by the next start otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path`, whose file gets this mode. One that a process left behind is replaced.
///
/// The socket gets its mode under another name, so that nobody connects who may not.
pub(super) fn listen(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    make_room(path)?;
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let hidden = path.with_file_name(hidden);
    let _ = fs::remove_file(&hidden);
    let socket = UnixListener::bind(&hidden)?;
    let placed = (|| {
        if let Some(mode) = mode {
            fs::set_permissions(&hidden, Permissions::from_mode(mode))?;
        }
        fs::rename(&hidden, path)?;
        place(path)
    })();
    match placed {
        Ok(place) => {
            let path = path.to_owned();
            Ok((socket, SocketFile { path, place }))
        }
        Err(error) => {
            let _ = fs::remove_file(&hidden);
            Err(error)
        }
    }
}

/// An error when there is a file that is no socket, or a socket that somebody listens to.
fn make_room(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(ErrorKind::AlreadyExists.into()),
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::AddrInUse.into()),
        },
    }
}

pub(super) fn cure(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "stop the program that listens there, or set another path",
        ErrorKind::AlreadyExists => {
            "there is a file that is no socket; remove it, or set another path"
        }
        ErrorKind::NotFound => "make the folder, or set another path",
        ErrorKind::PermissionDenied => {
            "give the user that runs this process the right to write in that folder"
        }
        _ => "set another path; it may have about 100 bytes",
    }
    .to_owned()
}

fn place(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_left_behind_is_replaced_and_others_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("loom.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists(), "the standard library leaves it behind");
        let (socket, file) = listen(&path, Some(0o600)).expect("replaced");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = listen(&path, None).expect_err("it is in use");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop((socket, file));
        assert!(!path.exists());

        fs::write(&path, "a file").expect("written");
        let error = listen(&path, None).expect_err("it is no socket");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("it is there"), b"a file");
    }

    #[tokio::test]
    async fn the_file_of_another_process_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("loom.sock");
        let (socket, file) = listen(&path, None).expect("bound");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "of another").expect("written");
        drop((socket, file));
        assert!(path.exists());
    }
}
