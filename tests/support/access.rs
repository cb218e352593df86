//! Clients, their tokens, and calls that show them.

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use tandem::cli::api::codec::Dynamic;
use tandem::model::token::TokenHash;
use tandem::services::proto::DESCRIPTORS;
use tonic::transport::Channel;
use tonic::{Request, Status};

pub const ROLES: [&str; 4] = ["viewer", "writer", "operator", "admin"];

/// A token for a client of a test: long, and told apart by its name.
pub fn token(of: &str) -> String {
    format!("tandem_planted_for_a_test_of_{of}")
}

/// A client with its own token; `maps` as the configuration has them.
pub fn client(id: &str, role: &str, maps: &str) -> String {
    let hash = TokenHash::of(&token(id));
    format!("[[clients]]\nid = \"{id}\"\nrole = \"{role}\"\ntable_maps = {maps}\ntoken_hashes = [\"{hash}\"]\n")
}

/// One client for each role, called as its role.
pub fn a_client_of_each_role() -> String {
    ROLES.map(|role| client(role, role, "\"*\"")).concat()
}

/// A request that shows a client's token.
pub fn of<T>(client: &str, message: T) -> Request<T> {
    shown(&token(client), message)
}

pub fn shown<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    request
}

/// Every method of the contract, with what its option says.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
    pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// What a method says of its access in the contract.
pub fn access(method: &MethodDescriptor) -> DynamicMessage {
    let option = method.parent_pool().get_extension_by_name("tandem.v1.access").expect("the option of access");
    method.options().get_extension(&option).as_message().expect("a message").clone()
}

/// Calls any method with any message, and gives the status it ends with, if it is an error, or else its first answer.
pub async fn call(
    channel: Channel,
    method: &MethodDescriptor,
    request: Request<DynamicMessage>,
) -> Result<Option<DynamicMessage>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().expect("a path");
    let request = request.map(|message| tokio_stream::iter([message]));
    let mut answers = client.streaming(request, path, Dynamic(method.clone())).await?.into_inner();
    answers.message().await
}
