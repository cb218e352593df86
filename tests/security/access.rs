//! Which role may call which method, for every method of every service, as reflection tells of them.

use super::support::access::*;
use super::support::databases::sql;
use super::support::server::Server;
use super::support::world::*;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};
use std::collections::BTreeMap;
use tandem::services::proto::*;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

/// The role that a method takes, by its place in `ROLES`.
fn needed(method: &MethodDescriptor) -> usize {
    let access = access(method);
    let role = access.get_field_by_name("role").and_then(|role| role.as_enum_number()).expect("a role");
    usize::try_from(role).expect("a role") - 1
}

fn fields(method: &MethodDescriptor) -> Vec<String> {
    let access = access(method);
    let fields = access.get_field_by_name("table_maps").expect("fields");
    fields.as_list().expect("a list").iter().map(|field| field.as_str().expect("a text").to_owned()).collect()
}

fn answers_with_own(method: &MethodDescriptor) -> bool {
    access(method).get_field_by_name("own_table_maps").and_then(|own| own.as_bool()).expect("a switch")
}

fn empty(method: &MethodDescriptor) -> DynamicMessage {
    DynamicMessage::new(method.input())
}

async fn refusal(
    channel: &Channel,
    client: &str,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Option<tonic::Status> {
    match call(channel.clone(), method, of(client, message)).await {
        Err(status) => Some(status),
        Ok(answer) => inner_refusal(&answer?),
    }
}

/// A change of a stream is refused by itself, in its answer.
fn inner_refusal(answer: &DynamicMessage) -> Option<tonic::Status> {
    let status = answer.get_field_by_name("status")?.as_message()?.clone();
    let code = status.get_field_by_name("code")?.as_i32()?;
    (code != 0).then(|| tonic::Status::new(Code::from_i32(code), "of one change"))
}

#[tokio::test]
async fn every_method_is_for_its_role_and_those_above() {
    let server = Server::start_with(&[], &a_client_of_each_role()).await;
    let channel = server.channel();
    for method in methods() {
        for (rank, client) in ROLES.into_iter().enumerate() {
            let refused = refusal(&channel, client, &method, empty(&method)).await;
            let denied = refused.as_ref().filter(|status| status.code() == Code::PermissionDenied);
            let may = rank >= needed(&method);
            assert_eq!(denied.is_none(), may, "{client} calls {}: {refused:?}", method.full_name());
            if let Some(status) = denied {
                let info = status.get_details_error_info().expect("a reason");
                assert_eq!(info.reason, "PERMISSION_MISSING");
                assert_eq!(info.metadata["permission"], ROLES[needed(&method)]);
            }
        }
        let nobody = call(channel.clone(), &method, tonic::Request::new(empty(&method))).await.unwrap_err();
        assert_eq!((nobody.code(), reason(&nobody).as_str()), (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    }
}

/// A request in which every field that names a map, by the method's option, names this one.
fn naming(method: &MethodDescriptor, field: &str, map: &str) -> DynamicMessage {
    let mut message = empty(method);
    set(&mut message, field, map);
    message
}

fn set(message: &mut DynamicMessage, field: &str, map: &str) {
    if let Some((first, rest)) = field.split_once('.') {
        let descriptor = message.descriptor().get_field_by_name(first).expect("a field");
        let Kind::Message(inner) = descriptor.kind() else { panic!("{field} is no message") };
        let mut inner = DynamicMessage::new(inner);
        set(&mut inner, rest, map);
        return message.set_field(&descriptor, Value::Message(inner));
    }
    let descriptor = message.descriptor().get_field_by_name(field).expect("a field");
    let named = if field.ends_with("_id") { map.to_owned() } else { name(map) };
    let named = Value::String(named);
    message.set_field(&descriptor, if descriptor.is_list() { Value::List(vec![named]) } else { named });
}

#[tokio::test]
async fn a_client_of_some_maps_reaches_no_other_by_any_method() {
    let server = Server::start_with(&[], &client("some", "admin", "[\"orders\"]")).await;
    let channel = server.channel();
    for method in methods() {
        let fields = fields(&method);
        let foreign = if fields.is_empty() {
            vec![empty(&method)]
        } else {
            fields.iter().map(|field| naming(&method, field, "products")).chain([empty(&method)]).collect()
        };
        for message in foreign {
            let refused = refusal(&channel, "some", &method, message.clone()).await;
            let code = refused.as_ref().map(tonic::Status::code);
            let open = answers_with_own(&method);
            assert_eq!(code == Some(Code::PermissionDenied), !open, "{} {message:?}: {refused:?}", method.full_name());
        }
        for field in &fields {
            let all = naming(&method, field, "-");
            let refused = refusal(&channel, "some", &method, all).await.expect("all maps are not its own");
            assert_eq!(refused.code(), Code::PermissionDenied, "{} of all maps", method.full_name());
            let own = naming(&method, field, "orders");
            let refused = refusal(&channel, "some", &method, own).await;
            let code = refused.as_ref().map(tonic::Status::code);
            assert_ne!(code, Some(Code::PermissionDenied), "{} {field}: {refused:?}", method.full_name());
        }
        // One of its own does not open the door to another.
        if fields.len() > 1 && !method.input().oneofs().any(|oneof| oneof.name() == "target") {
            let mut both = naming(&method, &fields[0], "orders");
            set(&mut both, &fields[1], "products");
            let refused = refusal(&channel, "some", &method, both).await.expect("one of them is not its own");
            assert_eq!(refused.code(), Code::PermissionDenied, "{}", method.full_name());
        }
    }
}

/// What is called as fields for maps are called, and is none of the option, is a hole or an oversight.
#[test]
fn no_field_that_names_a_map_is_forgotten() {
    const NAMES: [&str; 7] = ["name", "names", "parent", "table_map", "table_maps", "table_map_id", "queued_record"];
    let named = |message: &MessageDescriptor| -> Vec<String> {
        let texts = message.fields().filter(|field| field.kind() == Kind::String);
        texts.map(|field| field.name().to_owned()).filter(|field| NAMES.contains(&field.as_str())).collect()
    };
    for method in methods() {
        let fields = fields(&method);
        for field in named(&method.input()) {
            let told = fields.is_empty() || fields.contains(&field);
            assert!(told, "{} names maps by {field}, and its option does not say so", method.full_name());
        }
    }
}

/// On both sides.
async fn another_table(world: &World, table: &str) {
    for url in [world.left.url(), world.right.url()] {
        sql::execute(&url, &format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL)")).await.expect("a table");
    }
}

#[tokio::test]
async fn a_client_of_some_maps_sees_only_those_in_lists() {
    let world = World::start_with(&(client("all", "admin", "\"*\"") + &client("some", "viewer", "[\"orders\"]"))).await;
    another_table(&world, "products").await;
    for (map, table_map) in [("orders", orders_map()), ("products", one_way("products", &["id"]))] {
        let request =
            CreateTableMapRequest { table_map_id: map.to_owned(), table_map: Some(table_map), ..Default::default() };
        world.maps().create_table_map(of("all", request)).await.unwrap();
    }
    let listed = |client: &'static str| {
        let mut maps = world.maps();
        async move {
            let listed = maps.list_table_maps(of(client, ListTableMapsRequest::default())).await.unwrap().into_inner();
            (listed.table_maps.into_iter().map(|map| map.name).collect::<Vec<_>>(), listed.total_size)
        }
    };
    assert_eq!(listed("all").await, (vec![name("orders"), name("products")], Some(2)));
    assert_eq!(listed("some").await, (vec![name("orders")], Some(1)));
}

#[tokio::test]
async fn related_maps_outside_its_own_are_not_taken_along() {
    let clients = client("all", "admin", "\"*\"") + &client("some", "operator", "[\"orders\"]");
    let world = World::start_with(&clients).await;
    another_table(&world, "customers").await;
    let orders = TableMap { related_table_maps: vec![name("customers")], ..orders_map() };
    for (map, table_map) in [("customers", one_way("customers", &["id"])), ("orders", orders)] {
        let request =
            CreateTableMapRequest { table_map_id: map.to_owned(), table_map: Some(table_map), ..Default::default() };
        world.maps().create_table_map(of("all", request)).await.unwrap();
    }
    let run = |include_related| RunTableMapRequest {
        name: name("orders"),
        include_related,
        initial_sync: InitialSyncMode::Skip.into(),
        ..Default::default()
    };
    let refused = world.maps().run_table_map(of("some", run(true))).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PERMISSION_MISSING"));
    let states = |world: &World| {
        let mut maps = world.maps();
        async move {
            let listed = maps.list_table_maps(of("all", ListTableMapsRequest::default())).await.unwrap().into_inner();
            listed.table_maps.iter().map(|map| (map.name.clone(), map.state())).collect::<BTreeMap<_, _>>()
        }
    };
    assert!(states(&world).await.values().all(|state| *state == TableMapState::NotRunning));
    world.maps().run_table_map(of("some", run(false))).await.unwrap();
    assert_eq!(states(&world).await[&name("customers")], TableMapState::NotRunning);
}

/// docs/security.md has a table of the methods, for people: `| method | role | maps |`.
#[test]
fn the_documentation_has_every_method_with_its_role() {
    let documentation = include_str!("../../docs/security.md");
    let mut rows = BTreeMap::new();
    for line in documentation.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        if cells.len() == 5 && ROLES.contains(&cells[2].as_str()) {
            rows.insert(cells[1].clone(), (cells[2].clone(), cells[3].clone()));
        }
    }
    let expected: BTreeMap<_, _> = methods()
        .iter()
        .map(|method| {
            let maps = match (fields(method).is_empty(), answers_with_own(method)) {
                (false, _) => "named",
                (true, true) => "own",
                (true, false) => "all",
            };
            (method.name().to_owned(), (ROLES[needed(method)].to_owned(), maps.to_owned()))
        })
        .collect();
    assert_eq!(rows, expected);
}
