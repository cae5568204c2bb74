//! Endpoints of every kind, weights and policies.

use std::collections::BTreeSet;

use http::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

use super::super::support::{Raw, Upstream, address, full, read_head, start};
use super::{counts, get, numbered, to};
use crate::gateway::keys::shows;

shows! {
    ["upstreams[].endpoints[]"]: "address" or "127.0.0.1:1", "weight" => weights_are_kept;
    ["upstreams[].load_balancer"]: "policy" or "round_robin" => the_busy_server_gets_less;
    ["upstreams[].load_balancer.hash_on[]"]: "header" or "other", "cookie" or "other", "query" or "other" => a_value_stays_with_its_server;
}

#[tokio::test]
async fn weights_are_kept() {
    let servers = numbered(2).await;
    let gateway = start(&to(&format!(
        "endpoints: ['{}', {{address: '{}', weight: 3}}]",
        servers[0], servers[1]
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let counts = counts(&mut connection, 40).await;
    assert_eq!((counts["0"], counts["1"]), (10, 30));
}

#[tokio::test]
async fn chance_spreads_requests() {
    let servers = numbered(2).await;
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}'], load_balancer: random",
        servers[0], servers[1]
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let mut order = Vec::new();
    for _ in 0..64 {
        order.push(get(&mut connection, "/", "").await);
    }
    // That they alternate by chance has a probability of 2 to the -63.
    assert!(order.windows(2).any(|pair| pair[0] == pair[1]));
    assert!(order.windows(2).any(|pair| pair[0] != pair[1]));
}

#[tokio::test]
async fn the_busy_server_gets_less() {
    // One server never answers, so that its first request stays under way.
    let silent = Upstream::bind().await;
    let quick = Upstream::bind().await.say("quick");
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{quick}'], load_balancer: {{policy: least_request}}",
        silent.address()
    )))
    .await;
    let mut waiting = Vec::new();
    let mut answered = 0;
    // Each request that hangs makes the next one there less likely: only chance's picking it two times leads to it.
    while answered < 40 {
        let mut connection = Raw::connect(address(&gateway)).await;
        connection.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        tokio::select! {
            response = connection.response() => {
                assert!(response.ends_with("quick"), "{response}");
                answered += 1;
            }
            stream = silent.accept() => waiting.push((stream, connection)),
        }
    }
    // A quarter of the requests in the long run, half of them with any other policy: 13 of 53 against 40 of 80.
    assert!(
        waiting.len() < 35,
        "{} of {}",
        waiting.len(),
        waiting.len() + 40
    );
}

#[tokio::test]
async fn a_value_stays_with_its_server() {
    let servers = numbered(4).await;
    let endpoints = |range: &[std::net::SocketAddr]| {
        let quoted: Vec<_> = range.iter().map(|server| format!("'{server}'")).collect();
        quoted.join(", ")
    };
    let hash_on = "hash_on: [{header: x-user}, {cookie: user}, {query: user}, ip]";
    let yaml = |range| {
        let endpoints = endpoints(range);
        to(&format!(
            "endpoints: [{endpoints}], load_balancer: {{policy: consistent_hash, {hash_on}}}"
        ))
    };
    let all = start(&yaml(&servers)).await;
    let fewer = start(&yaml(&servers[..3])).await;
    let mut all = Raw::connect(address(&all)).await;
    let mut fewer = Raw::connect(address(&fewer)).await;
    let mut used = BTreeSet::new();
    for user in 0..40 {
        let header = format!("x-user: {user}\r\n");
        let server = get(&mut all, "/", &header).await;
        // By whichever part the value comes.
        let cookie = format!("cookie: a=b; user={user}\r\n");
        assert_eq!(get(&mut all, "/", &cookie).await, server);
        assert_eq!(get(&mut all, &format!("/?user={user}"), "").await, server);
        // Without the last server nobody moves but those who were there.
        let without = get(&mut fewer, "/", &header).await;
        assert!(
            without == server || server == "3",
            "{user}: {server}, {without}"
        );
        used.insert(server);
    }
    assert_eq!(
        used.len(),
        4,
        "40 users, and a server that none of them has"
    );
    let mut by_address = BTreeSet::new();
    for _ in 0..20 {
        by_address.insert(get(&mut all, "/", "").await);
    }
    assert_eq!(by_address.len(), 1, "one client, one server");
}

#[tokio::test]
async fn a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for _ in 0..2 {
            let head = read_head(&mut stream).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}",
                head.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("a reader");
        }
    });
    let gateway = start(&to(&format!("endpoints: 'unix:{}'", path.display()))).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    // The second request goes over the same connection.
    for target in ["/one", "/two"] {
        let seen = get(&mut connection, target, "").await;
        assert!(
            seen.starts_with(&format!("GET {target} HTTP/1.1\r\nhost: a\r\n")),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_name_is_every_address_that_it_has() {
    let upstream = Upstream::bind().await;
    let port = upstream.address().port();
    upstream.serve(|request| async move {
        let host = request.headers()["host"]
            .to_str()
            .expect("ASCII")
            .to_owned();
        Response::new(full(host))
    });
    // `localhost` may have two addresses, of which one is not listened on.
    let gateway = start(&to(&format!("endpoints: 'localhost:{port}'"))).await;
    let response = Raw::exchange(address(&gateway), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(
        response.ends_with(&format!("localhost:{port}")),
        "{response}"
    );
}
