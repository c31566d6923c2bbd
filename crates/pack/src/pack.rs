use crate::{HOOKS_SECTION, MAX_BYTES, reexport, section, types};
use gatewright_abi::wit;
use gatewright_plugin::HookSet;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmparser::{Chunk, Encoding, Parser, Payload, Validator};
use wit_component::{ComponentEncoder, StringEncoding, metadata};
use wit_parser::Resolve;

/// Why a module cannot become a component.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PackError(Fault);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the module has {0} bytes and at most {MAX_BYTES} are packed")]
    TooLarge(usize),
    #[error("the file is a component already")]
    Component,
    #[error("the file is no core WASM module: {0}")]
    Malformed(String),
    #[error(
        "the module imports {WASI}.{0}, and plugins have no WASI: build it for wasm32-unknown-unknown, and ask the \
         host for what it needs of clock, random or log"
    )]
    Wasi(String),
    #[error("the module says nothing of its hooks (it has no section component-type): a plugin crate calls export!")]
    Untyped,
    #[error("the module does not fit what it says of itself: {0}")]
    Unfit(String),
}

const WASI: &str = "wasi_snapshot_preview1";

/// The custom sections that describe a plugin to the gateway, the manifest among them.
const OURS: &str = "gatewright:";

/// Where bindings put the type of what a module imports and exports; a suffix says whose it is.
const TYPE: &str = "component-type";

/// Makes a component of a core module that carries its type: in a section [`HOOKS_SECTION`], as the SDK puts it there,
/// or in `component-type` sections, as bindings do.
///
/// The component exports just what those sections say, and of what they import only what the module uses. Custom
/// sections whose name begins with `gatewright:` move from the module to the component, so that they are found without
/// looking into what is nested.
///
/// # Errors
/// The bytes are no valid core module, it imports WASI, or it does not fit the type that it carries.
pub fn pack(core: &[u8]) -> Result<Vec<u8>, PackError> {
    if core.len() > MAX_BYTES {
        return Err(PackError(Fault::TooLarge(core.len())));
    }
    let mut parts = Parts::of(core)?;
    let world = match parts.ours.iter().find(|(name, _)| *name == HOOKS_SECTION) {
        Some((_, bits)) => Some(world(bits)?),
        None => None,
    };
    if let Some(world) = &world {
        section::append(parts.module.to_mut(), 0, &section::custom("component-type:gatewright", world));
        parts.types.push(world);
    }
    if let Some(function) = parts.wasi {
        return Err(PackError(Fault::Wasi(function)));
    }
    if parts.types.is_empty() {
        return Err(PackError(Fault::Untyped));
    }
    let checked = Validator::new().validate_all(core).map_err(malformed)?;
    let unfit = |error| PackError(Fault::Unfit(error));
    // Both are written for modules that compilers made: what they take for granted of the others panics.
    let mut component = catch_unwind(AssertUnwindSafe(|| {
        types::check(&parts.types)?;
        encode(&parts.module)
    }))
    .unwrap_or_else(|_| Err("its types cannot be read".to_owned()))
    .and_then(|component| reexport::hooks(&component, checked.as_ref()))
    .map_err(unfit)?;
    for (name, data) in parts.ours {
        section::append(&mut component, 0, &section::custom(name, data));
    }
    Ok(component)
}

/// The type of a module that exports the hooks of the whole table and implements these, as bits.
fn world(bits: &[u8]) -> Result<Vec<u8>, PackError> {
    let bits = bits.try_into().map_err(|_| malformed("its section of hooks is not one number"))?;
    let hooks = HookSet::from_bits(u64::from_le_bytes(bits));
    let encoded = || {
        let mut resolve = Resolve::default();
        resolve.push_str("plugin.wit", &wit::package())?;
        let package = resolve.push_str("artefact.wit", &wit::world(hooks.iter()))?;
        let world = resolve.select_world(&[package], None)?;
        metadata::encode(&resolve, world, StringEncoding::UTF8, None, false)
    };
    encoded().map_err(|error| PackError(Fault::Unfit(format!("{error:#}"))))
}

fn malformed(error: impl ToString) -> PackError {
    PackError(Fault::Malformed(error.to_string()))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// A core module, taken apart as far as packing asks for.
struct Parts<'a> {
    /// The module without our own sections.
    module: Cow<'a, [u8]>,
    /// Name and content of our own sections.
    ours: Vec<(&'a str, &'a [u8])>,
    /// The types that it carries, each an encoded world.
    types: Vec<&'a [u8]>,
    /// The first function of WASI that it imports.
    wasi: Option<String>,
}

impl<'a> Parts<'a> {
    fn of(core: &'a [u8]) -> Result<Self, PackError> {
        let mut parts = Self { module: Cow::Borrowed(core), ours: Vec::new(), types: Vec::new(), wasi: None };
        let mut parser = Parser::new(0);
        let mut kept = Vec::new();
        let mut rest = core;
        loop {
            let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(malformed)? else {
                return Err(malformed("its end is missing"));
            };
            let (section, after) = rest.split_at_checked(consumed).ok_or_else(|| malformed("its end is missing"))?;
            rest = after;
            match payload {
                Payload::Version { encoding: Encoding::Component, .. } => return Err(PackError(Fault::Component)),
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(malformed)?;
                        if import.module == WASI && parts.wasi.is_none() {
                            parts.wasi = Some(import.name.to_owned());
                        }
                    }
                }
                Payload::CustomSection(custom) if custom.name().starts_with(OURS) => {
                    parts.ours.push((custom.name(), custom.data()));
                    continue;
                }
                Payload::CustomSection(custom) if custom.name().starts_with(TYPE) => parts.types.push(custom.data()),
                Payload::End(_) => break,
                _ => {}
            }
            kept.extend_from_slice(section);
        }
        if !parts.ours.is_empty() {
            parts.module = Cow::Owned(kept);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests;
