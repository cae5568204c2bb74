//! gRPC's health protocol, `grpc.health.v1.Health`: what the gateway's health checks ask.
//!
//! The crate `tonic-health` has all of it. This is what a check needs, written out as the messages are.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use prost::Message;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tower::{Service, service_fn};

use crate::messages::Protobuf;

/// What the server says of its services. Clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<RwLock<HashMap<String, ServingStatus>>>);

/// Whether a service serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ServingStatus {
    /// Nobody knows.
    Unknown = 0,
    /// It does.
    Serving = 1,
    /// It does not.
    NotServing = 2,
    /// There is no such service; for watchers alone.
    ServiceUnknown = 3,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

impl Health {
    /// Says this of a service from now on; without a name, of the server as a whole.
    pub fn set(&self, service: &str, status: ServingStatus) {
        let mut services = self.0.write().unwrap_or_else(PoisonError::into_inner);
        services.insert(service.to_owned(), status);
    }

    fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let services = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let status = services.get(&request.into_inner().service);
        let status = status.ok_or_else(|| Status::not_found("unknown service"))?;
        let status = (*status).into();
        Ok(Response::new(HealthCheckResponse { status }))
    }
}

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl Service<http::Request<tonic::body::Body>> for Health {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Protobuf::default());
            let check = service_fn(|request| {
                let answer = this.check(request);
                async { answer }
            });
            Ok(match request.uri().path() {
                "/grpc.health.v1.Health/Check" => grpc.unary(check, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}
