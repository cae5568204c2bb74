//! Chains: any number of plugins, in order on the request and in reverse on the response.

use http::StatusCode;
use loom_layer::{LoomChain, LoomPlugin};
use tower::Layer;

use super::support::{Guest, get, load, logs, send};

/// Notes its number in both directions, in a header with as many values as there were plugins.
fn noting(name: &str, mark: &str) -> LoomPlugin {
    let add = |map: u32| format!(r#"(drop (call $add (i32.const {map}) @"x-order" @"{mark}"))"#);
    let guest = Guest::new().on_request(&add(0)).on_response(&add(2));
    load(name, &guest)
}

fn order(headers: &http::HeaderMap) -> Vec<&str> {
    let values = headers.get_all("x-order").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn an_empty_chain_passes_everything_on() {
    let chain = LoomChain::new([]);
    assert!(chain.is_empty());
    let answer = send(chain, get(&[("x-a", "1")])).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "hello")
    );
    assert_eq!(answer.seen("x-a"), "1");
}

#[tokio::test]
async fn one_plugin_is_a_chain_of_one() {
    let chain = LoomChain::from(noting("chain-one", "a"));
    assert_eq!(chain.len(), 1);
    let answer = send(chain, get(&[])).await;
    assert_eq!(answer.seen("x-order"), "a");
    assert_eq!(answer.header("x-order"), "a");
}

#[tokio::test]
async fn three_plugins_keep_their_order() {
    let plugins = ["a", "b", "c"].map(|mark| noting(&format!("chain-three-{mark}"), mark));
    let chain = LoomChain::new(plugins.clone());
    assert_eq!(chain.len(), 3);
    let answer = send(chain, get(&[])).await;
    let seen = answer.seen.as_ref().expect("the service was called");
    assert_eq!(order(&seen.headers), ["a", "b", "c"]);
    assert_eq!(order(&answer.headers), ["c", "b", "a"]);
}

#[tokio::test]
async fn layers_around_layers_keep_the_same_order() {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use tower::{ServiceExt, service_fn};

    let [a, b] = ["a", "b"].map(|mark| noting(&format!("nested-{mark}"), mark));
    let inner = service_fn(|request: Request<_>| async move {
        let request: Request<loom_layer::RequestBody<loom_layer::RequestBody<Full<Bytes>>>> =
            request;
        assert_eq!(order(request.headers()), ["a", "b"]);
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let response = a.layer(b.layer(inner)).oneshot(get(&[])).await.unwrap();
    assert_eq!(order(response.headers()), ["b", "a"]);
}

#[tokio::test]
async fn the_same_plugin_twice_has_two_contexts() {
    let plugin = noting("chain-twice", "a");
    let answer = send(LoomChain::new([plugin.clone(), plugin]), get(&[])).await;
    let seen = answer.seen.as_ref().expect("the service was called");
    assert_eq!(order(&seen.headers), ["a", "a"]);
    assert_eq!(order(&answer.headers), ["a", "a"]);
}

#[tokio::test]
async fn a_reply_skips_the_plugins_behind_it() {
    let replying = Guest::new()
        .on_request("(call $reply (i32.const 418))")
        .on_response(r#"(drop (call $add (i32.const 2) @"x-order" @"b"))"#);
    let chain = LoomChain::new([
        noting("skip-a", "a"),
        load("skip-b", &replying),
        noting("skip-c", "c"),
    ]);
    let answer = send(chain, get(&[])).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert!(answer.seen.is_none());
    assert_eq!(order(&answer.headers), ["b", "a"]);
}

#[tokio::test]
async fn plugins_of_a_chain_share_properties_and_log_after_each_other() {
    let first = Guest::new()
        .on_request(r#"(drop (call $set_property @"shared" @"value"))"#)
        .on("proxy_on_log", r#"(call $say @"log of the first")"#);
    let second = Guest::new()
        .on_request(
            r#"(drop (call $get_property @"shared" (i32.const 16) (i32.const 20)))
               (call $set (i32.const 0) @"x-shared" (call $out) (call $out_len))"#,
        )
        .on("proxy_on_log", r#"(call $say @"log of the second")"#);
    let chain = LoomChain::new([load("share-1", &first), load("share-2", &second)]);
    let answer = send(chain, get(&[])).await;
    assert_eq!(answer.seen("x-shared"), "value");
    assert_eq!(logs::said("share-1"), ["log of the first"]);
    assert_eq!(logs::said("share-2"), ["log of the second"]);
}
