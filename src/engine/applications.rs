//! The applications of the configuration, by id. They are never changed while the service runs.

use super::error::EngineError;
use crate::connectors::Application;
use crate::model::failure::Failure;
use crate::model::ids::AppId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a caller is told to wait before it tries a call again that an application's outage refused.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
pub struct Applications(Arc<BTreeMap<AppId, Arc<dyn Application>>>);

impl Applications {
    pub fn new(applications: impl IntoIterator<Item = Arc<dyn Application>>) -> Self {
        Self(Arc::new(applications.into_iter().map(|application| (application.id().clone(), application)).collect()))
    }

    pub fn get(&self, id: &AppId) -> Result<&Arc<dyn Application>, EngineError> {
        self.0.get(id).ok_or_else(|| EngineError::ApplicationNotFound(id.to_string()))
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Application>> {
        self.0.values()
    }

    pub async fn close(&self) {
        for application in self.all() {
            application.close().await;
        }
    }
}

/// A failure of an application as an answer to a call.
pub fn down(application: &AppId, failure: Failure) -> EngineError {
    EngineError::ApplicationDown { application: application.clone(), failure, retry_after: RETRY_AFTER }
}
