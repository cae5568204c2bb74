//! Sockets that the process was started with: by systemd, or by whoever lets one process take over from another without a
//! moment in which nobody listens.
//!
//! The environment says how many there are (`LISTEN_FDS`, from descriptor 3 on), for whom (`LISTEN_PID`), and how they are
//! called (`LISTEN_FDNAMES`).

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::LazyLock;

use listenfd::ListenFd;
use loom_config::model::Address;
use parking_lot::Mutex;

use super::bind::Socket;

#[derive(Debug)]
struct Inherited {
    name: Option<String>,
    address: Option<Address>,
    socket: Raw,
}

#[derive(Debug)]
enum Raw {
    Tcp(std::net::TcpListener),
    Unix(UnixListener),
}

/// Those that no listener has taken yet; a reload may bring one that does.
static INHERITED: LazyLock<Mutex<Vec<Inherited>>> =
    LazyLock::new(|| Mutex::new(from_environment()));

/// The socket for a listener: the one of its name, or else the one that is bound to its address.
pub(super) fn take(name: &str, address: &Address) -> Option<io::Result<Socket>> {
    let mut inherited = INHERITED.lock();
    let known: Vec<_> = inherited
        .iter()
        .map(|one| (one.name.as_deref(), one.address.as_ref()))
        .collect();
    let place = place(&known, name, address)?;
    let Inherited { socket, .. } = inherited.swap_remove(place);
    tracing::info!(listener = name, "takes over a socket");
    Some(socket.listening())
}

fn place(
    inherited: &[(Option<&str>, Option<&Address>)],
    name: &str,
    address: &Address,
) -> Option<usize> {
    let by_name = inherited.iter().position(|(one, _)| *one == Some(name));
    by_name.or_else(|| inherited.iter().position(|(_, one)| *one == Some(address)))
}

fn from_environment() -> Vec<Inherited> {
    let mut given = ListenFd::from_env();
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    (0..given.len())
        .filter_map(|index| {
            let name = names.next().filter(|name| !name.is_empty());
            let Some(socket) = raw(&mut given, index) else {
                tracing::warn!(
                    index,
                    name,
                    "a descriptor that was handed over is no socket that listens"
                );
                return None;
            };
            Some(Inherited {
                name: name.map(str::to_owned),
                address: socket.address(),
                socket,
            })
        })
        .collect()
}

fn raw(given: &mut ListenFd, index: usize) -> Option<Raw> {
    if let Ok(Some(socket)) = given.take_tcp_listener(index) {
        return Some(Raw::Tcp(socket));
    }
    let socket = given.take_unix_listener(index).ok()??;
    Some(Raw::Unix(socket))
}

impl Raw {
    fn address(&self) -> Option<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(Address::Ip),
            Self::Unix(socket) => {
                let address = socket.local_addr().ok()?;
                Some(Address::Unix(address.as_pathname()?.to_owned()))
            }
        }
    }

    /// Its file, if it has one, belongs to whoever made it.
    fn listening(self) -> io::Result<Socket> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket).map(Socket::Tcp)
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(socket).map(|socket| Socket::Unix(socket, None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_more_than_an_address() {
        let ip = |port| Address::Ip(([127, 0, 0, 1], port).into());
        let given = [
            (Some("b"), Some(ip(1))),
            (None, Some(ip(2))),
            (Some("a"), Some(ip(3))),
        ];
        let given: Vec<_> = given
            .iter()
            .map(|(name, address)| (*name, address.as_ref()))
            .collect();
        assert_eq!(place(&given, "a", &ip(1)), Some(2));
        assert_eq!(place(&given, "c", &ip(2)), Some(1));
        assert_eq!(place(&given, "c", &ip(4)), None);
    }
}
