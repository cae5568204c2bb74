//! Names of servers, looked up again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use super::jittered;
use super::servers::Servers;

/// Looks up every name of `servers` from now on, as long as somebody keeps them. What is returned ends when each was looked up
/// once, found or not.
pub(super) fn start(servers: &Arc<Servers>) -> Vec<oneshot::Receiver<()>> {
    let mut first_times = Vec::new();
    for (member, host, port) in servers.names() {
        let (done, first_time) = oneshot::channel();
        first_times.push(first_time);
        let lookup = move || {
            let host = host.clone();
            async move { lookup(&host, port).await }
        };
        tokio::spawn(watch(Arc::downgrade(servers), member, lookup, done));
    }
    first_times
}

async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

async fn watch<F>(
    servers: Weak<Servers>,
    member: usize,
    lookup: impl Fn() -> F,
    first_time: oneshot::Sender<()>,
) where
    F: Future<Output = io::Result<Vec<SocketAddr>>>,
{
    let mut first_time = Some(first_time);
    let mut known = Vec::new();
    let mut failing = false;
    loop {
        let found = lookup().await.map(usable);
        let Some(servers) = servers.upgrade() else {
            return;
        };
        let upstream = servers.upstream();
        servers.looked_up(found.as_ref().is_ok_and(|found| !found.is_empty()));
        match found {
            Ok(addresses) if addresses.is_empty() => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        upstream,
                        ?known,
                        "a name has no address; the known ones are kept"
                    );
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(upstream, %error, ?known, "a name is not found; the known addresses are kept");
                }
            }
            Ok(addresses) => {
                if std::mem::take(&mut failing) || addresses != known {
                    tracing::info!(upstream, ?addresses, "name resolved");
                }
                if addresses != known {
                    servers.resolved(member, &addresses);
                    known = addresses;
                }
            }
        }
        if let Some(done) = first_time.take() {
            // Nobody may wait for it.
            let _ = done.send(());
        }
        let interval = servers.settings().resolve_interval;
        drop(servers);
        tokio::time::sleep(jittered(interval)).await;
    }
}

/// The addresses of the kind that the system prefers (it puts them first, RFC 6724): where one kind is not routed, the
/// other one works. In an order that does not change when the name server's does.
fn usable(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if let Some(first) = addresses.first().copied() {
        addresses.retain(|address| address.is_ipv4() == first.is_ipv4());
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::time::Duration;

    use http::Request;
    use loom_config::model;

    use super::*;
    use crate::proxy::upstream::Upstream;

    type Answer = io::Result<Vec<SocketAddr>>;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 80))
    }

    fn servers() -> Arc<Servers> {
        let yaml = "upstreams: [{name: a, endpoints: 'b.internal:80', resolve_interval: 10s}]";
        let config = loom_config::Loader::new([]).parse("loom.yaml", yaml);
        let config: model::Config = config.expect("a right file");
        match Upstream::new(&config.upstreams[0], None, None).target {
            crate::proxy::upstream::Target::Servers(servers) => servers,
            crate::proxy::upstream::Target::Echo => panic!("servers"),
        }
    }

    fn labels(servers: &Servers) -> Vec<String> {
        let mut labels: Vec<_> = (0..4)
            .filter_map(|_| servers.pick(&Request::new(()), None))
            .map(|(endpoint, _)| endpoint.label().to_owned())
            .collect();
        labels.sort();
        labels.dedup();
        labels
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_followed_and_failures_change_nothing() {
        let servers = servers();
        assert_eq!(labels(&servers), ["b.internal:80"], "not looked up yet");
        let failure = || Err(io::Error::other("no name server"));
        let answers: VecDeque<Answer> = VecDeque::from([
            failure(),
            Ok(vec![
                address(2),
                address(1),
                "[::1]:80".parse().expect("an address"),
            ]),
            failure(),
            Ok(Vec::new()),
            Ok(vec![address(3)]),
        ]);
        let asked = tokio::time::Instant::now();
        let (answers, times) = (
            Arc::new(Mutex::new(answers)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let lookup = {
            let (answers, times) = (Arc::clone(&answers), Arc::clone(&times));
            move || {
                times.lock().expect("no panic").push(asked.elapsed());
                let answer = answers.lock().expect("no panic").pop_front();
                async { answer.unwrap_or_else(|| Ok(vec![address(3)])) }
            }
        };
        let (done, first_time) = oneshot::channel();
        tokio::spawn(watch(Arc::downgrade(&servers), 0, lookup, done));
        first_time.await.expect("the first answer, a failure");
        let both = ["b.internal:80 (10.0.0.1)", "b.internal:80 (10.0.0.2)"];
        assert_eq!(labels(&servers), ["b.internal:80"]);
        for expected in [&both[..], &both, &both, &["b.internal:80 (10.0.0.3)"]] {
            let left = answers.lock().expect("no panic").len();
            while answers.lock().expect("no panic").len() == left {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(labels(&servers), expected);
        }
        let times = times.lock().expect("no panic");
        for pair in times.windows(2) {
            let pause = pair[1] - pair[0];
            assert!(
                pause > Duration::from_secs(8) && pause < Duration::from_secs(12),
                "{pause:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_looks_up_for_servers_that_are_gone() {
        let servers = servers();
        let lookup = || async { Ok(Vec::new()) };
        let (done, _) = oneshot::channel();
        let watching = tokio::spawn(watch(Arc::downgrade(&servers), 0, lookup, done));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!watching.is_finished());
        drop(servers);
        watching.await.expect("no panic");
    }
}
