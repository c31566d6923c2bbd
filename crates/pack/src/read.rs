use crate::MAX_BYTES;
use wasmparser::{BinaryReaderError, Chunk, Encoding, Parser, Payload};

/// Why a file cannot be read as a component.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(Fault);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the file is a core WASM module, not a component: pack it first")]
    Core,
    #[error("the file is no WASM component: {0}")]
    Malformed(BinaryReaderError),
    #[error("the component is cut off: its end is missing")]
    Truncated,
    #[error("the component has {0} bytes and at most {MAX_BYTES} are read")]
    TooLarge(usize),
    #[error("the component has more than {MAX_NAMES} {0}")]
    TooMany(&'static str),
    #[error("the component has the section {0:?} twice, so that nobody can say which counts")]
    Twice(String),
}

/// Far above what any component has: a plugin exports one interface a hook and imports one a host function.
const MAX_NAMES: usize = 1000;

impl From<BinaryReaderError> for ReadError {
    fn from(error: BinaryReaderError) -> Self {
        Self(Fault::Malformed(error))
    }
}

/// The names of all that the component exports, such as `gatewright:plugin/check-input@1.0.0`, in the file's order.
///
/// # Errors
/// The bytes are not a whole component. That what they say is valid is left to the engine.
pub fn exports(component: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    walk(component, |_, payload| {
        if let Payload::ComponentExportSection(section) = payload {
            for export in section {
                take(&mut names, export?.name.name, "exports")?;
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// The names of all that the component imports, such as `gatewright:plugin/kv@1.0.0`, in the file's order.
///
/// # Errors
/// The bytes are not a whole component. That what they say is valid is left to the engine.
pub fn imports(component: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    walk(component, |_, payload| {
        if let Payload::ComponentImportSection(section) = payload {
            for import in section {
                take(&mut names, import?.name.name, "imports")?;
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// What the component's own custom section of this name holds; `None` where it has none.
///
/// Sections of the modules and components nested in it do not count: they are other people's libraries.
///
/// # Errors
/// The bytes are not a whole component, or it has more than one section of that name.
pub fn custom_section<'a>(component: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ReadError> {
    let mut found = None;
    walk(component, |_, payload| {
        if let Payload::CustomSection(section) = payload
            && section.name() == name
            && found.replace(section.data()).is_some()
        {
            return Err(ReadError(Fault::Twice(name.to_owned())));
        }
        Ok(())
    })?;
    Ok(found)
}

fn take(names: &mut Vec<String>, name: &str, of: &'static str) -> Result<(), ReadError> {
    if names.len() == MAX_NAMES {
        return Err(ReadError(Fault::TooMany(of)));
    }
    names.push(name.to_owned());
    Ok(())
}

/// Shows the component's own sections, their bytes and what they are. What is nested in it is stepped over, so this takes
/// the same time for a component of 20 MB as for one of 20 KB.
pub(crate) fn walk<'a>(
    component: &'a [u8],
    mut see: impl FnMut(&'a [u8], Payload<'a>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    if component.len() > MAX_BYTES {
        return Err(ReadError(Fault::TooLarge(component.len())));
    }
    let mut parser = Parser::new(0);
    let mut rest = component;
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
            return Err(ReadError(Fault::Truncated));
        };
        let mut step = consumed as u64;
        match &payload {
            Payload::Version { encoding: Encoding::Module, .. } => return Err(ReadError(Fault::Core)),
            Payload::ModuleSection { unchecked_range: nested, .. }
            | Payload::ComponentSection { unchecked_range: nested, .. } => {
                step = step.saturating_add(nested.end.saturating_sub(nested.start));
            }
            Payload::End(_) => return Ok(()),
            _ => {}
        }
        let section = usize::try_from(step).ok().and_then(|step| rest.split_at_checked(step));
        let (section, after) = section.ok_or(ReadError(Fault::Truncated))?;
        see(section, payload)?;
        rest = after;
    }
}

#[cfg(test)]
mod tests;
