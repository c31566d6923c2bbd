//! Tools, and whether the model must use them.

use crate::{
    carry::Carry,
    json::{
        Read, Value, with_members,
        write::{self, ArrayWriter, ObjectWriter},
    },
    scan,
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{EncodeError, Raw, Tool, ToolChoice};

/// Which tool the model must use, and whether several may be asked for at once.
pub(super) type Choice = (Option<ToolChoice>, Option<bool>);

/// Reads one of `tools`.
pub(super) fn read(value: Value<'_>) -> Read<Tool> {
    let mut object = value.object()?;
    if !matches!(&*object.kind(), "" | "custom") {
        return Ok(Tool::Other(value.unknown()?));
    }
    Ok(Tool::Function {
        name: object.need_string("name")?,
        description: object.string("description")?,
        schema: object.read_as("input_schema", Value::unknown)?,
        strict: object.read_as("strict", Value::bool)?,
        extra: object.rest()?,
    })
}

/// Writes one of `tools`.
pub(super) fn write(array: &mut ArrayWriter<'_>, tool: &Tool, carry: &mut Carry) -> Result<(), EncodeError> {
    match tool {
        Tool::Other(raw) if carry.own() => array.raw(raw.as_str()),
        Tool::Other(_) => carry.cannot("tools", "a tool that is not a function has no counterpart")?,
        Tool::Function { name, description, schema, strict, extra } => {
            let extra = carry.extra(extra, &["function"]);
            array.object(|object| {
                object.string("name", name);
                if let Some(description) = description {
                    object.string("description", description);
                }
                write_schema(object, schema.as_ref());
                if let Some(strict) = strict.filter(|strict| *strict || carry.own()) {
                    object.display("strict", strict);
                }
                object.extra(extra, &["function"]);
            });
        }
    }
    Ok(())
}

/// The schema must be there, and must say that the input is an object.
fn write_schema(object: &mut ObjectWriter<'_>, schema: Option<&Raw>) {
    let text = schema.map_or("{}", Raw::as_str);
    let typed = scan::members(text).flatten().any(|member| member.name() == "type");
    let out = object.key("input_schema");
    match with_members(text, &[("type", Bytes::from_static(b"\"object\""))]) {
        Ok(patched) if !typed => out.extend_from_slice(&patched),
        _ => out.extend_from_slice(text.as_bytes()),
    }
}

/// Reads `tool_choice`.
pub(super) fn read_choice(value: Value<'_>) -> Read<Choice> {
    let mut object = value.object()?;
    let choice = match &*object.kind() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(object.need_string("name")?),
        _ => return Ok((Some(ToolChoice::Other(value.unknown()?)), None)),
    };
    let disabled = object.read_as("disable_parallel_tool_use", Value::bool)?;
    Ok((Some(choice), disabled.map(|disabled| !disabled)))
}

/// Writes `tool_choice`; `None` if it says nothing.
pub(super) fn write_choice((choice, parallel): &Choice) -> Option<Bytes> {
    let one = *parallel == Some(false);
    let (kind, name) = match choice {
        None if !one => return None,
        Some(ToolChoice::Other(raw)) => return Some(raw.bytes().clone()),
        None | Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Tool(name)) => ("tool", Some(name)),
    };
    let mut out = BytesMut::new();
    write::object(&mut out, |object| {
        object.string("type", kind);
        if let Some(name) = name {
            object.string("name", name);
        }
        if one && kind != "none" {
            object.display("disable_parallel_tool_use", true);
        }
    });
    Some(out.freeze())
}
