//! How much of the pool is one plugin's.
//!
//! A component whose calls are all under way must leave others what they need: what it takes with each instance decides how
//! many it may have.

use wasmtime::component::Component;

/// What there is in the pool, over all plugins. What is not in use costs addresses, and no memory.
pub(crate) const INSTANCES: u32 = 4000;
pub(crate) const MEMORIES: u32 = INSTANCES;
pub(crate) const TABLES: u32 = 4 * INSTANCES;
pub(crate) const CORE_INSTANCES: u32 = 16 * INSTANCES;

/// The most of it that one component may take.
pub(crate) const MOST_MEMORIES: u32 = 32;
pub(crate) const MOST_TABLES: u32 = 64;

/// All instances of a plugin together have at most one part of so many, of each.
const PART: u32 = 8;

/// So many instances any plugin may have.
const LEAST: usize = 8;

/// What an instance of a component takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    memories: u32,
    tables: u32,
    core_instances: u32,
}

// === impl Weight ===

impl Weight {
    /// Of a component that makes so many instances of modules; those that the engine puts between components do not count.
    pub(crate) fn of(component: &Component, core_instances: usize) -> Self {
        let core_instances = u32::try_from(core_instances).unwrap_or(u32::MAX);
        match component.resources_required() {
            Some(needs) => Self { memories: needs.num_memories, tables: needs.num_tables, core_instances },
            // Of modules that it is given, which nobody gives it.
            None => Self { memories: MOST_MEMORIES, tables: MOST_TABLES, core_instances },
        }
    }

    /// How many instances a plugin may have.
    pub(crate) fn instances(self) -> usize {
        let Self { memories, tables, core_instances } = self;
        let takes = [(INSTANCES, 1), (MEMORIES, memories), (TABLES, tables), (CORE_INSTANCES, core_instances)];
        let fit = takes.into_iter().map(|(there, each)| there / PART / each.max(1)).min().unwrap_or_default();
        (fit as usize).max(LEAST)
    }
}

#[cfg(test)]
mod tests;
