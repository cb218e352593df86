//! Who may call what: the table that the contract's methods give, and the one place where a request is let in.
//!
//! A method's role is asked for before anything of its request is read (`rule`, by the layer around all calls); the maps that
//! its request names, once it is read (`admit`). `build.rs` makes table and names of the option `access` of every method.

use super::proto;
use super::status::CallError;
use crate::model::access::{Caller, MapScope, Role};
use crate::model::ids::MapId;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::Request;

/// What stands before the id in a name of a map, and of what belongs to one.
const COLLECTION: &str = "tableMaps/";

/// What is asked of the caller of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub role: Role,
    /// Whether the call goes on until somebody ends it.
    pub streams: bool,
}

/// A request that says which maps it is about.
pub trait Scoped {
    const METHOD: &'static str;
    /// Whether it is answered with the caller's maps alone.
    const OWN_TABLE_MAPS: bool;

    /// The names that it has for maps, or for what belongs to them; an empty one is none.
    fn table_maps(&self) -> Vec<&str>;
}

include!(concat!(env!("OUT_DIR"), "/access.rs"));

/// Bytes that the changes of a client's streams may take, until they are answered.
#[derive(Debug, Clone)]
pub struct Budget(pub Arc<Semaphore>);

/// Who made the call. The layer around all calls has found out; without it, nobody may do anything.
pub fn caller<T>(request: &Request<T>) -> Result<Caller, CallError> {
    request.extensions().get::<Caller>().cloned().ok_or(CallError::CredentialsMissing)
}

/// What the changes of a stream may take.
pub fn budget<T>(request: &Request<T>) -> Option<Budget> {
    request.extensions().get::<Budget>().cloned()
}

/// Lets a request in whose caller may ask this about these maps.
pub fn admit<T: Scoped>(request: Request<T>) -> Result<(Caller, T), CallError> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    check(&caller, &request)?;
    Ok((caller, request))
}

/// Whether the caller's role holds for every map that the request names.
pub fn check<T: Scoped>(caller: &Caller, request: &T) -> Result<(), CallError> {
    if caller.scope.is_all() || T::OWN_TABLE_MAPS {
        return Ok(());
    }
    let mut named = request.table_maps().into_iter().filter(|name| !name.is_empty()).peekable();
    if named.peek().is_some() && named.all(|name| is_within(&caller.scope, name)) {
        return Ok(());
    }
    Err(outside(caller, T::METHOD))
}

/// Whether the caller's role holds for all of these maps.
pub fn check_maps<'a>(
    caller: &Caller,
    method: &'static str,
    maps: impl IntoIterator<Item = &'a MapId>,
) -> Result<(), CallError> {
    if maps.into_iter().all(|map| caller.scope.has(map)) { Ok(()) } else { Err(outside(caller, method)) }
}

fn outside(caller: &Caller, method: &'static str) -> CallError {
    CallError::MapsOutside { actor: caller.actor.clone(), method, scope: caller.scope.clone() }
}

/// A name of a map (`tableMaps/a`), of what belongs to one (`tableMaps/a/executions/1`), or an id.
fn is_within(scope: &MapScope, name: &str) -> bool {
    let id = name.strip_prefix(COLLECTION).unwrap_or(name).split('/').next().unwrap_or_default();
    MapId::parse(id).is_ok_and(|map| scope.has(&map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::methods::OFFERED;
    use prost_reflect::DescriptorPool;

    /// Whoever adds a method gives it a rule: without one the build fails, and here it would be missing.
    #[test]
    fn every_method_of_the_contract_has_a_rule() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let mut methods = 0_usize;
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let rule = rule(&path).unwrap_or_else(|| panic!("{path} has no rule"));
            assert_eq!(rule.streams, method.is_client_streaming() || method.is_server_streaming(), "{path}");
            methods += 1;
        }
        assert!(methods > OFFERED.iter().map(|(_, methods)| methods.len()).sum::<usize>());
        assert_eq!(rule("/tandem.v1.TableMapService/Unknown"), None);
    }

    fn some() -> Caller {
        let maps = ["orders", "customers"].map(|id| MapId::parse(id).unwrap());
        Caller { actor: "erp".to_owned(), role: Role::Operator, scope: MapScope::Only(maps.into()) }
    }

    #[test]
    fn a_client_of_some_maps_names_none_but_those() {
        let get = |name: &str| check(&some(), &proto::GetTableMapRequest { name: name.to_owned() });
        assert!(get("tableMaps/orders").is_ok());
        for other in ["tableMaps/order", "tableMaps/-", "", "orders/", "tableMaps//orders", "tablemaps/orders"] {
            assert!(get(other).is_err() || other == "orders/", "{other}");
        }
        let execution = |name: &str| check(&some(), &proto::GetExecutionRequest { name: name.to_owned() });
        assert!(execution("tableMaps/orders/executions/1").is_ok());
        assert!(execution("tableMaps/products/executions/1").is_err());
    }

    #[test]
    fn every_map_of_a_request_is_looked_at() {
        let run = |name: &str, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            check(&some(), &proto::RunTableMapRequest { name: name.to_owned(), names, ..Default::default() })
        };
        assert!(run("tableMaps/orders", &[]).is_ok());
        assert!(run("", &["tableMaps/orders", "tableMaps/customers"]).is_ok());
        assert!(run("", &["tableMaps/orders", "tableMaps/products"]).is_err());
        assert!(run("tableMaps/orders", &["tableMaps/products"]).is_err());
        let change = |map: &str| proto::WriteRecordsRequest {
            change: Some(proto::WriteRecordRequest { table_map: map.to_owned(), ..Default::default() }),
        };
        assert!(check(&some(), &change("tableMaps/orders")).is_ok());
        assert!(check(&some(), &change("tableMaps/products")).is_err());
        let validate = |name: &str| proto::ValidateTableMapRequest {
            target: Some(proto::validate_table_map_request::Target::Name(name.to_owned())),
        };
        assert!(check(&some(), &validate("tableMaps/orders")).is_ok());
        assert!(check(&some(), &validate("tableMaps/products")).is_err());
    }

    #[test]
    fn what_is_about_no_map_is_for_clients_of_all() {
        assert!(check(&some(), &proto::ListApplicationsRequest::default()).is_err());
        assert!(check(&some(), &proto::ListTableMapsRequest::default()).is_ok(), "it is answered with its own");
        let everything = Caller { scope: MapScope::All, ..some() };
        assert!(check(&everything, &proto::ListApplicationsRequest::default()).is_ok());
        assert!(check(&everything, &proto::GetTableMapRequest { name: "-".to_owned() }).is_ok());
    }
}
