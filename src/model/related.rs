//! Which maps depend on which, and in which order they are run: a map comes after those whose tables its table refers to,
//! and after those that its definition names.

use super::ids::MapId;
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use std::collections::{BTreeMap, BTreeSet};

/// What each map depends on directly. A map that is named but has no entry depends on nothing that is known.
pub type Dependencies = BTreeMap<MapId, BTreeSet<MapId>>;

/// A map and all that it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// In dependency order. Maps of a circle stand together, by name.
    pub order: Vec<MapId>,
    /// One circle of each set of maps that depend on each other: each refers to the next, the last to the first.
    pub cycles: Vec<Vec<MapId>>,
}

/// The maps that `root` depends on, directly or not, and itself, after them.
pub fn related(root: &MapId, dependencies: &Dependencies) -> Related {
    let mut reached: BTreeSet<&MapId> = BTreeSet::new();
    let mut to_see = vec![root];
    while let Some(map) = to_see.pop() {
        if reached.insert(map) {
            to_see.extend(dependencies.get(map).into_iter().flatten());
        }
    }
    let mut graph: DiGraphMap<&MapId, ()> = DiGraphMap::new();
    for map in &reached {
        graph.add_node(*map);
        for on in dependencies.get(*map).into_iter().flatten().filter(|on| *on != *map) {
            graph.add_edge(*map, on, ());
        }
    }
    // Its order is that in which nothing comes before what it has edges to.
    let mut order = Vec::with_capacity(reached.len());
    let mut cycles = Vec::new();
    for mut together in tarjan_scc(&graph) {
        together.sort_unstable();
        if together.len() > 1 {
            cycles.push(circle(&together, dependencies));
        }
        order.extend(together.into_iter().cloned());
    }
    Related { order, cycles }
}

/// A circle among maps that all depend on each other, from the first of them.
fn circle(together: &[&MapId], dependencies: &Dependencies) -> Vec<MapId> {
    let within = |map: &MapId| -> Vec<&MapId> {
        dependencies.get(map).into_iter().flatten().filter(|on| together.contains(on) && *on != map).collect()
    };
    let Some(first) = together.first().copied() else { return Vec::new() };
    // The shortest way back: breadth first, each map remembering who led to it.
    let mut led_by: BTreeMap<&MapId, &MapId> = BTreeMap::new();
    let mut edge = vec![first];
    while !edge.is_empty() {
        let mut next_edge = Vec::new();
        for map in edge {
            for on in within(map) {
                if on == first {
                    let mut circle = vec![map.clone()];
                    let mut at = map;
                    while let Some(before) = led_by.get(at).filter(|_| at != first) {
                        circle.push((*before).clone());
                        at = before;
                    }
                    circle.reverse();
                    return circle;
                }
                if !led_by.contains_key(on) {
                    led_by.insert(on, map);
                    next_edge.push(on);
                }
            }
        }
        edge = next_edge;
    }
    together.iter().map(|map| (*map).clone()).collect() // not reached: each of them leads back
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> MapId {
        MapId::parse(id).unwrap()
    }

    fn ids(names: &str) -> Vec<MapId> {
        names.split_whitespace().map(id).collect()
    }

    /// `a: b c` says that a depends on b and c.
    fn dependencies(lines: &[&str]) -> Dependencies {
        let line = |line: &&str| {
            let (map, on) = line.split_once(':').unwrap();
            (id(map), ids(on).into_iter().collect())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn what_a_map_depends_on_comes_before_it() {
        let all =
            dependencies(&["lines: orders products", "orders: customers lines-log", "products:", "elsewhere: lines"]);
        let related = related(&id("lines"), &all);
        assert_eq!(related.cycles, Vec::<Vec<MapId>>::new());
        assert_eq!(related.order.len(), 5, "and nothing else: {:?}", related.order);
        for (before, after) in
            [("customers", "orders"), ("orders", "lines"), ("products", "lines"), ("lines-log", "orders")]
        {
            let place = |name: &str| related.order.iter().position(|map| *map == id(name)).unwrap();
            assert!(place(before) < place(after), "{before} before {after}: {:?}", related.order);
        }
        assert_eq!(related.order.last(), Some(&id("lines")));
    }

    #[test]
    fn circles_are_named_in_the_order_in_which_their_maps_refer_to_each_other() {
        let all = dependencies(&["c: a", "a: b", "b: c d", "d:", "own: own a"]);
        let of_own = related(&id("own"), &all);
        assert_eq!(of_own.cycles, [ids("a b c")], "a table that refers to itself is no circle of maps");
        assert_eq!(of_own.order, ids("d a b c own"));
        let two = dependencies(&["x: y", "y: x"]);
        assert_eq!(related(&id("y"), &two).cycles, [ids("x y")]);
    }
}
