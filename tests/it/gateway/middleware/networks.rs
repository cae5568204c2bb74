//! `ip_allow` and `ip_deny`.

use super::super::support::{address, start};
use super::{echo, exchange, header, status};
use crate::gateway::keys::shows;

shows! {
    ["routes[]", "defaults"]: "ip_allow", "ip_deny" => only_clients_of_the_right_networks_may_come;
}

#[tokio::test]
async fn only_clients_of_the_right_networks_may_come() {
    for (keys, defaults, wanted) in [
        ("ip_allow: 127.0.0.0/8", "", "200"),
        ("ip_allow: [10.0.0.0/8, '::1']", "", "403"),
        ("ip_deny: 127.0.0.1", "", "403"),
        ("ip_deny: 10.0.0.0/8", "", "200"),
        ("ip_allow: 127.0.0.1, ip_deny: 127.0.0.0/8", "", "403"),
        // A route's own key replaces the default, and false and null switch it off.
        ("", "ip_deny: 127.0.0.1", "403"),
        ("", "ip_allow: 10.0.0.0/8", "403"),
        ("ip_deny: 10.0.0.0/8", "ip_deny: 127.0.0.1", "200"),
        ("ip_deny: false", "ip_deny: 127.0.0.1", "200"),
        ("ip_allow: null", "ip_allow: 10.0.0.0/8", "200"),
    ] {
        let gateway = start(&echo(keys, defaults)).await;
        let response = exchange(address(&gateway), "GET /", "x-forwarded-for: 10.0.0.1\r\n").await;
        assert_eq!(status(&response), wanted, "{keys} / {defaults}: {response}");
        let code = (wanted == "403").then_some("ip_denied");
        assert_eq!(header(&response, "x-loom-error"), code, "{keys}");
    }
}
