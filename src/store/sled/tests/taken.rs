//! What is remembered of changes, from the newest page to the run that is forgotten.

use super::fixtures::*;
use crate::model::change::{Disposition, Ending};
use crate::model::ids::QueueSequence;
use crate::model::key::Key;
use crate::model::table_map::Side;
use crate::model::value::Value;
use crate::store::sled::SledStore;
use crate::store::sled::keys::shelf;
use crate::store::{Operation, Store};

#[tokio::test]
async fn changes_with_an_id_are_remembered_until_they_are_forgotten() {
    let (_folder, store, orders) = store().await;
    let mut with_id = change(Side::Left, 1, 5);
    with_id.change_id = "b".into();
    let remember = |change_id: &str| Operation::Remember { change_id: change_id.into(), remembered: remembered(9) };
    let queued = Operation::Enqueue(vec![new_record(1, with_id)]);
    commit(&store, &orders, vec![queued, remember("a"), remember("c")]).await.unwrap();
    let ask = |change_ids: &[&str]| store.remembered(&orders, change_ids).unwrap();
    let found = ask(&["b"]).remove(0).unwrap();
    assert_eq!((found.answer.disposition, found.answer.sequence.0), (Disposition::Queued, 1));
    assert_eq!((found.fingerprint, found.time), (31, time(1)));
    assert_eq!(ask(&["a", "nobody", "c"]), [Some(remembered(9)), None, Some(remembered(9))]);
    // What is queued keeps its page.
    let forget = |until| vec![Operation::Forget { until }];
    assert!(!store.forgets(&orders, time(3)).unwrap());
    commit(&store, &orders, forget(time(3))).await.unwrap();
    assert!(ask(&["a", "b"]).iter().all(Option::is_some));
    commit(&store, &orders, vec![leave([1], Ending::Applied)]).await.unwrap();
    assert!(!store.forgets(&orders, time(2)).unwrap(), "the younger ones are not old enough");
    assert!(store.forgets(&orders, time(3)).unwrap());
    commit(&store, &orders, forget(time(3))).await.unwrap();
    assert_eq!(ask(&["a", "b", "c"]), [None, None, None]);
    assert_misfit(commit(&store, &orders, vec![remember("")]).await, "without an id");
    assert_misfit(commit(&store, &id("nobody"), vec![remember("x")]).await, "no such map");
}

/// More than a few changes are sorted into runs, which go when nobody can ask for them any more.
#[tokio::test]
async fn runs_come_and_go() {
    let (folder, store, orders) = store().await;
    let with_id = |sequence: u64| {
        let mut change = change(Side::Left, sequence as i64, 5);
        change.change_id = format!("id-{sequence}").into();
        new_record(sequence, change)
    };
    for first in (1..=300).step_by(10) {
        commit(&store, &orders, vec![Operation::Enqueue((first..first + 10).map(with_id).collect())]).await.unwrap();
    }
    let runs_of = |shelf: u8| store.shared.read(|db| Ok(db.scan_prefix([shelf]).count())).unwrap();
    assert_eq!(runs_of(shelf::RUNS), 10);
    assert!(runs_of(shelf::IDS) > 10 && runs_of(shelf::QUEUED_KEYS) > 10, "several blocks each");
    let ids: Vec<String> = (0..=301).map(|n| format!("id-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let known = |store: &SledStore| -> Vec<u64> {
        let found = store.remembered(&orders, &ids).unwrap().into_iter().flatten();
        found.map(|known| known.answer.sequence.0).collect()
    };
    assert!(known(&store).into_iter().eq(1..=300));
    commit(&store, &orders, vec![leave(1..=200, Ending::Applied)]).await.unwrap();
    while store.forgets(&orders, time(100)).unwrap() {
        commit(&store, &orders, vec![Operation::Forget { until: time(100) }]).await.unwrap();
    }
    let left = known(&store);
    assert!(left.iter().copied().eq(91..=300), "a run goes as a whole: {left:?}");
    assert_eq!(runs_of(shelf::RUNS), 7);
    let key = Key::new(vec![Value::Int(150)]).encode();
    assert_eq!(store.queued_by_key(&orders, &key, QueueSequence(0), 5).unwrap(), []);
    drop(store);
    let store = open(folder.path());
    assert_eq!(known(&store), left, "read again");
    // Another life of the map knows nothing.
    commit(&store, &orders, vec![Operation::DeleteMap]).await.unwrap();
    commit(&store, &orders, vec![Operation::PutMap(Box::new(map(&orders, 1)))]).await.unwrap();
    assert_eq!(known(&store), [] as [u64; 0]);
}
