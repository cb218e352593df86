//! Which methods this version offers.

use super::status::CallError;

/// The methods that are carried out; every other one of the contract answers UNIMPLEMENTED. README.md has the same list.
pub const OFFERED: &[(&str, &[&str])] = &[
    (
        "tandem.v1.TableMapService",
        &[
            "CreateTableMap",
            "GetTableMap",
            "ListTableMaps",
            "UpdateTableMap",
            "DeleteTableMap",
            "ValidateTableMap",
            "RunTableMap",
            "PauseTableMap",
            "ResumeTableMap",
            "SkipToLive",
            "StopTableMap",
            "ListRelatedTableMaps",
            "GetTableMapOverview",
            "ListActivity",
            "TailActivity",
            "DownloadActivity",
            "ListApplications",
            "CheckApplication",
            "ListTables",
            "GetTable",
        ],
    ),
    (
        "tandem.v1.SyncService",
        &[
            "WriteRecord",
            "WriteRecords",
            "GetExecution",
            "ListExecutions",
            "ListExecutionErrors",
            "WatchExecution",
            "RerunExecution",
            "SkipInitialSync",
            "CancelExecution",
            "RetryExecutionErrors",
        ],
    ),
    (
        "tandem.v1.QueueService",
        &[
            "GetQueueStats",
            "WatchQueueStats",
            "ListQueuedRecords",
            "GetQueuedRecord",
            "ListCatchUpErrors",
            "RetryCatchUpErrors",
            "GetQueueJob",
            "ListQueueJobs",
            "WatchQueueJob",
            "CancelQueueJob",
            "UpdateQueuedRecord",
            "DeleteQueuedRecords",
            "ListErrorGroups",
        ],
    ),
    (
        "tandem.v1.AlertService",
        &[
            "CreateAlertSetting",
            "GetAlertSetting",
            "ListAlertSettings",
            "UpdateAlertSetting",
            "DeleteAlertSetting",
            "ApplyAlertSetting",
            "TestAlertSetting",
            "ListAlertEvents",
            "GetAlertEvent",
            "AcknowledgeAlertEvent",
            "WatchAlertEvents",
            "ListNotifications",
        ],
    ),
];

/// The one answer of every method that this version does not offer.
pub(super) fn not_offered<T>(method: &'static str) -> Result<T, tonic::Status> {
    Err(CallError::NotOffered { what: method }.into())
}
