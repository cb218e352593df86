//! Running, pausing, resuming and stopping over the wire.

mod support;

use sqlx::{Connection, SqliteConnection};
use std::time::Duration;
use support::world::*;
use tandem::services::proto::transition_result::Outcome;
use tandem::services::proto::write_records_response::Result as Told;
use tandem::services::proto::*;
use tonic::{Code, Status};

use QueuedRecordsDisposition::{Discard, Keep, Unspecified as NotSaid};
use TableMapState::{Initializing, NotRunning, Paused, Resuming, Running};

/// Every pair of state and transition over the wire: it works, or it is refused and nothing has changed.
#[tokio::test]
async fn every_transition_works_from_its_states_and_is_refused_from_the_others() {
    let world = World::start().await;
    world.create_map("orders", orders_map()).await.unwrap();
    for state in [NotRunning, Running, Paused, Resuming] {
        for transition in ["run", "pause", "resume", "skip to live", "stop"] {
            let mut blocked = bring_to(&world, state).await;
            let before = world.map("orders").await;
            let result = attempt(&world, transition).await;
            let expected = match (transition, state) {
                ("run", NotRunning) => Some(Running),
                ("pause", Running | Resuming) => Some(Paused),
                ("resume", Paused) => Some(Resuming),
                ("skip to live", Resuming) => Some(Running),
                ("stop", Running | Paused | Resuming) => Some(NotRunning),
                _ => None,
            };
            match (expected, result) {
                (Some(Resuming), Ok(reached)) => assert!([Resuming, Running].contains(&reached)),
                (Some(expected), result) => {
                    assert_eq!(result.as_ref().ok(), Some(&expected), "{transition} from {state:?}: {result:?}");
                }
                (None, Ok(reached)) => panic!("{transition} from {state:?} led to {reached:?}"),
                (None, Err(refused)) => {
                    let told = (refused.code(), reason(&refused));
                    assert_eq!(
                        told,
                        (Code::FailedPrecondition, "WRONG_STATE".to_owned()),
                        "{transition} from {state:?}"
                    );
                    assert_eq!(world.state("orders").await, before.state(), "a refusal changes nothing");
                }
            }
            blocked.end().await;
            let _ = world.stop("orders", Discard).await;
        }
    }
}

/// A map that stays RESUMING since its destination is away; comes back with `end`.
struct Blocked<'a>(Option<&'a World>);

impl Blocked<'_> {
    async fn end(&mut self) {
        if let Some(world) = self.0.take() {
            std::fs::rename(away(world), world.right.path()).unwrap();
        }
    }
}

fn away(world: &World) -> std::path::PathBuf {
    world.right.path().with_extension("away")
}

async fn bring_to(world: &World, state: TableMapState) -> Blocked<'_> {
    if state == NotRunning {
        return Blocked(None);
    }
    world.run_live("orders").await.unwrap();
    if state == Running {
        return Blocked(None);
    }
    world.pause("orders").await.unwrap();
    if state == Paused {
        return Blocked(None);
    }
    world.write(change("orders", record([("id", int(1)), ("status", text("waits"))]))).await.unwrap();
    std::fs::rename(world.right.path(), away(world)).unwrap();
    assert_eq!(world.resume("orders", ResumeOption::CatchUp).await.unwrap(), Resuming);
    Blocked(Some(world))
}

async fn attempt(world: &World, transition: &str) -> Result<TableMapState, Status> {
    match transition {
        "run" => world.run_live("orders").await,
        "pause" => world.pause("orders").await,
        "resume" => world.resume("orders", ResumeOption::CatchUp).await,
        "skip to live" => world.skip_to_live("orders").await,
        "stop" => world.stop("orders", Keep).await,
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn an_initial_sync_goes_through_initializing_to_running() {
    let world = World::start().await;
    let fill = "INSERT INTO orders (id, status) VALUES (1, 'left'), (2, 'left')";
    support::databases::sql::execute(&world.left.url(), fill).await.unwrap();
    let fill = "INSERT INTO orders (id, status) VALUES (2, 'right'), (3, 'right')";
    support::databases::sql::execute(&world.right.url(), fill).await.unwrap();
    world.create_map("orders", orders_map()).await.unwrap();
    let run = RunTableMapRequest { name: name("orders"), ..Default::default() };
    let run = world.maps().run_table_map(run).await.unwrap().into_inner().results.remove(0);
    assert_eq!(run.execution, "tableMaps/orders/executions/1");
    world.wait_for_state("orders", Running).await;
    for id in 1..=3 {
        let wins = if id == 1 { "left" } else { "right" };
        assert_eq!(world.left_has(id, "status").await.as_deref(), Some(wins), "order {id}: the master is right");
        assert_eq!(world.right_has(id, "status").await.as_deref(), Some(wins), "order {id}");
    }
    let execution = world.sync().get_execution(GetExecutionRequest { name: run.execution }).await.unwrap().into_inner();
    assert_eq!(execution.state(), ExecutionState::Completed);
    let written: Vec<_> = execution.projects.iter().map(|project| (project.direction(), project.written)).collect();
    assert_eq!(written, [(Direction::RightToLeft, 2), (Direction::LeftToRight, 1)]);
    let states: Vec<_> = world.events("orders").await.iter().map(ActivityEvent::state_after).collect();
    assert!(states.contains(&Initializing) && states.last() == Some(&Running), "{states:?}");
}

#[tokio::test]
async fn an_initial_sync_that_ends_with_errors_waits_for_a_decision() {
    let world = World::start().await;
    let fill = "PRAGMA ignore_check_constraints = 1; INSERT INTO orders (id, amount) VALUES (1, -5), (2, 5)";
    support::databases::sql::execute(&world.left.url(), fill).await.unwrap();
    world.create_map("orders", TableMap { master: Side::Left.into(), ..orders_map() }).await.unwrap();
    world.run("orders").await.unwrap();
    eventually("the initial sync has ended", || async {
        let request = ListExecutionsRequest { parent: name("orders"), ..Default::default() };
        let executions = world.sync().list_executions(request).await.unwrap().into_inner().executions;
        executions[0].state() == ExecutionState::CompletedWithErrors
    })
    .await;
    let map = world.map("orders").await;
    assert_eq!(map.state(), Initializing);
    assert_eq!(map.conditions.iter().map(Condition::r#type).collect::<Vec<_>>(), [ConditionType::Errors]);
    assert_eq!(world.right_has(2, "amount").await.as_deref(), Some("5"), "rule 5: a bad row blocks no other");

    let request =
        ListExecutionErrorsRequest { parent: "tableMaps/orders/executions/1".to_owned(), ..Default::default() };
    let listed = world.sync().list_execution_errors(request).await.unwrap().into_inner();
    let [error] = listed.errors.as_slice() else { panic!("{listed:?}") };
    assert_eq!((error.sequence, error.direction(), listed.total_size), (1, Direction::LeftToRight, Some(1)));
    assert_eq!(error.integration_key, Some(record([("id", int(1))])));
    assert_eq!(error.record.as_ref().unwrap().fields["amount"], int(-5));
    assert_eq!(error.error.as_ref().unwrap().r#type(), ErrorType::Application);

    let skip = SkipInitialSyncRequest { name: name("orders"), ..Default::default() };
    world.sync().skip_initial_sync(skip).await.unwrap();
    assert_eq!(world.state("orders").await, Running);
    world.stop("orders", NotSaid).await.unwrap();
    let delete = DeleteTableMapRequest { name: name("orders"), ..Default::default() };
    let kept = world.maps().delete_table_map(delete.clone()).await.unwrap_err();
    assert_eq!((kept.code(), reason(&kept).as_str()), (Code::FailedPrecondition, "RECORDS_QUEUED"));
    world.maps().delete_table_map(DeleteTableMapRequest { force: true, ..delete }).await.unwrap();
}

#[tokio::test]
async fn several_maps_go_at_once_and_one_that_cannot_holds_up_no_other() {
    let world = World::start().await;
    for (map, table) in [("a", "a"), ("b", "b")] {
        for url in [world.left.url(), world.right.url()] {
            let create = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY NOT NULL)");
            support::databases::sql::execute(&url, &create).await.unwrap();
        }
        let mut definition = orders_map();
        definition.column_mappings.truncate(1);
        definition.left.as_mut().unwrap().table = table.to_owned();
        definition.right.as_mut().unwrap().table = table.to_owned();
        world.running_map(map, definition).await;
    }
    world.create_map("orders", orders_map()).await.unwrap();
    let names = ["a", "orders", "nothing", "b"].map(name).to_vec();
    let pause = PauseTableMapRequest { names: names.clone(), ..Default::default() };
    let results = world.maps().pause_table_map(pause).await.unwrap().into_inner().results;
    assert_eq!(results.iter().map(|result| result.name.clone()).collect::<Vec<_>>(), names);
    let told: Vec<String> = results
        .into_iter()
        .map(|result| match result.outcome.unwrap() {
            Outcome::TableMap(map) => map.state().as_str_name().to_owned(),
            Outcome::Error(error) => format!("{:?}", Code::from(error.code)),
        })
        .collect();
    assert_eq!(told, ["TABLE_MAP_STATE_PAUSED", "FailedPrecondition", "NotFound", "TABLE_MAP_STATE_PAUSED"]);

    let wrong = PauseTableMapRequest {
        name: name("a"),
        names: vec![name("b"), name("b"), "c".to_owned()],
        reason: "x".repeat(1_001),
        ..Default::default()
    };
    let refused = world.maps().pause_table_map(wrong).await.unwrap_err();
    assert_eq!(fields(&refused), ["reason", "name", "names[1]", "names[2]"]);
}

/// A destination is held up with one write, others wait in front of it, and behind those further ones of their keys: a pause queues them as
/// they came, whether what is being written ends while the pause waits for it or later.
#[tokio::test]
async fn rule_2_synchronous_writes_that_a_pause_takes_back_are_queued_in_their_order() {
    const KEYS: i64 = 20;
    const ROUNDS: i64 = 5;
    for ends_meanwhile in [true, false] {
        let world = World::start().await;
        world.running_map("orders", orders_map()).await;
        let mut holding = SqliteConnection::connect(&world.right.url()).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut holding).await.unwrap();

        let changes = (1..=ROUNDS).flat_map(|round| (1..=KEYS).map(move |id| order(id, &round.to_string())));
        let changes = changes.enumerate().map(|(number, change)| WriteRecordsRequest {
            change: Some(WriteRecordRequest { change_id: number.to_string(), ..change }),
        });
        let mut sync = world.sync();
        let changes: Vec<_> = changes.collect();
        let sent = changes.len();
        let answers = tokio::spawn(async move {
            let mut stream = sync.write_records(tokio_stream::iter(changes)).await.unwrap().into_inner();
            let mut answers = Vec::new();
            while let Some(answer) = stream.message().await.unwrap() {
                answers.push(answer);
            }
            answers
        });
        // What comes later than that is queued behind them, in its order as well.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let pausing = world.pause("orders");
        if ends_meanwhile {
            let release = async {
                world.wait_for_state("orders", Paused).await;
                holding.close().await.unwrap();
            };
            let (paused, ()) = tokio::join!(pausing, release);
            assert_eq!(paused.unwrap(), Paused);
        } else {
            assert_eq!(pausing.await.unwrap(), Paused);
            holding.close().await.unwrap();
        }
        let answers = answers.await.unwrap();
        assert_eq!(answers.len(), sent);
        let mut queued = 0;
        for answer in answers {
            let Some(Told::Written(written)) = &answer.result else { panic!("{answer:?}") };
            queued += i64::from(written.disposition() == Disposition::Queued);
        }
        assert!(queued >= KEYS * (ROUNDS - 1), "{queued} were queued");
        world.resume("orders", ResumeOption::CatchUp).await.unwrap();
        world.wait_for_state("orders", Running).await;
        for id in 1..=KEYS {
            assert_eq!(world.right_has(id, "status").await, Some(ROUNDS.to_string()), "order {id}, {ends_meanwhile}");
        }
    }
}
