//! How much there is of a component once it is taken apart.
//!
//! A component may hold others and instantiate each of them often, which hold others in turn: a thousand bytes stand for
//! millions of instances, and the engine writes all of them out before it compiles the first.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Parser, Payload,
};

/// The most instantiations of modules and components, each counted as often as it happens.
const MOST_INSTANTIATIONS: usize = 1000;

/// Instantiations, each counted as often as it happens.
#[derive(Clone, Copy, Default)]
struct Count {
    all: usize,
    /// Those of modules.
    modules: usize,
}

/// What is in a component so far.
#[derive(Default)]
struct Scope {
    /// Instantiations in it.
    count: Count,
    /// The components that it may instantiate: how many instantiations each is.
    components: Vec<Count>,
}

/// What is being read: a component, or a module, which instantiates nothing.
enum Within {
    Component(Scope),
    Module,
}

/// Looks at a component before it is compiled: how many instances of modules one of it has. An error says why it is not
/// compiled. What is no component at all, or one that breaks the rules of the format, is left to the compiler.
pub(crate) fn check(wasm: &[u8]) -> Result<usize, String> {
    let (mut outer, mut modules): (Vec<Within>, _) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else { return Ok(modules) };
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => outer.push(Within::Component(Scope::default())),
            Payload::Version { encoding: Encoding::Module, .. } => outer.push(Within::Module),
            Payload::End(_) => match (outer.pop(), outer.last_mut()) {
                (Some(Within::Component(ended)), Some(Within::Component(around))) => {
                    around.components.push(ended.count);
                }
                (Some(Within::Component(outermost)), None) => modules = outermost.count.modules,
                _ => {}
            },
            payload => read(payload, &mut outer)?,
        }
    }
    Ok(modules)
}

/// Reads a section of the innermost of these.
fn read(payload: Payload<'_>, scopes: &mut [Within]) -> Result<(), String> {
    match payload {
        Payload::InstanceSection(instances) => {
            for instance in instances {
                if let Ok(Instance::Instantiate { .. }) = instance {
                    add(scopes, Count { all: 1, modules: 1 })?;
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances {
                if let Ok(ComponentInstance::Instantiate { component_index, .. }) = instance {
                    let count = known(scopes, 0, component_index);
                    add(scopes, Count { all: count.all.saturating_add(1), ..count })?;
                }
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases {
                match alias {
                    Ok(ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index }) => {
                        let count = known(scopes, count, index);
                        define(scopes, count);
                    }
                    Ok(ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. }) => {
                        return Err(handed_over());
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports {
                if let Ok(ComponentTypeRef::Component(_)) = import.map(|import| import.ty) {
                    return Err(handed_over());
                }
            }
        }
        Payload::ComponentExportSection(exports) => {
            for export in exports.into_iter().flatten() {
                if export.kind == ComponentExternalKind::Component {
                    let count = known(scopes, 0, export.index);
                    define(scopes, count);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// How many instantiations a component of the scope so far outward is. One that is not there, the compiler refuses.
fn known(scopes: &[Within], outward: u32, index: u32) -> Count {
    match scopes.iter().rev().nth(outward as usize) {
        Some(Within::Component(scope)) => scope.components.get(index as usize).copied().unwrap_or_default(),
        _ => Count::default(),
    }
}

fn define(scopes: &mut [Within], count: Count) {
    if let Some(Within::Component(scope)) = scopes.last_mut() {
        scope.components.push(count);
    }
}

fn add(scopes: &mut [Within], more: Count) -> Result<(), String> {
    let Some(Within::Component(scope)) = scopes.last_mut() else { return Ok(()) };
    scope.count.all = scope.count.all.saturating_add(more.all);
    scope.count.modules = scope.count.modules.saturating_add(more.modules);
    match scope.count.all <= MOST_INSTANTIATIONS {
        true => Ok(()),
        false => Err(format!("it makes more than {MOST_INSTANTIATIONS} instances of the modules and components in it")),
    }
}

/// How much of such a one there is cannot be seen here.
fn handed_over() -> String {
    "a component in it is handed over from one to another".to_owned()
}
