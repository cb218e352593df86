// A copy of ../service_config.json.

export const serviceConfig = {
  "methodConfig": [
    {
      "name": [
        {"service": "tandem.v1.TableMapService", "method": "GetTableMap"},
        {"service": "tandem.v1.TableMapService", "method": "ListTableMaps"},
        {"service": "tandem.v1.TableMapService", "method": "ValidateTableMap"},
        {"service": "tandem.v1.TableMapService", "method": "PreviewTableMap"},
        {"service": "tandem.v1.TableMapService", "method": "SuggestTableMap"},
        {"service": "tandem.v1.TableMapService", "method": "ListTableMapVersions"},
        {"service": "tandem.v1.TableMapService", "method": "GetTableMapVersion"},
        {"service": "tandem.v1.TableMapService", "method": "ExportTableMaps"},
        {"service": "tandem.v1.TableMapService", "method": "ListRelatedTableMaps"},
        {"service": "tandem.v1.TableMapService", "method": "GetTableMapOverview"},
        {"service": "tandem.v1.TableMapService", "method": "ListActivity"},
        {"service": "tandem.v1.TableMapService", "method": "ListApplications"},
        {"service": "tandem.v1.TableMapService", "method": "ListTables"},
        {"service": "tandem.v1.TableMapService", "method": "GetTable"},
        {"service": "tandem.v1.SyncService", "method": "WriteRecord"},
        {"service": "tandem.v1.SyncService", "method": "GetExecution"},
        {"service": "tandem.v1.SyncService", "method": "ListExecutions"},
        {"service": "tandem.v1.SyncService", "method": "ListExecutionErrors"},
        {"service": "tandem.v1.QueueService", "method": "GetQueueStats"},
        {"service": "tandem.v1.QueueService", "method": "ListQueuedRecords"},
        {"service": "tandem.v1.QueueService", "method": "GetQueuedRecord"},
        {"service": "tandem.v1.QueueService", "method": "ListCatchUpErrors"},
        {"service": "tandem.v1.QueueService", "method": "GetQueueJob"},
        {"service": "tandem.v1.QueueService", "method": "ListQueueJobs"},
        {"service": "tandem.v1.QueueService", "method": "ListErrorGroups"},
        {"service": "tandem.v1.AlertService", "method": "GetAlertSetting"},
        {"service": "tandem.v1.AlertService", "method": "ListAlertSettings"},
        {"service": "tandem.v1.AlertService", "method": "ListAlertEvents"},
        {"service": "tandem.v1.AlertService", "method": "GetAlertEvent"},
        {"service": "tandem.v1.AlertService", "method": "ListNotifications"}
      ],
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.25s",
        "maxBackoff": "4s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }
  ]
};
