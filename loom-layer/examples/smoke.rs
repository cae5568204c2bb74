//! smoke
use axum::{Router, body::Body, extract::Request, routing::get};
use loom_layer::LoomPlugin;
use tower::ServiceExt;
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let t = std::time::Instant::now();
    let plugin = LoomPlugin::load_async("target/plugins/add_header_plugin.wasm").await?;
    println!("loaded in {:?}", t.elapsed());
    let app: Router = Router::new()
        .route(
            "/",
            get(|r: Request| async move { format!("{:?}", r.headers()) }),
        )
        .layer(plugin);
    let response = app
        .clone()
        .oneshot(Request::get("/").body(Body::empty())?)
        .await?;
    println!("{response:?}");
    let body = axum::body::to_bytes(response.into_body(), 10000).await?;
    println!("{}", String::from_utf8_lossy(&body));
    let n = 100_000;
    for _ in 0..3 {
        let t = std::time::Instant::now();
        for _ in 0..n {
            let r = app
                .clone()
                .oneshot(Request::get("/").body(Body::empty())?)
                .await?;
            axum::body::to_bytes(r.into_body(), 10000).await?;
        }
        println!("{:?} per request", t.elapsed() / n);
    }
    Ok(())
}
