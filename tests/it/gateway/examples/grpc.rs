//! `grpc`, with its own server.

use futures_util::{StreamExt, stream};
use grpc_greeter::{GREETER, Greeting, Health, Name, Protobuf, ServingStatus};
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::super::support::{refused_address, within};
use super::{Example, PLUGINS};

/// The example, with this server.
async fn start(server: &str) -> Option<Example> {
    let changes = [
        ("127.0.0.1:50051", server),
        ("interval: 5s", "interval: 100ms"),
    ];
    Example::of("grpc", "rate-limit", PLUGINS, &changes).await
}

async fn client(example: &Example) -> tonic::client::Grpc<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", example.address)).expect("a URL");
    let channel = within(endpoint.connect()).await.expect("a connection");
    tonic::client::Grpc::new(channel)
}

async fn greet(grpc: &mut tonic::client::Grpc<Channel>, name: &str) -> Result<String, Status> {
    within(grpc.ready()).await.expect("a connection");
    let path = PathAndQuery::from_static("/example.Greeter/Greet");
    let name = Request::new(Name { name: name.into() });
    let codec = Protobuf::<Name, Greeting>::default();
    let answer = within(grpc.unary(name, path, codec)).await?;
    Ok(answer.into_inner().text)
}

#[tokio::test]
async fn calls_pass_until_there_are_too_many() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("an address").to_string();
    let health = Health::default();
    health.set(GREETER, ServingStatus::Serving);
    tokio::spawn(grpc_greeter::serve(listener, health.clone()));
    let Some(mut example) = start(&server).await else {
        return;
    };
    let mut grpc = client(&example).await;
    let greeting = greet(&mut grpc, "Ada").await;
    assert_eq!(greeting.expect("a greeting"), "Hello, Ada!");
    let failure = greet(&mut grpc, "").await.expect_err("no name");
    assert_eq!(failure.code(), Code::InvalidArgument);

    within(grpc.ready()).await.expect("a connection");
    let names = ["Ada", "Grace"].map(|name| Name { name: name.into() });
    let path = PathAndQuery::from_static("/example.Greeter/GreetAll");
    let codec = Protobuf::<Name, Greeting>::default();
    let answer = grpc.streaming(Request::new(stream::iter(names)), path, codec);
    let greetings = within(answer).await.expect("it begins").into_inner();
    let greetings: Vec<_> = greetings.map(|all| all.expect("one").text).collect().await;
    assert_eq!(greetings, ["Hello, Ada!", "Hello, Grace!"]);

    // It lets one through every second, and these come faster.
    let refused = loop {
        if let Err(status) = greet(&mut grpc, "Ada").await {
            break status;
        }
    };
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unavailable, r#"{"error":"too many requests"}"#)
    );

    health.set(GREETER, ServingStatus::NotServing);
    let line = example.loom.line("endpoint is unhealthy").await;
    assert!(line.contains("answered NOT_SERVING"), "{line}");
    health.set(GREETER, ServingStatus::Serving);
    example.loom.line("endpoint is healthy").await;
}

#[tokio::test]
async fn without_the_server_there_is_a_status() {
    let Some(example) = start(&refused_address().await.to_string()).await else {
        return;
    };
    let mut grpc = client(&example).await;
    let failure = greet(&mut grpc, "Ada").await.expect_err("nobody greets");
    assert_eq!(
        (failure.code(), failure.message()),
        (Code::Unavailable, "the upstream cannot be reached")
    );
}
