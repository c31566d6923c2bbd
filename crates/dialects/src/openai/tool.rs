//! Tools, and whether the model must use them.

use crate::{
    carry::Carry,
    json::{
        Fault, Kind, Read, Value,
        write::{self, ArrayWriter},
    },
};
use bytes::BytesMut;
use gatewright_model::{EncodeError, Tool, ToolChoice};

/// Reads one of `tools`.
pub(super) fn read(value: Value<'_>) -> Read<Tool> {
    let mut object = value.object()?;
    if object.kind() != "function" {
        return Ok(Tool::Other(value.unknown()?));
    }
    let function = object.nested("function", |function| {
        Ok((
            function.need_string("name")?,
            function.string("description")?,
            function.read_as("parameters", Value::unknown)?,
            function.read_as("strict", Value::bool)?,
        ))
    })?;
    object.remove("type")?;
    let (name, description, schema, strict) = function;
    Ok(Tool::Function { name, description, schema, strict, extra: object.rest()? })
}

/// Writes one of `tools`.
pub(super) fn write(array: &mut ArrayWriter<'_>, tool: &Tool, carry: &mut Carry) -> Result<(), EncodeError> {
    match tool {
        Tool::Other(raw) if carry.own() => array.raw(raw.as_str()),
        Tool::Other(_) => carry.cannot("tools", "a tool that the provider runs itself has no counterpart")?,
        Tool::Function { name, description, schema, strict, extra } => {
            let beside = carry.extra(extra, &["type"]);
            let mut set = vec![("name", write::string(name))];
            set.extend(description.iter().map(|description| ("description", write::string(description))));
            set.extend(schema.iter().map(|schema| ("parameters", schema.bytes().clone())));
            set.extend(strict.iter().map(|strict| ("strict", write::to_json(|out| write::display(out, strict)))));
            array.object(|object| {
                object.string("type", "function");
                object.nested("function", beside, &set);
                object.extra(beside, &["type", "function"]);
            });
        }
    }
    Ok(())
}

/// Reads `tool_choice`.
pub(super) fn read_choice(value: Value<'_>) -> Read<ToolChoice> {
    if value.kind() == Kind::String {
        return match &*value.string()? {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(Fault::new("must be `none`, `auto`, `required` or an object")),
        };
    }
    let mut object = value.object()?;
    if object.kind() != "function" {
        return Ok(ToolChoice::Other(value.unknown()?));
    }
    object.need("function", |function| function.object()?.need_string("name")).map(ToolChoice::Tool)
}

/// Writes `tool_choice`.
pub(super) fn write_choice(out: &mut BytesMut, choice: &ToolChoice) {
    match choice {
        ToolChoice::Auto => write::string_to(out, "auto"),
        ToolChoice::None => write::string_to(out, "none"),
        ToolChoice::Required => write::string_to(out, "required"),
        ToolChoice::Tool(name) => write::object(out, |object| {
            object.string("type", "function");
            object.object("function", |function| function.string("name", name));
        }),
        ToolChoice::Other(raw) => out.extend_from_slice(raw.bytes()),
    }
}
