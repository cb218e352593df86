//! What is served over the one listener: the contract's services, health and reflection, as gRPC and as gRPC-Web.

use super::calls::{self, Calls};
use crate::services::Services;
use crate::services::proto::DESCRIPTORS;
use crate::services::proto::admin::admin_service_server::AdminServiceServer;
use crate::services::proto::alert_service_server::AlertServiceServer;
use crate::services::proto::queue_service_server::QueueServiceServer;
use crate::services::proto::sync_service_server::SyncServiceServer;
use crate::services::proto::table_map_service_server::TableMapServiceServer;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::from_fn_with_state;
use std::time::Duration;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Every service that health tells of; the empty name is the server as a whole.
const SERVICES: [&str; 6] = [
    "",
    "tandem.v1.TableMapService",
    "tandem.v1.SyncService",
    "tandem.v1.QueueService",
    "tandem.v1.AlertService",
    "tandem.admin.v1.AdminService",
];

/// What clients of gRPC-Web send, and those of ours.
const WEB_REQUEST_HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-timeout",
    "tandem-actor",
    "x-grpc-web",
    "x-user-agent",
];
/// What an answer without a message has in its headers.
const WEB_ANSWER_HEADERS: [&str; 4] = ["grpc-encoding", "grpc-message", "grpc-status", "grpc-status-details-bin"];
/// How long a browser need not ask again.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3_600);

/// Messages are taken compressed and uncompressed, and answered compressed where the caller says that it takes that.
macro_rules! limited {
    ($service:expr, $bytes_max:expr) => {
        $service
            .max_decoding_message_size($bytes_max)
            .accept_compressed(Gzip)
            .accept_compressed(Zstd)
            .send_compressed(Gzip)
            .send_compressed(Zstd)
    };
}

/// The routes, and what health is told through.
pub fn routes(
    services: Services,
    message_bytes_max: usize,
    calls: Calls,
) -> Result<(Router, HealthReporter), tonic_reflection::server::Error> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    let routes = Routes::new(limited!(TableMapServiceServer::new(services.clone()), message_bytes_max))
        .add_service(limited!(SyncServiceServer::new(services.clone()), message_bytes_max))
        .add_service(limited!(QueueServiceServer::new(services.clone()), message_bytes_max))
        .add_service(limited!(AlertServiceServer::new(services.clone()), message_bytes_max))
        .add_service(limited!(AdminServiceServer::new(services), message_bytes_max))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    // What is not gRPC joins this router.
    let router = routes.into_axum_router().layer(from_fn_with_state(calls, calls::guard));
    Ok((router, health))
}

/// What browsers are told of pages of these origins: that they may call, and see of an answer what gRPC-Web has in headers. Without
/// any, answers say nothing of it.
pub fn cors(origins: &[String]) -> CorsLayer {
    if origins.is_empty() {
        return CorsLayer::new().vary([]);
    }
    let origins = origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers(WEB_REQUEST_HEADERS.map(HeaderName::from_static))
        .expose_headers(WEB_ANSWER_HEADERS.map(HeaderName::from_static))
        .max_age(PREFLIGHT_AGE)
}

/// Tells health what holds for all services.
pub async fn tell_health(health: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        health.set_service_status(service, status).await;
    }
}
