//! What is told of an alert: which map, what happened, how many errors of which type, the last ones, what was done, and the command to
//! go on; in words for people, as JSON for programs.

use super::notification::NotificationKind;
use super::recipients::Recipient;
use super::{AlertAction, AlertEvent};
use crate::model::failure::ErrorType;
use crate::model::ids::AlertId;
use crate::model::state::MapState;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use std::fmt::Write as _;

const MESSAGE_CHARS_MAX: usize = 300;

/// One message without its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub text: String,
    pub html: String,
    pub json: String,
    /// Whom a mail names as its recipients, all who get it or one.
    pub to: Vec<String>,
    /// What names it among all messages; the same for every attempt.
    pub id: String,
    /// The ids of those that it follows.
    pub follows: Vec<String>,
}

pub fn subject(alert: &AlertEvent, kind: NotificationKind) -> String {
    let (map, called) = (&alert.map, alert.called());
    match kind {
        NotificationKind::Raised => {
            let done = match (alert.action, &alert.action_error) {
                (AlertAction::Pause, None) => "paused, ",
                (AlertAction::Stop, None) => "stopped, ",
                _ => "",
            };
            format!("[Tandem] {map}: {done}{} ({called})", alert.summary)
        }
        NotificationKind::Recovered => format!("[Tandem] {map}: runs again ({called})"),
    }
}

/// What one recipient is told. `server` is where the service is called.
pub fn message(alert: &AlertEvent, kind: NotificationKind, recipient: &str, server: &str) -> Message {
    let is_mail = |recipient: &&String| Recipient::of(recipient) == Recipient::Mail;
    let to: Vec<String> = match alert.show_recipients {
        true => alert.recipients.iter().filter(is_mail).cloned().collect(),
        false => vec![recipient.to_owned()],
    };
    // Those who see each other have the same mail, so that an answer to all stands beside it.
    let named = if alert.show_recipients { "all" } else { recipient };
    let raised = id(alert, NotificationKind::Raised, named);
    let paragraphs = match kind {
        NotificationKind::Raised => told_of(alert, server),
        NotificationKind::Recovered => vec![
            Paragraph::Text(format!("The map {} runs again.", alert.map)),
            Paragraph::Text(format!(
                "At {} the alert \"{}\" had fired: {}; {}.",
                time(alert),
                alert.called(),
                alert.summary,
                alert.done()
            )),
        ],
    };
    let follows = if kind == NotificationKind::Recovered { vec![raised] } else { Vec::new() };
    let subject = subject(alert, kind);
    let (text, html) = (as_text(&paragraphs), as_html(&subject, &paragraphs));
    let json = as_json(alert, kind);
    Message { subject, text, html, json, to, id: id(alert, kind, named), follows }
}

/// One that only shows that messages arrive.
pub fn test_message(
    setting: &AlertId,
    display_name: &str,
    recipient: &str,
    id: String,
    time: DateTime<Utc>,
) -> Message {
    let called = if display_name.is_empty() { setting.as_str() } else { display_name };
    let subject = format!("[Tandem] test of the alert {called}");
    let paragraphs = [
        Paragraph::Text(format!("This is a test of the alert \"{called}\" (alertSettings/{setting}).")),
        Paragraph::Text("Nothing happened. When the alert fires, it is told here.".to_owned()),
    ];
    let (text, html) = (as_text(&paragraphs), as_html(&subject, &paragraphs));
    let setting = format!("alertSettings/{setting}");
    let json = json!({ "type": "alert.test", "timestamp": as_rfc3339(time), "data": { "alertSetting": setting } });
    Message { subject, text, html, json: json.to_string(), to: vec![recipient.to_owned()], id, follows: Vec::new() }
}

fn as_rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn error_type(kind: ErrorType) -> String {
    format!("ERROR_TYPE_{kind}")
}

/// What docs/operating.md shows. Enums are spelled as the contract does.
fn as_json(alert: &AlertEvent, kind: NotificationKind) -> String {
    let what = match kind {
        NotificationKind::Raised => "alert.raised",
        NotificationKind::Recovered => "alert.recovered",
    };
    let counts: Vec<_> =
        alert.counts.iter().map(|(kind, count)| json!({ "errorType": error_type(*kind), "count": count })).collect();
    let errors = alert.last_errors.iter().map(|error| {
        let message: String = error.message.chars().take(MESSAGE_CHARS_MAX).collect();
        let key: serde_json::Map<_, _> =
            error.key.iter().map(|(column, value)| (column.to_owned(), json!(value.to_string()))).collect();
        json!({ "type": error_type(error.kind), "code": error.code, "message": message, "integrationKey": key })
    });
    let action = match alert.action {
        AlertAction::None => "ALERT_ACTION_NONE",
        AlertAction::Pause => "ALERT_ACTION_PAUSE",
        AlertAction::Stop => "ALERT_ACTION_STOP",
    };
    json!({
        "type": what,
        "timestamp": as_rfc3339(alert.time),
        "data": {
            "name": format!("alertEvents/{}", alert.number),
            "sequence": alert.number.0,
            "alertSetting": format!("alertSettings/{}", alert.setting),
            "displayName": alert.display_name,
            "tableMap": format!("tableMaps/{}", alert.map),
            "reason": format!("ALERT_REASON_{}", alert.reason.as_str()),
            "summary": alert.summary,
            "errorCounts": counts,
            "lastErrors": errors.collect::<Vec<_>>(),
            "action": action,
            "actionError": alert.action_error,
            "state": format!("TABLE_MAP_STATE_{}", alert.state),
        },
    })
    .to_string()
}

fn id(alert: &AlertEvent, kind: NotificationKind, recipient: &str) -> String {
    let kind = match kind {
        NotificationKind::Raised => "raised",
        NotificationKind::Recovered => "recovered",
    };
    let recipient = xxhash_rust::xxh3::xxh3_64(recipient.as_bytes());
    format!("tandem.{kind}.{}.{:x}.{recipient:x}", alert.number, alert.time.timestamp_micros())
}

fn time(alert: &AlertEvent) -> String {
    alert.time.format("%F %T UTC").to_string()
}

enum Paragraph {
    Text(String),
    /// Two columns.
    Table(Vec<(String, String)>),
    Command(String),
}

fn told_of(alert: &AlertEvent, server: &str) -> Vec<Paragraph> {
    let mut told = vec![
        Paragraph::Text(format!(
            "The alert \"{}\" fired for the map {}: {}.",
            alert.called(),
            alert.map,
            alert.summary
        )),
        Paragraph::Text(match &alert.action_error {
            Some(why) => format!("Its action was not taken: {why}."),
            None => format!("{}.", sentence(alert.done())),
        }),
    ];
    let counts = alert.counts.iter().map(|(kind, count)| (kind.to_string(), count.to_string()));
    let facts = [("Time".to_owned(), time(alert)), ("State of the map".to_owned(), alert.state.to_string())];
    told.push(Paragraph::Table(facts.into_iter().chain(counts).collect()));
    if !alert.last_errors.is_empty() {
        told.push(Paragraph::Text("The last errors, newest first:".to_owned()));
        let errors = alert.last_errors.iter().map(|error| {
            let key: Vec<String> = error.key.iter().map(|(column, value)| format!("{column}={value}")).collect();
            let code = if error.code.is_empty() { String::new() } else { format!(" ({})", error.code) };
            let message: String = error.message.chars().take(MESSAGE_CHARS_MAX).collect();
            let of = if key.is_empty() { "no record".to_owned() } else { key.join(", ") };
            (of, format!("{}{code}: {message}", error.kind))
        });
        told.push(Paragraph::Table(errors.collect()));
    }
    let call = |method: &str| {
        let request = format!("{{\"name\": \"tableMaps/{}\"}}", alert.map);
        Paragraph::Command(format!("grpcurl -plaintext -d '{request}' {server} tandem.v1.TableMapService/{method}"))
    };
    match alert.state {
        MapState::Paused => {
            if let Some(after) = alert.resume_after {
                told.push(Paragraph::Text(format!(
                    "It is resumed by itself when its destinations have answered for {} s.",
                    after.as_secs()
                )));
            }
            told.push(Paragraph::Text("Changes are queued meanwhile. When the cause is mended, go on with".to_owned()));
            told.push(call("ResumeTableMap"));
        }
        MapState::NotRunning => {
            told.push(Paragraph::Text(
                "Changes are refused meanwhile; what was queued is kept as catch-up errors. When the cause is mended, go on with"
                    .to_owned(),
            ));
            told.push(call("RunTableMap"));
        }
        MapState::Running | MapState::Resuming | MapState::Initializing => {
            told.push(Paragraph::Text("The map goes on. See what is wrong with it by".to_owned()));
            told.push(call("GetTableMapOverview"));
        }
    }
    told
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn as_text(paragraphs: &[Paragraph]) -> String {
    let mut text = String::new();
    for paragraph in paragraphs {
        // Writing to a String does not fail.
        let _ = match paragraph {
            Paragraph::Text(line) => writeln!(text, "{line}\n"),
            Paragraph::Command(command) => writeln!(text, "    {command}\n"),
            Paragraph::Table(rows) => {
                for (name, value) in rows {
                    let _ = writeln!(text, "  {name}: {value}");
                }
                writeln!(text)
            }
        };
    }
    text
}

/// Plain enough for every reader: one column, letters of a size that a phone shows, tables that wrap.
fn as_html(title: &str, paragraphs: &[Paragraph]) -> String {
    let mut html = format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title></head><body style=\"font: 16px/1.4 sans-serif; max-width: 40em; margin: 0; padding: 1em\">",
        escaped(title)
    );
    for paragraph in paragraphs {
        // Writing to a String does not fail.
        let _ = match paragraph {
            Paragraph::Text(line) => write!(html, "<p>{}</p>", escaped(line)),
            Paragraph::Command(command) => write!(
                html,
                "<pre style=\"font-size: 14px; white-space: pre-wrap; word-break: break-all; background: #f2f2f2; \
                 padding: 0.5em\">{}</pre>",
                escaped(command)
            ),
            Paragraph::Table(rows) => {
                html.push_str("<table style=\"font-size: 16px; border-collapse: collapse\">");
                for (name, value) in rows {
                    let _ = write!(
                        html,
                        "<tr><td style=\"padding: 0.2em 1em 0.2em 0; vertical-align: top; color: #555\">{}</td>\
                         <td style=\"padding: 0.2em 0; word-break: break-word\">{}</td></tr>",
                        escaped(name),
                        escaped(value)
                    );
                }
                write!(html, "</table>")
            }
        };
    }
    html.push_str("</body></html>");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
