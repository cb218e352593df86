//! Where a stream that is followed goes on after a break: behind the last that was told, so that nothing is told twice or left out.

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tonic::{Code, Status};

/// What says where to begin.
const SEQUENCE: &str = "start_sequence";
const POSITION: &str = "start_position";
/// All maps: their events are numbered by position.
const ALL_MAPS: &str = "tableMaps/-";

/// What the names of methods begin with whose every answer is all of it.
const WATCHES: &str = "Watch";

/// Whether a stream can go on after it broke off: where it was, or with all of it as it is then.
pub fn can_go_on(method: &MethodDescriptor) -> bool {
    method.is_server_streaming() && (is_numbered(method) || method.name().starts_with(WATCHES))
}

fn is_numbered(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name(SEQUENCE).is_some()
}

/// Whether an end is one that passes: the server was stopped, or cannot be reached.
pub fn passes(status: &Status) -> bool {
    let broken = std::error::Error::source(status).is_some(); // it comes from the connection, not from the server
    status.code() == Code::Unavailable || broken
}

/// Makes the request one for what comes after this answer.
pub fn go_on_after(request: &mut DynamicMessage, answer: &DynamicMessage) {
    let of_all = request.get_field_by_name("parent").is_some_and(|parent| parent.as_str() == Some(ALL_MAPS));
    let (start, told, looked_through) =
        if of_all { (POSITION, "position", "latest_position") } else { (SEQUENCE, "sequence", "latest_sequence") };
    let number =
        |item: &DynamicMessage| [told, looked_through].iter().find_map(|name| item.get_field_by_name(name)?.as_i64());
    let last = answer.fields().find_map(|(_, item)| number(item.as_message()?));
    if let Some(last) = last {
        let _ = request.try_set_field_by_name(start, Value::I64(last + 1)); // what has no start tells all of it again
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;
    use serde_json::json;

    fn after(method: &str, request: serde_json::Value, answer: serde_json::Value) -> String {
        let method = contract::method(method);
        let mut request = DynamicMessage::deserialize(method.input(), request).unwrap();
        go_on_after(&mut request, &DynamicMessage::deserialize(method.output(), answer).unwrap());
        serde_json::to_string(&request).unwrap()
    }

    #[test]
    fn a_stream_goes_on_behind_what_was_told() {
        let tail = "TableMapService/TailActivity";
        let event = json!({"event": {"sequence": 7, "position": 70}});
        assert_eq!(
            after(tail, json!({"parent": "tableMaps/orders", "fromNow": true}), event.clone()),
            r#"{"parent":"tableMaps/orders","startSequence":"8"}"#
        );
        assert_eq!(after(tail, json!({"parent": ALL_MAPS}), event), r#"{"parent":"tableMaps/-","startPosition":"71"}"#);
        let sign = json!({"heartbeat": {"latestPosition": 90, "latestSequence": 9}});
        assert_eq!(
            after(tail, json!({"parent": ALL_MAPS}), sign.clone()),
            r#"{"parent":"tableMaps/-","startPosition":"91"}"#
        );
        assert_eq!(after("AlertService/WatchAlertEvents", json!({}), sign), r#"{"startSequence":"10"}"#);
        assert_eq!(
            after("AlertService/WatchAlertEvents", json!({}), json!({"alertEvent": {"sequence": 3}})),
            r#"{"startSequence":"4"}"#
        );
        let goes_on = |method: &str| can_go_on(&contract::method(method));
        assert!(goes_on(tail) && goes_on("QueueService/WatchQueueStats") && goes_on("SyncService/WatchExecution"));
        assert!(!goes_on("TableMapService/DownloadActivity"));
    }
}
