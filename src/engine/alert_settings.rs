//! The settings of alerts as they are now, for whoever has to look at them often.

use crate::model::alert::AlertSetting;
use crate::model::ids::{AlertId, MapId};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

type All = BTreeMap<AlertId, AlertSetting>;

/// Always what the store acknowledged last.
#[derive(Debug, Default)]
pub struct AlertSettings(RwLock<All>);

impl AlertSettings {
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let all = store.alert_settings()?.into_iter().map(|setting| (setting.id.clone(), setting)).collect();
        Ok(Self(RwLock::new(all)))
    }

    /// For a moment only: whoever changes a setting waits.
    pub fn all(&self) -> RwLockReadGuard<'_, All> {
        self.0.read().unwrap_or_else(PoisonError::into_inner) // one entry is changed at a time
    }

    pub fn covering(&self, map: &MapId) -> Vec<AlertSetting> {
        self.all().values().filter(|setting| setting.covers(map)).cloned().collect()
    }

    pub fn is_on(&self, id: &AlertId) -> bool {
        self.all().get(id).is_some_and(|setting| setting.enabled)
    }

    pub(super) fn put(&self, setting: AlertSetting) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(setting.id.clone(), setting);
    }

    pub(super) fn remove(&self, id: &AlertId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
