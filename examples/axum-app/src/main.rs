//! Serves the application of the library beside it. From the root of the repository:
//!
//! ```console
//! cargo xtask plugins
//! cargo run -p axum-app
//! curl -i http://127.0.0.1:3000/api/test
//! ```
//!
//! Another plugin can be named as an argument: `cargo run -p axum-app -- my_plugin.wasm`.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use loom_layer::LoomPlugin;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // Loom's errors say what to do about them, which is worth more to a reader than their `Debug` form.
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // What the plugin logs has the target `loom::plugin`.
    tracing_subscriber::fmt()
        .with_env_filter("info,tower_http=debug,loom::plugin=debug")
        .init();

    let file = env::args().nth(1);
    let plugin = LoomPlugin::load(
        file.as_deref()
            .unwrap_or("target/plugins/add_header_plugin.wasm"),
    )?;

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}/api/test", listener.local_addr()?);
    axum::serve(listener, axum_app::app(plugin)).await?;
    Ok(())
}
