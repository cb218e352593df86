//! Maps that belong together: which of them a map depends on, by the foreign keys of its tables and by its definition.

use super::Engine;
use super::error::EngineError;
use super::map::{Circle, MapView};
use crate::model::ids::{AppId, MapId};
use crate::model::related::{Dependencies, Related, related};
use crate::model::table_map::{Side, TableMap};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::watch;

/// What is done about the tables of a map that was never run, which nobody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Their applications are asked, and must answer.
    Ask,
    /// They refer to nothing: pausing and stopping work whatever the applications do.
    PassOver,
}

impl Engine {
    /// A map and those that it depends on. Tables that were not looked at by a run are looked at now.
    pub async fn related(&self, id: &MapId) -> Result<Related, EngineError> {
        let dependencies = self.dependencies([id.clone()].into(), Unknown::Ask).await?;
        Ok(related(id, &dependencies))
    }

    /// What these maps depend on, and what those depend on, and so on.
    pub async fn dependencies(&self, of: BTreeSet<MapId>, unknown: Unknown) -> Result<Dependencies, EngineError> {
        let views: BTreeMap<MapId, Arc<MapView>> =
            self.maps().into_iter().map(|view| (view.map.id.clone(), view)).collect();
        let mut by_table: HashMap<(&AppId, &str), Vec<&MapId>> = HashMap::new();
        for (id, view) in &views {
            for side in Side::BOTH {
                let table = view.map.definition.table(side);
                by_table.entry((&table.application, &table.table)).or_default().push(id);
            }
        }
        let mut dependencies = Dependencies::new();
        let mut to_see: Vec<MapId> = of.into_iter().collect();
        while let Some(id) = to_see.pop() {
            if dependencies.contains_key(&id) {
                continue;
            }
            let Some(view) = views.get(&id) else { return Err(EngineError::MapNotFound(id)) };
            let mut on: BTreeSet<MapId> = view.map.definition.related.iter().cloned().collect();
            on.retain(|map| views.contains_key(map)); // one that was deleted since
            for side in Side::BOTH {
                let application = &view.map.definition.table(side).application;
                for table in self.referred_tables(view, side, unknown).await? {
                    on.extend(
                        by_table.get(&(application, table.as_str())).into_iter().flatten().map(|id| (*id).clone()),
                    );
                }
            }
            on.remove(&id);
            to_see.extend(on.iter().cloned());
            dependencies.insert(id, on);
        }
        Ok(dependencies)
    }

    async fn referred_tables(&self, view: &MapView, side: Side, unknown: Unknown) -> Result<Vec<String>, EngineError> {
        let table = view.map.definition.table(side);
        let schema = match (&view.map.schemas, unknown) {
            (Some(schemas), _) => schemas.table(side).clone(),
            (None, Unknown::Ask) => self.table(&table.application, &table.table).await?,
            (None, Unknown::PassOver) => return Ok(Vec::new()),
        };
        Ok(schema.foreign_keys.into_iter().map(|foreign| foreign.referred_table).collect())
    }
}

impl Engine {
    /// The maps of a circle with their tables at the applications of one of them.
    pub(super) fn circle(&self, map: &TableMap, maps: Vec<MapId>) -> Circle {
        let mut circle = Circle { maps, ..Circle::default() };
        for other in circle.maps.iter().filter_map(|id| self.map(id).ok()) {
            for side in Side::BOTH {
                let own = &map.definition.table(side).application;
                let tables = Side::BOTH.map(|theirs| other.map.definition.table(theirs));
                let there = tables.iter().filter(|table| table.application == *own).map(|table| table.table.clone());
                match side {
                    Side::Left => circle.left_tables.extend(there),
                    Side::Right => circle.right_tables.extend(there),
                }
            }
        }
        circle
    }

    /// Says that these maps are about to be run, until what comes back is dropped: copies that wait for their rows wait.
    pub fn about_to_run(&self, maps: &[MapId]) -> Coming {
        let maps: BTreeSet<MapId> = maps.iter().cloned().collect();
        self.context.coming.send_modify(|coming| coming.extend(maps.iter().cloned()));
        Coming { maps, all: self.context.coming.clone() }
    }
}

/// Maps that are about to be run.
pub struct Coming {
    maps: BTreeSet<MapId>,
    all: Arc<watch::Sender<BTreeSet<MapId>>>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.all.send_modify(|all| all.retain(|map| !self.maps.contains(map)));
    }
}
