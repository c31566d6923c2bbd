//! Has a component take the functions of its hooks from a core instance that imports them.
//!
//! At each call of a lifted function the engine looks its core function up. One that the instance defines it finds in the
//! compiled code, and makes the reference to it anew; the reference to one that the instance imports is there. So between
//! the module and what is lifted stands an instance that hands on what it imports. No call passes through it.

use crate::read::walk;
use std::collections::HashMap;
use wasm_encoder::reencode::{ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Alias, ComponentAliasSection, ComponentSection, EntityType, ExportKind, ExportSection, ImportSection,
    InstanceSection, Module, ModuleArg, ModuleSection, TypeSection,
};
use wasmparser::types::{EntityType as Entity, TypesRef};
use wasmparser::{ComponentAlias, ComponentAliasSectionReader, ExternalKind, Payload};

/// How the export of a hook's function ends, in the names of each kind that encoders know.
const HANDLES: [&str; 2] = ["#handle", "|handle"];

/// The functions of hooks that a component takes from its instances.
struct Handles<'a> {
    /// The instance that is to hand them on.
    instance: u32,
    /// Each with the instance that has it.
    taken: Vec<(u32, &'a str)>,
}

/// The component with an instance that hands the functions of hooks on; `types` are those of its module. One that is not
/// as our encoder writes them, the modules and instances first, stays as it is.
pub(crate) fn hooks(component: &[u8], types: TypesRef<'_>) -> Result<Vec<u8>, String> {
    let mut sections = Vec::new();
    let read = walk(component, |bytes, payload| {
        sections.push((bytes, payload));
        Ok(())
    });
    read.map_err(|error| error.to_string())?;
    let made = |payload: &Payload<'_>| matches!(payload, Payload::ModuleSection { .. } | Payload::InstanceSection(_));
    let Some(last) = sections.iter().rposition(|(_, payload)| made(payload)) else { return Ok(component.to_vec()) };
    let (mut modules, mut instances) = (0, 0);
    for (_, payload) in &sections {
        match payload {
            Payload::ModuleSection { .. } => modules += 1,
            Payload::InstanceSection(section) => instances += section.count(),
            _ => {}
        }
    }
    let mut handles = Handles { instance: instances, taken: Vec::new() };
    let mut rest = Vec::new();
    for (bytes, payload) in sections.split_off(last + 1) {
        match payload {
            Payload::ComponentAliasSection(section) => handles.retake(section)?.append_to_component(&mut rest),
            _ => rest.extend_from_slice(bytes),
        }
    }
    let Some(&(of, _)) = handles.taken.first() else { return Ok(component.to_vec()) };
    if handles.taken.iter().any(|(other, _)| *other != of) {
        return Ok(component.to_vec());
    }
    let mut whole = sections.into_iter().flat_map(|(bytes, _)| bytes).copied().collect();
    ModuleSection(&handles.module(types)?).append_to_component(&mut whole);
    let mut instance = InstanceSection::new();
    instance.instantiate(modules, [("", ModuleArg::Instance(of))]);
    instance.append_to_component(&mut whole);
    whole.extend(rest);
    Ok(whole)
}

// === impl Handles ===

impl<'a> Handles<'a> {
    /// Has the functions of hooks come from the instance that hands them on.
    fn retake(&mut self, section: ComponentAliasSectionReader<'a>) -> Result<ComponentAliasSection, String> {
        let mut retaken = ComponentAliasSection::new();
        for alias in section {
            match alias.map_err(|error| error.to_string())? {
                ComponentAlias::CoreInstanceExport { kind: ExternalKind::Func, instance_index, name }
                    if HANDLES.iter().any(|handle| name.ends_with(handle)) =>
                {
                    self.taken.push((instance_index, name));
                    retaken.alias(Alias::CoreInstanceExport { instance: self.instance, kind: ExportKind::Func, name });
                }
                other => {
                    retaken.alias(RoundtripReencoder.component_alias(other).map_err(|error| error.to_string())?);
                }
            }
        }
        Ok(retaken)
    }

    /// The module that imports them and exports them again.
    fn module(&self, types: TypesRef<'_>) -> Result<Module, String> {
        let known: HashMap<&str, Entity> = types.core_exports().into_iter().flatten().collect();
        let (mut signatures, mut imports, mut exports) =
            (TypeSection::new(), ImportSection::new(), ExportSection::new());
        for (number, (_, name)) in (0..).zip(&self.taken) {
            let Some(Entity::Func(of)) = known.get(name) else { return Err(format!("it has no function {name}")) };
            let signature = types[*of].unwrap_func().clone();
            signatures.ty().func_type(&signature.try_into().map_err(|error| format!("{name}: {error}"))?);
            imports.import("", name, EntityType::Function(number));
            exports.export(name, ExportKind::Func, number);
        }
        let mut module = Module::new();
        module.section(&signatures).section(&imports).section(&exports);
        Ok(module)
    }
}
