//! Table maps over the wire: creating, changing, checking, and every transition.

mod support;

use support::world::*;
use tandem::services::proto::validate_table_map_request::Target;
use tandem::services::proto::*;
use tonic::Code;
use tonic_types::StatusExt;

use QueuedRecordsDisposition::Unspecified as NotSaid;
use TableMapState::{NotRunning, Running};

#[tokio::test]
async fn a_map_is_created_read_changed_and_deleted() {
    let world = World::start().await;
    let request = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        ..Default::default()
    };
    let created = world.maps().create_table_map(as_actor("ada", request)).await.unwrap().into_inner();
    assert_eq!((created.name.as_str(), created.state(), created.version), ("tableMaps/orders", NotRunning, 1));
    assert_eq!(
        (created.author.as_str(), created.sync_mode(), created.master()),
        ("ada", SyncMode::Synchronous, Side::Right)
    );
    assert_eq!(created.left.as_ref().unwrap().application, "applications/sales", "the bare id is answered as the name");
    assert_eq!(world.map("orders").await, created);
    let again = world.create_map("orders", orders_map()).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::AlreadyExists, "RESOURCE_EXISTS"));

    let update = |map: TableMap, paths: &[&str]| UpdateTableMapRequest {
        table_map: Some(map),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        ..Default::default()
    };
    let named = TableMap { display_name: "Orders".to_owned(), ..created.clone() };
    let updated = world.maps().update_table_map(update(named.clone(), &["display_name"])).await.unwrap().into_inner();
    assert_eq!((updated.display_name.as_str(), updated.version), ("Orders", 2));
    assert_ne!(updated.etag, created.etag);
    let stale = world.maps().update_table_map(update(named, &["display_name"])).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let same = world.maps().update_table_map(update(updated.clone(), &["*"])).await.unwrap().into_inner();
    assert_eq!(same.version, 2, "an update that changes nothing makes no version");
    let unknown = world.maps().update_table_map(update(updated.clone(), &["colour", "shape"])).await.unwrap_err();
    assert_eq!(fields(&unknown), ["update_mask", "update_mask"], "every unknown path is named");

    let delete =
        |etag: &str| DeleteTableMapRequest { name: name("orders"), etag: etag.to_owned(), ..Default::default() };
    let stale = world.maps().delete_table_map(delete(&created.etag)).await.unwrap_err();
    assert_eq!(reason(&stale), "ETAG_MISMATCH");
    world.maps().delete_table_map(delete(&updated.etag)).await.unwrap();
    let gone = world.maps().get_table_map(GetTableMapRequest { name: name("orders") }).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert_eq!(gone.get_details_resource_info().unwrap().resource_name, "tableMaps/orders");
    let kinds: Vec<ActivityKind> = world.events("orders").await.iter().map(ActivityEvent::kind).collect();
    assert_eq!(kinds, [ActivityKind::Created, ActivityKind::Updated, ActivityKind::Deleted], "the log stays");

    world.create_map("orders", orders_map()).await.unwrap();
    assert_eq!(world.events("orders").await.last().unwrap().sequence, 4, "its numbers go on");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_map_is_said_at_once() {
    let world = World::start().await;
    let mut map = orders_map();
    map.left.as_mut().unwrap().application = "Not An Id".to_owned();
    map.right.as_mut().unwrap().table = String::new();
    map.master = 9;
    map.related_table_maps = vec!["orders".to_owned()];
    map.queue_limits = Some(QueueLimits { max_bytes: -1, ..Default::default() });
    let refused = world.create_map("Orders", map).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let expected = [
        "table_map_id",
        "table_map.left.application",
        "table_map.right.table",
        "table_map.master",
        "table_map.related_table_maps[0]",
        "table_map.queue_limits.max_bytes",
    ];
    assert_eq!(fields(&refused), expected);

    // Well-formed, and no map all the same.
    let mut map = orders_map();
    map.column_mappings[1].right_column = "colour".to_owned();
    map.column_mappings[2].left_column = "status".to_owned();
    map.integration_key.push("nothing".to_owned());
    map.conflict_policy = ConflictPolicy::Manual.into();
    let refused = world.create_map("orders", map.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_TABLE_MAP"));
    let findings = validated(&world, map).await;
    let codes: Vec<FindingCode> = findings.iter().map(Finding::code).collect();
    for expected in [
        FindingCode::ColumnMissing,
        FindingCode::SourceColumnDuplicate,
        FindingCode::KeyColumnNotMapped,
        FindingCode::NotSupported,
    ] {
        assert!(codes.contains(&expected), "{expected:?} is not among {codes:?}");
    }
    let named = fields(&refused);
    for finding in findings.iter().filter(|finding| finding.severity() == Severity::Error) {
        assert!(named.contains(&format!("table_map.{}", finding.field)), "{finding:?} is not among {named:?}");
    }
    assert!(
        world.maps().list_table_maps(ListTableMapsRequest::default()).await.unwrap().into_inner().table_maps.is_empty()
    );
}

async fn validated(world: &World, map: TableMap) -> Vec<Finding> {
    let request = ValidateTableMapRequest { target: Some(Target::TableMap(map)) };
    world.maps().validate_table_map(request).await.unwrap().into_inner().findings
}

#[tokio::test]
async fn validation_knows_the_tables_and_the_other_maps() {
    let world = World::start().await;
    assert_eq!(validated(&world, orders_map()).await, []);
    world.create_map("orders", orders_map()).await.unwrap();
    let in_use = validated(&world, orders_map()).await;
    assert_eq!(in_use.iter().map(Finding::code).collect::<Vec<_>>(), [FindingCode::TablesInUse]);
    let itself = TableMap { name: name("orders"), ..orders_map() };
    assert_eq!(validated(&world, itself).await, [], "a map does not stand in its own way");

    let mut nowhere = orders_map();
    nowhere.left.as_mut().unwrap().application = "warehouse".to_owned();
    nowhere.right.as_mut().unwrap().table = "nothing".to_owned();
    let codes: Vec<FindingCode> = validated(&world, nowhere).await.iter().map(Finding::code).collect();
    assert_eq!(codes, [FindingCode::ApplicationUnknown, FindingCode::TableMissing]);
}

#[tokio::test]
async fn a_request_that_comes_twice_is_carried_out_once() {
    let world = World::start().await;
    let create = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        request_id: "one".to_owned(),
        ..Default::default()
    };
    let first = world.maps().create_table_map(create.clone()).await.unwrap().into_inner();
    assert_eq!(world.maps().create_table_map(create).await.unwrap().into_inner(), first);

    let run = RunTableMapRequest {
        name: name("orders"),
        initial_sync: InitialSyncMode::Skip.into(),
        request_id: "two".to_owned(),
        ..Default::default()
    };
    world.maps().run_table_map(run.clone()).await.unwrap();
    world.maps().run_table_map(run.clone()).await.unwrap();
    let other = RunTableMapRequest { reason: "another".to_owned(), ..run };
    let reused = world.maps().run_table_map(other).await.unwrap_err();
    assert_eq!((reused.code(), reason(&reused).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let runs = world.events("orders").await.iter().filter(|event| event.kind() == ActivityKind::Run).count();
    assert_eq!(runs, 1);

    world.stop("orders", NotSaid).await.unwrap();
    let delete = DeleteTableMapRequest { name: name("orders"), request_id: "three".to_owned(), ..Default::default() };
    world.maps().delete_table_map(delete.clone()).await.unwrap();
    world.maps().delete_table_map(delete).await.unwrap();
}

#[tokio::test]
async fn what_is_only_tried_out_changes_nothing() {
    let world = World::start().await;
    let create = CreateTableMapRequest {
        table_map_id: "orders".to_owned(),
        table_map: Some(orders_map()),
        validate_only: true,
        ..Default::default()
    };
    let tried = world.maps().create_table_map(create).await.unwrap().into_inner();
    assert_eq!((tried.name.as_str(), tried.version), ("tableMaps/orders", 1));
    assert!(world.maps().get_table_map(GetTableMapRequest { name: name("orders") }).await.is_err());
    world.create_map("orders", orders_map()).await.unwrap();
    let run = RunTableMapRequest { name: name("orders"), validate_only: true, ..Default::default() };
    world.maps().run_table_map(run).await.unwrap();
    assert_eq!(world.state("orders").await, NotRunning);
}

#[tokio::test]
async fn lists_have_pages_filters_and_an_order() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    for table in ["c", "a", "b"] {
        for url in [world.left.url(), world.right.url()] {
            let create = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL)");
            support::databases::sql::execute(&url, &create).await.unwrap();
        }
        let mut definition = orders_map();
        definition.column_mappings.truncate(1);
        definition.left.as_mut().unwrap().table = table.to_owned();
        definition.right.as_mut().unwrap().table = table.to_owned();
        world.create_map(table, definition).await.unwrap();
    }
    world.run_live("b").await.unwrap();
    let mut request = ListTableMapsRequest { page_size: 3, ..Default::default() };
    let first = world.maps().list_table_maps(request.clone()).await.unwrap().into_inner();
    let names = |page: &ListTableMapsResponse| page.table_maps.iter().map(|map| map.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&first), first.total_size), (["a", "b", "c"].map(name).to_vec(), Some(4)));
    request.page_token = first.next_page_token.clone();
    let second = world.maps().list_table_maps(request.clone()).await.unwrap().into_inner();
    assert_eq!((names(&second), second.next_page_token.as_str()), (vec![name("orders")], ""));
    request.application = "sales".to_owned();
    let foreign = world.maps().list_table_maps(request).await.unwrap_err();
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::InvalidArgument, "INVALID_PAGE_TOKEN"));

    let running = ListTableMapsRequest { state: Running.into(), ..Default::default() };
    assert_eq!(names(&world.maps().list_table_maps(running).await.unwrap().into_inner()), [name("b")]);
    let elsewhere = ListTableMapsRequest { application: "applications/nowhere".to_owned(), ..Default::default() };
    assert!(world.maps().list_table_maps(elsewhere).await.unwrap().into_inner().table_maps.is_empty());
    let negative = ListTableMapsRequest { page_size: -1, ..Default::default() };
    assert_eq!(fields(&world.maps().list_table_maps(negative).await.unwrap_err()), ["page_size"]);
}

#[tokio::test]
async fn applications_tell_what_they_are_and_what_they_have() {
    let world = World::start().await;
    let listed = world.maps().list_applications(ListApplicationsRequest::default()).await.unwrap().into_inner();
    let names: Vec<&str> = listed.applications.iter().map(|application| application.name.as_str()).collect();
    assert_eq!(names, ["applications/finance", "applications/sales"]);
    let check = CheckApplicationRequest { name: "applications/sales".to_owned(), table: "orders".to_owned() };
    assert_eq!(world.maps().check_application(check.clone()).await.unwrap().into_inner().error, None);
    let missing = CheckApplicationRequest { table: "nothing".to_owned(), ..check };
    let told = world.maps().check_application(missing).await.unwrap().into_inner();
    assert_eq!(told.error.unwrap().r#type(), ErrorType::Configuration, "what is wrong is in the answer");

    let tables = ListTablesRequest { parent: "applications/sales".to_owned(), ..Default::default() };
    let tables = world.maps().list_tables(tables).await.unwrap().into_inner().tables;
    assert_eq!(tables.iter().map(|table| table.table.as_str()).collect::<Vec<_>>(), ["orders"]);
    let table = world.maps().get_table(GetTableRequest { name: tables[0].name.clone() }).await.unwrap().into_inner();
    assert_eq!(table.primary_key, ["id"]);
    assert_eq!(
        table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
        ["id", "status", "note", "amount"]
    );
    let nowhere = GetTableRequest { name: "applications/sales/tables/nothing".to_owned() };
    assert_eq!(world.maps().get_table(nowhere).await.unwrap_err().code(), Code::NotFound);
}
