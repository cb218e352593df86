//! Live sync between two SQLite databases: what is written, skipped and refused. The rules are domain.md's.

mod support;

use support::databases::sql;
use support::world::*;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_types::StatusExt;

use Disposition::{Applied, Queued, Skipped};
use TableMapState::Running;

#[tokio::test]
async fn rule_1_a_synchronous_write_is_there_when_it_is_answered() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    assert_eq!(world.written(order(7, "new")).await, told(Applied, ""));
    assert_eq!(world.right_has(7, "status").await.as_deref(), Some("new"));
    let back = from_right(change("orders", record([("id", int(7)), ("note", text("paid"))])));
    assert_eq!(world.written(back).await, told(Applied, ""));
    assert_eq!(world.left_has(7, "note").await.as_deref(), Some("paid"), "the other way");
    assert_eq!(world.right_has(7, "status").await.as_deref(), Some("new"), "an absent column is untouched");
    let emptied = change("orders", record([("id", int(7)), ("status", null())]));
    world.write(emptied).await.unwrap();
    assert_eq!(world.right_has(7, "status").await, None, "null is null");

    let delete =
        WriteRecordRequest { operation: Operation::Delete.into(), ..change("orders", record([("id", int(7))])) };
    assert_eq!(world.written(delete.clone()).await, told(Applied, ""));
    assert_eq!(world.written(delete).await, told(Applied, ""), "removing what is not there is no error");
    let left = sql::ask::<i64>(&world.right.url(), "SELECT count(*) FROM orders").await.unwrap();
    assert_eq!(left, [0]);
}

#[tokio::test]
async fn rule_1_an_asynchronous_write_is_kept_when_it_is_answered() {
    let mut world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    assert_eq!(world.written(order(7, "new")).await, told(Queued, "ASYNCHRONOUS"));
    world.server.restart().await;
    eventually("it is written", || async { world.right_has(7, "status").await.is_some() }).await;
    eventually("it is counted once", || async { world.figures("orders").await.applied == 1 }).await;
}

#[tokio::test]
async fn an_insert_fills_no_column_with_a_silent_null() {
    let world = World::start().await;
    let create = "CREATE TABLE bare (id INTEGER PRIMARY KEY NOT NULL, status TEXT, note TEXT)";
    for url in [world.left.url(), world.right.url()] {
        sql::execute(&url, create).await.unwrap();
    }
    let mut bare = orders_map();
    bare.column_mappings.truncate(3);
    bare.left.as_mut().unwrap().table = "bare".to_owned();
    bare.right.as_mut().unwrap().table = "bare".to_owned();
    world.running_map("bare", bare).await;
    let part = change("bare", record([("id", int(7)), ("status", text("new"))]));
    let refused = world.write(part.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "RECORD_MALFORMED"));
    let whole = change("bare", record([("id", int(7)), ("status", text("old")), ("note", null())]));
    assert_eq!(world.written(whole).await, told(Applied, ""));
    assert_eq!(world.written(part).await, told(Applied, ""), "an update needs no more than what changes");
}

#[tokio::test]
async fn a_key_change_moves_the_row() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    world.write(order(7, "new")).await.unwrap();
    let moved = WriteRecordRequest {
        previous_key: Some(record([("id", int(7))])),
        ..change("orders", record([("id", int(8)), ("note", text("renumbered"))]))
    };
    world.write(moved).await.unwrap();
    let rows = sql::ask::<String>(&world.right.url(), "SELECT id || status || note FROM orders").await.unwrap();
    assert_eq!(rows, ["8newrenumbered"]);
}

#[tokio::test]
async fn rule_4_a_change_id_seen_before_gets_the_first_answer() {
    let mut world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let with_id = |id: &str, change: WriteRecordRequest| WriteRecordRequest { change_id: id.to_owned(), ..change };
    let first = world.write(with_id("a", order(7, "new"))).await.unwrap();
    world.write(order(7, "newer")).await.unwrap();
    assert_eq!(world.write(with_id("a", order(7, "new"))).await.unwrap(), first);
    assert_eq!(world.right_has(7, "status").await.as_deref(), Some("newer"), "nothing was written again");
    let reused = world.write(with_id("a", order(7, "other"))).await.unwrap_err();
    assert_eq!((reused.code(), reason(&reused).as_str()), (Code::InvalidArgument, "CHANGE_ID_REUSED"));

    world.pause("orders").await.unwrap();
    let queued = world.write(with_id("b", order(8, "new"))).await.unwrap();
    assert_eq!((queued.disposition(), queued.reason.as_str()), (Queued, "MAP_PAUSED"));
    world.server.restart().await;
    assert_eq!(world.write(with_id("b", order(8, "new"))).await.unwrap(), queued, "through a crash");
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    assert_eq!(world.write(with_id("b", order(8, "new"))).await.unwrap(), queued, "with the reason of then");
    assert_eq!(world.figures("orders").await.queued, 0);
}

#[tokio::test]
async fn rule_4_a_stopped_map_still_knows_what_it_took() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let taken = change("orders", record([("id", int(1)), ("status", text("packed"))]));
    let taken = WriteRecordRequest { change_id: "one".to_owned(), ..taken };
    let first = world.write(taken.clone()).await.unwrap();
    world.stop("orders", QueuedRecordsDisposition::Keep).await.unwrap();
    assert_eq!(world.write(taken.clone()).await.unwrap(), first);
    let new = WriteRecordRequest { change_id: "two".to_owned(), ..taken };
    assert_eq!(reason(&world.write(new).await.unwrap_err()), "MAP_NOT_RUNNING");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_change_is_said_at_once() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let wrong = change(
        "orders",
        record([("status", int(7)), ("colour", text("red")), ("note", Value { kind: None }), ("amount", text("much"))]),
    );
    let wrong = WriteRecordRequest { change_id: "x".repeat(129), ..wrong };
    let refused = world.write(wrong.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let mut named = fields(&refused);
    named.sort();
    let column = |name: &str| format!("record.fields[{name:?}]");
    let mut expected = ["id", "status", "colour", "note", "amount"].map(column).to_vec();
    expected.push("change_id".to_owned());
    expected.sort();
    assert_eq!(named, expected);

    let nothing = world.write(WriteRecordRequest::default()).await.unwrap_err();
    assert_eq!(fields(&nothing), ["table_map", "source", "operation", "record"]);
    let unknown = world.write(change("nothing", record([("id", int(1))]))).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert_eq!(world.figures("orders").await, Figures::default(), "what was refused counts nowhere");
}

#[tokio::test]
async fn a_map_that_does_not_run_takes_nothing() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    let refused = world.write(order(7, "new")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "MAP_NOT_RUNNING"));
}

#[tokio::test]
async fn rule_10_an_echo_is_skipped_once() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    world.write(order(7, "new")).await.unwrap();
    let echo = from_right(order(7, "new"));
    assert_eq!(world.written(echo.clone()).await, told(Skipped, "ECHO"));
    assert_eq!(world.written(echo).await, told(Applied, ""), "the second time it is a change");
}

#[tokio::test]
async fn rule_5_one_bad_record_blocks_no_other() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let amount = |id: i64, amount: i64| change("orders", record([("id", int(id)), ("amount", int(amount))]));
    world.pause("orders").await.unwrap();
    for id in 0..50 {
        let bad = id % 10 == 3;
        world.write(amount(id, if bad { -1 } else { id })).await.unwrap();
    }
    world.resume("orders", ResumeOption::CatchUp).await.unwrap();
    world.wait_for_state("orders", Running).await;
    let errors = world.catch_up_errors("orders").await;
    let failed: Vec<i64> = errors.iter().map(|error| error.sequence).collect();
    assert_eq!(failed, [4, 14, 24, 34, 44], "exactly the bad ones");
    for error in &errors {
        let why = error.error.as_ref().unwrap();
        assert_eq!((why.r#type(), error.attempts > 0), (ErrorType::Application, true), "{error:?}");
        assert!(!why.code.is_empty() && !why.message.is_empty(), "{why:?}");
    }
    let figures = world.figures("orders").await;
    assert_eq!((figures.accepted, figures.applied, figures.in_error), (50, 45, 5));
    let stats = world.stats("orders").await;
    assert_eq!(stats.error_counts, [ErrorTypeCount { error_type: ErrorType::Application.into(), count: 5 }]);
    let conditions = world.map("orders").await.conditions;
    assert_eq!(conditions.iter().map(Condition::r#type).collect::<Vec<_>>(), [ConditionType::Errors]);
}

#[tokio::test]
async fn a_synchronous_write_that_is_refused_goes_back_to_its_caller() {
    let world = World::start().await;
    world.running_map("orders", orders_map()).await;
    let negative = change("orders", record([("id", int(7)), ("amount", int(-1))]));
    let refused = world.write(negative).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "RECORD_REFUSED"));
    assert_eq!(refused.get_details_error_info().unwrap().metadata["error_type"], "APPLICATION");
    assert_eq!(world.figures("orders").await, Figures::default(), "it was not accepted");
    eventually("it is in the log", || async {
        world.events("orders").await.iter().any(|event| event.kind() == ActivityKind::RecordError)
    })
    .await;
}

#[tokio::test]
async fn a_stream_answers_every_change_in_its_order() {
    let world = World::start().await;
    world.running_map("orders", asynchronous(orders_map())).await;
    let changes = (0..2_000).map(|id| {
        let mut change = order(id, "new");
        if id % 100 == 50 {
            change.record.as_mut().unwrap().fields.insert("colour".to_owned(), text("red"));
        }
        WriteRecordsRequest { change: Some(WriteRecordRequest { change_id: format!("c{id}"), ..change }) }
    });
    let mut answers = world.sync().write_records(tokio_stream::iter(changes)).await.unwrap().into_inner();
    let mut sequence = 0;
    for id in 0..2_000 {
        let answer = answers.next().await.expect("an answer for each").unwrap();
        assert_eq!(answer.change_id, format!("c{id}"));
        match answer.result.unwrap() {
            Told::Written(written) => {
                sequence += 1;
                assert_eq!((written.disposition(), written.sequence), (Queued, sequence));
            }
            Told::Status(status) => {
                assert_eq!((id % 100, Code::from(status.code)), (50, Code::InvalidArgument));
                assert!(!status.details.is_empty());
            }
        }
    }
    assert!(answers.next().await.is_none(), "the stream ends after the last answer");
    eventually("all is written", || async { world.figures("orders").await.applied == 1_980 }).await;

    let nameless = WriteRecordsRequest { change: Some(order(1, "new")) };
    let mut answers = world.sync().write_records(tokio_stream::iter([nameless])).await.unwrap().into_inner();
    let Some(Told::Status(status)) = answers.next().await.unwrap().unwrap().result else { panic!("it was taken") };
    assert_eq!(Code::from(status.code), Code::InvalidArgument);
}

/// What comes together is kept in commits of a bounded size, whatever it takes there.
#[tokio::test]
async fn many_changes_of_any_size_fit_their_commits() {
    const MANY: i64 = 6_000;
    let world = World::start().await;
    for side in [&world.left, &world.right] {
        sql::execute(&side.url(), "CREATE TABLE customers (id TEXT PRIMARY KEY NOT NULL, note TEXT)").await.unwrap();
    }
    world.running_map("customers", one_way("customers", &["id", "note"])).await;
    world.pause("customers").await.unwrap();
    let changes = (0..MANY).map(|id| {
        let key = if id % 700 == 7 { format!("{id:010}{}", "k".repeat(150_000)) } else { format!("{id:010}") };
        let note = if id % 500 == 5 { "n".repeat(200_000) } else { "n".repeat(100) };
        let written = change("customers", record([("id", text(&key)), ("note", text(&note))]));
        WriteRecordsRequest { change: Some(WriteRecordRequest { change_id: format!("{id:032}"), ..written }) }
    });
    let answers = world.sync().write_records(tokio_stream::iter(changes)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers.len() as i64, MANY);
    for (answer, sequence) in answers.into_iter().zip(1..) {
        let Some(Told::Written(written)) = answer.unwrap().result else { panic!("{sequence} was refused") };
        assert_eq!((written.disposition(), written.sequence), (Queued, sequence));
    }
    world.resume("customers", ResumeOption::CatchUp).await.unwrap();
    eventually("all is written", || async { world.figures("customers").await.applied == MANY }).await;
}

/// No transition deletes at an application (pain 42): not a copy, a stop, a run, a discarded queue or a deleted map.
#[tokio::test]
async fn rule_12_nothing_is_deleted_but_by_a_delete() {
    let world = World::start().await;
    sql::execute(&world.left.url(), "INSERT INTO orders (id, status) VALUES (1, 'left')").await.unwrap();
    sql::execute(&world.right.url(), "INSERT INTO orders (id, status) VALUES (2, 'right')").await.unwrap();
    let mut one_way = asynchronous(orders_map());
    for mapping in &mut one_way.column_mappings {
        mapping.direction = Direction::LeftToRight.into();
    }
    world.create_map("orders", one_way).await.unwrap();
    world.run("orders").await.unwrap();
    world.wait_for_state("orders", Running).await;
    world.pause("orders").await.unwrap();
    world.write(order(3, "discarded")).await.unwrap();
    world.resume("orders", ResumeOption::SkipAndDiscard).await.unwrap();
    sql::execute(&world.left.url(), "DELETE FROM orders").await.unwrap();
    world.stop("orders", QueuedRecordsDisposition::Discard).await.unwrap();
    world.run("orders").await.unwrap();
    world.wait_for_state("orders", Running).await;
    world.stop("orders", QueuedRecordsDisposition::Discard).await.unwrap();
    let delete = DeleteTableMapRequest { name: name("orders"), ..Default::default() };
    world.maps().delete_table_map(delete).await.unwrap();
    let kept = sql::ask::<i64>(&world.right.url(), "SELECT id FROM orders ORDER BY id").await.unwrap();
    assert_eq!(kept, [1, 2], "what the left side lost or never had stays on the right");
}
