//! What the command line calls a method of the contract, and which of an answer's fields a table shows.

/// A method as a noun and a verb.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    pub noun: &'static str,
    pub verb: &'static str,
    /// `Service/Method` of `tandem.v1`.
    pub method: &'static str,
    /// How the name that it takes is made of what is typed: `orders/2` of `tableMaps/{}/executions/{}`.
    pub name: &'static str,
    /// Columns of a table, by the paths of fields in each entry; none shows all that is not a message.
    pub columns: &'static [&'static str],
    /// It cannot be undone.
    pub confirm: bool,
    /// What it begins, which `--watch` follows to its end.
    pub begins: Option<Begins>,
}

/// Something that goes on after an answer.
#[derive(Debug, Clone, Copy)]
pub struct Begins {
    /// The method that follows it.
    pub method: &'static str,
    /// Where the answer has its name; there may be several, or none.
    pub name: &'static str,
}

const fn begins(method: &'static str, name: &'static str) -> Begins {
    Begins { method, name }
}

const MAP: &str = "tableMaps/{}";
const EXECUTION: &str = "tableMaps/{}/executions/{}";
const JOB: &str = "tableMaps/{}/queueJobs/{}";
const RECORD: &str = "tableMaps/{}/queuedRecords/{}";

const fn verb(noun: &'static str, verb: &'static str, method: &'static str, name: &'static str) -> Verb {
    Verb { noun, verb, method, name, columns: &[], confirm: false, begins: None }
}

impl Verb {
    const fn shows(self, columns: &'static [&'static str]) -> Self {
        Self { columns, ..self }
    }

    const fn for_good(self) -> Self {
        Self { confirm: true, ..self }
    }

    const fn and_then(self, begins: Begins) -> Self {
        Self { begins: Some(begins), ..self }
    }
}

const WATCH_EXECUTION: &str = "SyncService/WatchExecution";
const WATCH_JOB: &str = "QueueService/WatchQueueJob";
const WATCH_QUEUE: &str = "QueueService/WatchQueueStats";

/// The nouns, each with what it is.
pub const NOUNS: [(&str, &str); 7] = [
    ("maps", "Table maps: make them, run them, pause them"),
    ("records", "Hands changes over"),
    ("executions", "Initial syncs: how far they are, and the rows that failed"),
    ("queue", "What waits and what failed, and jobs that put it right"),
    ("alerts", "Settings of alerts, what they raised, and who was told"),
    ("apps", "Applications and their tables"),
    ("log", "The activity log"),
];

/// Every method that a client calls, in the order of the help.
pub const VERBS: &[Verb] = &[
    verb("maps", "list", "TableMapService/ListTableMaps", "").shows(&[
        "name",
        "state",
        "left.application",
        "left.table",
        "right.application",
        "right.table",
        "syncMode",
        "conditions.type",
    ]),
    verb("maps", "get", "TableMapService/GetTableMap", MAP),
    verb("maps", "overview", "TableMapService/GetTableMapOverview", MAP),
    verb("maps", "create", "TableMapService/CreateTableMap", ""),
    verb("maps", "update", "TableMapService/UpdateTableMap", ""),
    verb("maps", "delete", "TableMapService/DeleteTableMap", MAP).for_good(),
    verb("maps", "validate", "TableMapService/ValidateTableMap", MAP).shows(&["severity", "field", "message"]),
    verb("maps", "preview", "TableMapService/PreviewTableMap", MAP),
    verb("maps", "suggest", "TableMapService/SuggestTableMap", ""),
    verb("maps", "run", "TableMapService/RunTableMap", MAP)
        .shows(TRANSITION)
        .and_then(begins(WATCH_EXECUTION, "results.execution")),
    verb("maps", "pause", "TableMapService/PauseTableMap", MAP).shows(TRANSITION),
    verb("maps", "resume", "TableMapService/ResumeTableMap", MAP)
        .shows(TRANSITION)
        .and_then(begins(WATCH_QUEUE, "results.tableMap.name")),
    verb("maps", "skip-to-live", "TableMapService/SkipToLive", MAP).shows(TRANSITION),
    verb("maps", "stop", "TableMapService/StopTableMap", MAP).shows(TRANSITION),
    verb("maps", "related", "TableMapService/ListRelatedTableMaps", MAP),
    verb("maps", "versions", "TableMapService/ListTableMapVersions", MAP),
    verb("maps", "version", "TableMapService/GetTableMapVersion", "tableMaps/{}/versions/{}"),
    verb("maps", "restore", "TableMapService/RestoreTableMapVersion", "tableMaps/{}/versions/{}"),
    verb("maps", "export", "TableMapService/ExportTableMaps", MAP),
    verb("maps", "import", "TableMapService/ImportTableMaps", ""),
    verb("records", "write", "SyncService/WriteRecord", MAP),
    verb("records", "stream", "SyncService/WriteRecords", "").shows(&[
        "changeId",
        "written.disposition",
        "written.reason",
        "status.message",
    ]),
    verb("executions", "list", "SyncService/ListExecutions", MAP).shows(&[
        "name",
        "state",
        "master",
        "projects.written",
        "projects.failed",
        "startTime",
        "endTime",
        "actor",
    ]),
    verb("executions", "get", "SyncService/GetExecution", EXECUTION),
    verb("executions", "watch", WATCH_EXECUTION, EXECUTION).shows(&[
        "execution.name",
        "execution.state",
        "execution.projects.written",
        "execution.projects.total",
        "rowsPerSecond",
        "timeLeft",
    ]),
    verb("executions", "errors", "SyncService/ListExecutionErrors", EXECUTION).shows(&[
        "name",
        "error.type",
        "error.code",
        "error.message",
        "retryStatus",
    ]),
    verb("executions", "retry-errors", "SyncService/RetryExecutionErrors", EXECUTION)
        .and_then(begins(WATCH_JOB, "name")),
    verb("executions", "rerun", "SyncService/RerunExecution", EXECUTION).and_then(begins(WATCH_EXECUTION, "name")),
    verb("executions", "skip", "SyncService/SkipInitialSync", MAP),
    verb("executions", "cancel", "SyncService/CancelExecution", EXECUTION),
    verb("queue", "stats", "QueueService/GetQueueStats", MAP),
    verb("queue", "watch", WATCH_QUEUE, MAP).shows(&[
        "queueStats.readTime",
        "queueStats.queuedCount",
        "queueStats.errorCount",
        "queueStats.acceptedPerSecond",
        "queueStats.appliedPerSecond",
        "queueStats.timeToDrain",
    ]),
    verb("queue", "list", "QueueService/ListQueuedRecords", MAP).shows(RECORDS),
    verb("queue", "get", "QueueService/GetQueuedRecord", RECORD),
    verb("queue", "errors", "QueueService/ListCatchUpErrors", MAP).shows(RECORDS),
    verb("queue", "groups", "QueueService/ListErrorGroups", MAP),
    verb("queue", "retry", "QueueService/RetryCatchUpErrors", MAP).and_then(begins(WATCH_JOB, "name")),
    verb("queue", "update", "QueueService/UpdateQueuedRecord", ""),
    verb("queue", "delete", "QueueService/DeleteQueuedRecords", MAP).for_good().and_then(begins(WATCH_JOB, "name")),
    verb("queue", "jobs", "QueueService/ListQueueJobs", MAP),
    verb("queue", "job", "QueueService/GetQueueJob", JOB),
    verb("queue", "watch-job", WATCH_JOB, JOB).shows(&[
        "queueJob.name",
        "queueJob.state",
        "queueJob.total",
        "queueJob.done",
        "queueJob.failed",
        "queueJob.superseded",
        "queueJob.skipped",
    ]),
    verb("queue", "cancel-job", "QueueService/CancelQueueJob", JOB),
    verb("alerts", "list", "AlertService/ListAlertSettings", "").shows(&[
        "name",
        "displayName",
        "enabled",
        "threshold.count",
        "threshold.window",
        "action",
        "recipients",
    ]),
    verb("alerts", "get", "AlertService/GetAlertSetting", "alertSettings/{}"),
    verb("alerts", "create", "AlertService/CreateAlertSetting", ""),
    verb("alerts", "update", "AlertService/UpdateAlertSetting", ""),
    verb("alerts", "delete", "AlertService/DeleteAlertSetting", "alertSettings/{}").for_good(),
    verb("alerts", "apply", "AlertService/ApplyAlertSetting", "alertSettings/{}"),
    verb("alerts", "test", "AlertService/TestAlertSetting", "alertSettings/{}"),
    verb("alerts", "events", "AlertService/ListAlertEvents", "").shows(ALERTS),
    verb("alerts", "event", "AlertService/GetAlertEvent", "alertEvents/{}"),
    verb("alerts", "acknowledge", "AlertService/AcknowledgeAlertEvent", "alertEvents/{}"),
    verb("alerts", "watch", "AlertService/WatchAlertEvents", "").shows(&[
        "alertEvent.time",
        "alertEvent.sequence",
        "alertEvent.tableMap",
        "alertEvent.alertSetting",
        "alertEvent.reason",
        "alertEvent.summary",
    ]),
    verb("alerts", "notifications", "AlertService/ListNotifications", "").shows(&[
        "name",
        "recipient",
        "state",
        "attempts",
        "subject",
        "lastResponse",
    ]),
    verb("apps", "list", "TableMapService/ListApplications", ""),
    verb("apps", "check", "TableMapService/CheckApplication", "applications/{}"),
    verb("apps", "tables", "TableMapService/ListTables", "applications/{}"),
    verb("apps", "table", "TableMapService/GetTable", "applications/{}/tables/{}"),
    verb("log", "list", "TableMapService/ListActivity", MAP)
        .shows(&["time", "tableMap", "sequence", "kind", "actor", "summary"]),
    verb("log", "tail", "TableMapService/TailActivity", MAP).shows(&[
        "event.time",
        "event.tableMap",
        "event.sequence",
        "event.kind",
        "event.actor",
        "event.summary",
    ]),
    verb("log", "download", "TableMapService/DownloadActivity", MAP),
];

/// The verb of a method.
pub fn of(method: &str) -> &'static Verb {
    let found = VERBS.iter().find(|verb| verb.method == method);
    found.expect("a test sees that every method has one")
}

const TRANSITION: &[&str] = &["name", "tableMap.state", "execution", "error.message", "findings.message"];
const RECORDS: &[&str] =
    &["name", "state", "source", "integrationKey", "attempts", "error.type", "error.code", "error.message"];
const ALERTS: &[&str] = &["name", "time", "tableMap", "alertSetting", "reason", "summary", "acknowledgeActor"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::api::contract;
    use std::collections::BTreeSet;

    #[test]
    fn every_method_has_a_noun_and_a_verb_of_its_own() {
        let named: BTreeSet<_> = VERBS.iter().map(|verb| verb.method).collect();
        let services = contract::pool().services().filter(|service| service.package_name() == "tandem.v1");
        let methods = services.flat_map(|service| {
            service
                .methods()
                .map(|method| format!("{}/{}", method.parent_service().name(), method.name()))
                .collect::<Vec<_>>()
        });
        let methods: Vec<_> = methods.collect();
        assert_eq!(named, methods.iter().map(String::as_str).collect());
        let typed: BTreeSet<_> = VERBS.iter().map(|verb| (verb.noun, verb.verb)).collect();
        assert_eq!(typed.len(), VERBS.len());
        assert!(VERBS.iter().all(|verb| NOUNS.iter().any(|(noun, _)| *noun == verb.noun)));
    }

    /// docs/cli.md lists what can be typed, a line for each noun.
    #[test]
    fn the_documentation_lists_every_verb() {
        let document = include_str!("../../../docs/cli.md");
        for (noun, _) in NOUNS {
            let line =
                document.lines().find_map(|line| line.strip_prefix(&format!("tandem {noun} "))).unwrap_or_default();
            let listed: Vec<_> = line.split_whitespace().collect();
            let verbs: Vec<_> = VERBS.iter().filter(|verb| verb.noun == noun).map(|verb| verb.verb).collect();
            assert_eq!(listed, verbs, "{noun}");
        }
    }

    /// A path that is in no answer would be empty for ever.
    #[test]
    fn every_path_is_one_of_the_answer() {
        let is_there = |of: &prost_reflect::MessageDescriptor, path: &str| {
            let mut message = Some(of.clone());
            for name in path.split('.') {
                let of = message.unwrap_or_else(|| panic!("{}: {path}", of.full_name()));
                let field = of.fields().find(|field| field.json_name() == name);
                let field = field.unwrap_or_else(|| panic!("{} has no {name}", of.full_name()));
                message = field.kind().as_message().cloned();
            }
        };
        for verb in VERBS {
            let answer = contract::method(verb.method).output();
            let entry = contract::entries(&answer).map_or(answer.clone(), |(_, entry)| entry);
            verb.columns.iter().for_each(|column| is_there(&entry, column));
            if let Some(begins) = verb.begins {
                is_there(&answer, begins.name);
                assert!(VERBS.iter().any(|follower| follower.method == begins.method), "{}", begins.method);
            }
        }
    }
}
