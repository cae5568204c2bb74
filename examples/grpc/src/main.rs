//! Runs the server of the library beside it: `cargo run -p grpc-greeter`.

use std::error::Error;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:50051").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(grpc_greeter::serve(listener).await?)
}
