//! What the fuzzed programs of `fuzz/` reach here; part of no other build.

use super::input::Input;
use super::names::{self, MapOrAll};
use super::paging::Page;
use super::proto;
use super::proto::ListTableMapsRequest;
use crate::model::ids::MapId;
use crate::model::table_map::Definition;
use prost::Message;

/// A name that is read is written back as it was.
pub fn name(text: &str) {
    let mut input = Input::default();
    let written = [
        input.table_map("name", text).map(|map| names::table_map(&map)),
        input.execution("name", text).map(|(map, number)| names::execution(&map, number)),
        input.execution_error("name", text).map(|(map, of, number)| names::execution_error(&map, of, number)),
        input.queued_record("name", text).map(|(map, sequence)| names::queued_record(&map, sequence)),
        input.queue_job("name", text).map(|(map, number)| names::queue_job(&map, number)),
        input.alert_setting("name", text).map(|setting| names::alert_setting(&setting)),
        input.alert_event("name", text).map(names::alert_event),
        input.application("name", text).map(|application| names::application(&application)),
    ];
    for written in written.into_iter().flatten() {
        assert_eq!(written, text);
    }
    if let Some(MapOrAll::Map(map)) = input.table_map_or_all("name", text) {
        assert_eq!(names::table_map(&map), text);
    }
    if let Some((application, table)) = input.table("name", text) {
        let written = names::table(&application, &table);
        assert_eq!(Input::default().table("name", &written), Some((application, table)), "{text:?} is {written:?}");
    }
    let _ = input.application_or_id("application", text);
    assert!(
        input.violations().iter().all(|violation| violation.description.len() < 4_096),
        "what is wrong is told shortly"
    );
}

/// A token that is taken is one that the list would give.
pub fn page_token(text: &str) {
    let request = ListTableMapsRequest { page_token: text.to_owned(), ..Default::default() };
    if let Ok(page) = Page::of(&mut Input::default(), "ListTableMaps", &request, 1_000)
        && let Some(position) = page.position()
    {
        assert_eq!(page.token(position), text.to_lowercase());
    }
}

/// A filter of records, of a map with a key of these columns.
pub fn filter(bytes: &[u8], definition: &Definition) {
    let Ok(filter) = proto::RecordFilter::decode(bytes) else { return };
    let Ok(map) = MapId::parse("orders") else { return };
    let _ = Input::default().record_filter(Some(filter), &map, definition);
}

/// A definition that a request has, if it is one.
pub fn definition(bytes: &[u8]) -> Option<Definition> {
    Input::default().definition(&proto::TableMap::decode(bytes).ok()?)
}
