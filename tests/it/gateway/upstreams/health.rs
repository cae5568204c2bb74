//! Endpoints that are left out, and come back.

use std::sync::atomic::Ordering;

use loom_gateway::EndpointHealth::{Ejected, Healthy, OnTrial, Unhealthy};

use super::super::support::{Raw, Upstream, address, refused_address, start};
use super::{Server, answer, counts, get, to, until};
use crate::gateway::keys::shows;

shows! {
    ["upstreams[].health_check"]: "interval" => a_server_that_says_it_is_not_well_gets_nothing;
    ["upstreams[].health_check.http"]: "path" or "/other" => a_server_that_says_it_is_not_well_gets_nothing;
    ["upstreams[].health_check.http"]: "statuses" => what_a_server_says_when_it_is_well_can_be_chosen;
    ["upstreams[].health_check"]: "timeout" => a_server_that_takes_no_connection_or_does_not_answer;
    ["upstreams[].health_check"]: "healthy_threshold", "unhealthy_threshold" => checks_count_in_a_row;
    ["upstreams[].outlier_detection"]: "consecutive_errors", "base_ejection" => a_server_that_fails_requests_is_put_out_and_tried_again;
    ["upstreams[].outlier_detection"]: "max_ejected" => no_more_are_put_out_than_may_be;
    ["upstreams[]"]: "panic_threshold" => when_too_few_are_well_all_are_used;
}

const EVERY_100MS: &str = "interval: 100ms, healthy_threshold: 1, unhealthy_threshold: 1";

#[tokio::test]
async fn a_server_that_says_it_is_not_well_gets_nothing() {
    let (one, other) = (Server::start("0").await, Server::start("1").await);
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}'], health_check: {{http: {{path: /healthz}}, {EVERY_100MS}}}",
        one.address, other.address
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    for _ in 0..2 {
        other.health.store(503, Ordering::Relaxed);
        until(&gateway, |health| {
            health[1] == Unhealthy("answered 503".to_owned())
        })
        .await;
        assert_eq!(counts(&mut connection, 10).await["0"], 10);
        other.health.store(204, Ordering::Relaxed);
        until(&gateway, |health| health[1] == Healthy).await;
        assert_eq!(counts(&mut connection, 10).await["1"], 5);
    }
}

#[tokio::test]
async fn what_a_server_says_when_it_is_well_can_be_chosen() {
    let (one, other) = (Server::start("0").await, Server::start("1").await);
    one.health.store(418, Ordering::Relaxed);
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}'], health_check: {{http: {{path: /healthz, statuses: [418]}}}}",
        one.address, other.address
    )))
    .await;
    until(&gateway, |health| {
        health == [Healthy, Unhealthy("answered 200".to_owned())]
    })
    .await;
}

#[tokio::test]
async fn a_server_that_takes_no_connection_or_does_not_answer() {
    let refused = refused_address().await;
    let silent = Upstream::bind().await;
    let well = Server::start("well").await;
    let endpoints = format!(
        "endpoints: ['{refused}', '{}', '{}']",
        silent.address(),
        well.address
    );

    let gateway = start(&to(&format!("{endpoints}, health_check: {{}}"))).await;
    until(&gateway, |health| matches!(health[0], Unhealthy(_))).await;
    assert_eq!(
        gateway.upstreams()[0].endpoints[1].health,
        Healthy,
        "it takes connections"
    );

    let check = "health_check: {http: {path: /healthz}, timeout: 50ms}";
    let gateway = start(&to(&format!("{endpoints}, {check}"))).await;
    until(&gateway, |health| {
        matches!(health, [Unhealthy(_), Unhealthy(_), Healthy])
    })
    .await;
    let Unhealthy(why) = &gateway.upstreams()[0].endpoints[1].health else {
        panic!("it is well");
    };
    assert_eq!(why, "no answer within 50ms");
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(counts(&mut connection, 9).await["well"], 9);
}

#[tokio::test]
async fn checks_count_in_a_row() {
    let (one, other) = (Server::start("0").await, Server::start("1").await);
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}'], health_check: {{http: {{path: /healthz}}, interval: 100ms, healthy_threshold: 3, unhealthy_threshold: 4}}",
        one.address, other.address
    )))
    .await;
    // The first check decides alone.
    until(&gateway, |_| other.checks() > 0).await;
    for (status, in_a_row) in [(503, 4), (200, 3)] {
        let before = other.checks();
        other.health.store(status, Ordering::Relaxed);
        until(&gateway, |health| (health[1] == Healthy) == (status == 200)).await;
        // One more may have been under way.
        let checks = other.checks() - before;
        assert!(
            (in_a_row..=in_a_row + 1).contains(&checks),
            "{checks} for {status}"
        );
    }
}

#[tokio::test]
async fn a_server_that_fails_requests_is_put_out_and_tried_again() {
    let (one, other) = (Server::start("0").await, Server::start("1").await);
    let gateway = start(&to(&format!(
        "endpoints: ['{}', '{}'], outlier_detection: {{consecutive_errors: 3, base_ejection: 100ms}}",
        one.address, other.address
    )))
    .await;
    let mut connection = Raw::connect(address(&gateway)).await;
    other.status.store(500, Ordering::Relaxed);
    let mut failed = 0;
    while gateway.upstreams()[0].endpoints[1].health == Healthy {
        let (status, _) = answer(&mut connection, "/", "").await;
        failed += usize::from(status == 500);
    }
    assert_eq!(failed, 3);
    let before = other.requests();
    assert_eq!(counts(&mut connection, 10).await["0"], 10);
    assert_eq!(other.requests(), before);

    // One request finds out that it still fails.
    until(&gateway, |health| health[1] == OnTrial).await;
    let mut failed = 0;
    for _ in 0..10 {
        failed += usize::from(answer(&mut connection, "/", "").await.0 == 500);
    }
    assert_eq!((failed, other.requests()), (1, before + 1));
    assert_eq!(gateway.upstreams()[0].endpoints[1].health, Ejected);

    // And one that it is well.
    other.status.store(200, Ordering::Relaxed);
    until(&gateway, |health| health[1] == OnTrial).await;
    let counted = counts(&mut connection, 20).await;
    assert!((9..=10).contains(&counted["1"]), "{counted:?}");
    assert_eq!(gateway.upstreams()[0].endpoints[1].health, Healthy);
}

#[tokio::test]
async fn no_more_are_put_out_than_may_be() {
    let mut servers = Vec::new();
    for text in ["0", "1", "2"] {
        servers.push(Server::start(text).await);
        servers
            .last()
            .expect("one")
            .status
            .store(500, Ordering::Relaxed);
    }
    let [one, two, three] = [0, 1, 2].map(|server: usize| servers[server].address);
    let detection = |share| {
        to(&format!(
            "endpoints: ['{one}', '{two}', '{three}'], outlier_detection: {{consecutive_errors: 1, max_ejected: {share}}}"
        ))
    };
    for (share, out) in [("30%", 0), ("50%", 1), ("67%", 2), ("100%", 3)] {
        let gateway = start(&detection(share)).await;
        let mut connection = Raw::connect(address(&gateway)).await;
        for _ in 0..12 {
            answer(&mut connection, "/", "").await;
        }
        let endpoints = &gateway.upstreams()[0].endpoints;
        let ejected = endpoints
            .iter()
            .filter(|endpoint| endpoint.health == Ejected);
        assert_eq!(ejected.count(), out, "{share}");
    }
}

#[tokio::test]
async fn when_too_few_are_well_all_are_used() {
    let servers = [
        Server::start("0").await,
        Server::start("1").await,
        Server::start("2").await,
    ];
    let [one, two, three] = [0, 1, 2].map(|server: usize| servers[server].address);
    let yaml = |more: &str| {
        to(&format!(
            "endpoints: ['{one}', '{two}', '{three}'], health_check: {{http: {{path: /healthz}}}}{more}"
        ))
    };
    for server in &servers[..2] {
        server.health.store(503, Ordering::Relaxed);
    }
    let two_are_out = |health: &[_]| matches!(health, [Unhealthy(_), Unhealthy(_), Healthy]);

    let gateway = start(&yaml("")).await;
    until(&gateway, two_are_out).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(counts(&mut connection, 6).await["2"], 6);

    let gateway = start(&yaml(", panic_threshold: 50%")).await;
    until(&gateway, two_are_out).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    assert_eq!(counts(&mut connection, 6).await["2"], 2);

    servers[2].health.store(503, Ordering::Relaxed);
    let none_is_in = |health: &[_]| health.iter().all(|health| matches!(health, Unhealthy(_)));
    let gateway = start(&yaml("")).await;
    until(&gateway, none_is_in).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    get(&mut connection, "/", "").await;

    let gateway = start(&yaml(", panic_threshold: 0%")).await;
    until(&gateway, none_is_in).await;
    let mut connection = Raw::connect(address(&gateway)).await;
    let answer = answer(&mut connection, "/", "").await;
    assert_eq!(
        answer,
        (503, "the upstream has no usable endpoint".to_owned())
    );
}
