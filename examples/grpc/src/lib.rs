//! A gRPC server that greets, with one message or with a stream of them each way.

mod health;
mod messages;

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::net::TcpListener;
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tower::{Service, service_fn};

pub use health::{Health, ServingStatus};
pub use messages::{Greeting, Name, Protobuf};

type Greetings = BoxStream<'static, Result<Greeting, Status>>;

/// Serves it, for ever, and says of it what `health` says.
///
/// # Errors
///
/// When the listener does.
pub async fn serve(listener: TcpListener, health: Health) -> Result<(), tonic::transport::Error> {
    let connections = stream::unfold(listener, async |listener| {
        let connection = listener.accept().await.map(|(stream, _)| stream);
        Some((connection, listener))
    });
    let server = Server::builder().add_service(Greeter).add_service(health);
    server.serve_with_incoming(Box::pin(connections)).await
}

/// The service.
#[derive(Debug, Clone)]
struct Greeter;

/// The name of the service.
pub const GREETER: &str = "example.Greeter";

impl NamedService for Greeter {
    const NAME: &'static str = GREETER;
}

impl Service<http::Request<tonic::body::Body>> for Greeter {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(Protobuf::default());
            Ok(match request.uri().path() {
                "/example.Greeter/Greet" => grpc.unary(service_fn(greet), request).await,
                "/example.Greeter/GreetAll" => grpc.streaming(service_fn(greet_all), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

async fn greet(request: Request<Name>) -> Result<Response<Greeting>, Status> {
    Ok(Response::new(greeting(&request.into_inner())?))
}

async fn greet_all(request: Request<Streaming<Name>>) -> Result<Response<Greetings>, Status> {
    let names = request.into_inner();
    let greetings = names.map(|name| greeting(&name?));
    Ok(Response::new(greetings.boxed()))
}

fn greeting(to: &Name) -> Result<Greeting, Status> {
    if to.name.is_empty() {
        return Err(Status::invalid_argument("somebody without a name"));
    }
    let text = format!("Hello, {}!", to.name);
    Ok(Greeting { text })
}
