//! Who may do what: roles, and the maps that a client's role holds for.

use super::ids::MapId;
use std::collections::BTreeSet;
use std::fmt;

/// What somebody may do: each role may also do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks: maps, queues, errors, logs, alerts, with the records in them.
    Viewer,
    /// Hands changes over.
    Writer,
    /// Puts right what went wrong: runs, pauses, resumes, retries, edits and deletes what is queued.
    Operator,
    /// Decides what there is: maps, alert settings, backups.
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Writer, Role::Operator, Role::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Writer => "writer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The maps that a role holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapScope {
    All,
    Only(BTreeSet<MapId>),
}

impl MapScope {
    pub fn has(&self, map: &MapId) -> bool {
        match self {
            MapScope::All => true,
            MapScope::Only(maps) => maps.contains(map),
        }
    }

    pub fn is_all(&self) -> bool {
        matches!(self, MapScope::All)
    }
}

impl fmt::Display for MapScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapScope::All => f.write_str("all table maps"),
            MapScope::Only(maps) => {
                let maps: Vec<&str> = maps.iter().map(MapId::as_str).collect();
                f.write_str(&maps.join(", "))
            }
        }
    }
}

/// Whoever made a call, as the server knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who the activity log says it was.
    pub actor: String,
    pub role: Role,
    pub scope: MapScope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        assert!(Role::ALL.is_sorted());
        assert_eq!(Role::ALL.map(Role::as_str), ["viewer", "writer", "operator", "admin"]);
    }

    #[test]
    fn a_scope_of_some_maps_has_no_other() {
        let map = |id| MapId::parse(id).unwrap();
        let some = MapScope::Only(BTreeSet::from([map("orders"), map("customers")]));
        assert!(some.has(&map("orders")) && !some.has(&map("order")) && !some.is_all());
        assert!(MapScope::All.has(&map("order")));
        assert_eq!(some.to_string(), "customers, orders");
    }
}
