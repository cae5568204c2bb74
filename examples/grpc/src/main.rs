//! Runs the server of the library beside it: `cargo run -p grpc-greeter`.

use std::error::Error;

use grpc_greeter::{GREETER, Health, ServingStatus};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:50051").await?;
    println!("listening on {}", listener.local_addr()?);
    let health = Health::default();
    health.set(GREETER, ServingStatus::Serving);
    // For checks of the server as a whole, such as those of an orchestrator.
    health.set("", ServingStatus::Serving);
    Ok(grpc_greeter::serve(listener, health).await?)
}
