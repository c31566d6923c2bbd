//! Sampling and limits.

use super::{
    thinking,
    tool::{Choice, write_choice},
};
use crate::{
    carry::Carry,
    json::{Object, Read, Value, extra, with_members, write},
    rewrite::Changes,
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Chat, EncodeError, Params, Raw, Reasoning, ResponseFormat};

/// Most tokens of an answer, where the client did not say.
const MAX_TOKENS: u64 = 4096;

/// The name that schemas get, since those of this dialect have none.
const SCHEMA_NAME: &str = "response";

/// Takes the parameters out of a request.
pub(super) fn read(object: &mut Object<'_>) -> Read<Params> {
    let (response_format, mut effort) = read_output_config(object)?;
    let reasoning = thinking::read(object, &mut effort)?;
    Ok(Params {
        max_tokens: object.read_as("max_tokens", Value::u64)?,
        temperature: object.read_as("temperature", Value::f64)?,
        top_p: object.read_as("top_p", Value::f64)?,
        top_k: object.read_as("top_k", Value::u64)?,
        stop: object
            .read_as("stop_sequences", |list| list.list(|text| Ok(text.string()?.into_owned())))?
            .unwrap_or_default(),
        response_format,
        reasoning,
        user: match object.peek("metadata") {
            Some(_) => object.nested("metadata", |metadata| metadata.string("user_id"))?,
            None => None,
        },
        ..Params::default()
    })
}

/// `output_config`, which stays among the extra members if it says more than this.
fn read_output_config(object: &mut Object<'_>) -> Read<(Option<ResponseFormat>, Option<String>)> {
    object.refuse_mistaken("output_config")?;
    if object.peek("output_config").is_none() {
        return Ok((None, None));
    }
    object.nested("output_config", |config| {
        config.refuse_mistaken("format")?;
        let format = config.peek("format").map(Value::object).transpose()?;
        let format = match format {
            Some(mut format) if format.kind() == "json_schema" => {
                let schema = format.need("schema", |schema| schema.object().map(|_| schema.raw()));
                config.remove("format")?;
                Some(ResponseFormat::JsonSchema(named(&schema.map_err(|fault| fault.under("format"))?)))
            }
            _ => None,
        };
        Ok((format, config.string("effort")?))
    })
}

/// A schema as the model has it, which is as OpenAI writes it.
fn named(schema: &Raw) -> Raw {
    let named = write::to_json(|out| {
        write::object(out, |object| {
            object.string("name", SCHEMA_NAME);
            object.raw("schema", schema.as_str());
        });
    });
    Raw::new(named).unwrap_or_default()
}

/// The parameters of a request, as this dialect can say them.
///
/// Refused: more than one choice, JSON without a schema. Left out and reported: `seed` and the penalties; `top_p`
/// beside a temperature, which newer models refuse. A temperature above 1 becomes 1, the highest there is, and is
/// reported. For thinking see [`thinking::settle`]. A limit of tokens, which must be there, is 4096 if none is set.
pub(super) fn fit(chat: &Chat, old: Option<&Params>, carry: &mut Carry) -> Result<Params, EncodeError> {
    let mut params = chat.params.clone();
    if params.n.take().is_some_and(|n| n > 1) {
        carry.cannot("n", "it answers with one choice")?;
    }
    match &params.response_format {
        Some(ResponseFormat::JsonObject) => {
            carry.cannot("response_format", "it makes JSON only after a schema")?;
        }
        Some(ResponseFormat::JsonSchema(schema)) if schema_of(schema).is_none() => {
            carry.cannot("response_format.json_schema", "it makes JSON only after a schema")?;
        }
        Some(ResponseFormat::Text) => params.response_format = None,
        _ => {}
    }
    let left_out = [
        ("seed", params.seed.take().is_some()),
        ("frequency_penalty", params.frequency_penalty.take().is_some_and(|penalty| penalty != 0.0)),
        ("presence_penalty", params.presence_penalty.take().is_some_and(|penalty| penalty != 0.0)),
    ];
    left_out.iter().filter(|(_, set)| *set).for_each(|(name, _)| carry.drop(name));
    if let Some(temperature) = params.temperature.filter(|temperature| *temperature > 1.0)
        && old.is_none_or(|old| old.temperature != Some(temperature))
    {
        params.temperature = Some(1.0);
        carry.drop("temperature");
    }
    if !carry.own() && params.temperature.is_some() && params.top_p.take().is_some() {
        carry.drop("top_p");
    }
    params.max_tokens.get_or_insert(MAX_TOKENS);
    if old.is_none_or(|old| old.reasoning != params.reasoning) {
        thinking::settle(chat, &mut params, carry);
    }
    Ok(params)
}

/// Notes what differs.
pub(super) fn note(changes: &mut Changes, old: &Chat, new: &Params, choices: (&Choice, &Choice)) {
    let before = &old.params;
    let number = |out: &mut BytesMut, value: &f64| write::number(out, *value);
    let whole = |out: &mut BytesMut, value: &u64| write::display(out, value);
    let some = |stop: &Vec<String>| (!stop.is_empty()).then(|| stop.clone());
    changes.note(&["max_tokens"], &before.max_tokens, &new.max_tokens, whole);
    changes.note(&["temperature"], &before.temperature, &new.temperature, number);
    changes.note(&["top_p"], &before.top_p, &new.top_p, number);
    changes.note(&["top_k"], &before.top_k, &new.top_k, whole);
    changes.note(&["stop_sequences"], &some(&before.stop), &some(&new.stop), |out, stop| {
        write::array(out, |array| stop.iter().for_each(|text| array.string(text)));
    });
    if choices.0 != choices.1 {
        changes.set(&["tool_choice"], write_choice(choices.1));
    }
    if before.user != new.user {
        let user = new.user.as_deref().map_or(Bytes::from_static(b"null"), write::string);
        changes.set(&["metadata"], Some(set(old, "metadata", &[("user_id", user)])));
    }
    // A client that lets the thinking adapt has a model that may refuse a budget.
    let adapts =
        matches!((&before.reasoning, &new.reasoning), (Some(Reasoning::Effort(_)), Some(Reasoning::Effort(_))));
    if before.reasoning != new.reasoning && !adapts {
        changes.note(&["thinking"], &before.reasoning, &new.reasoning, thinking::write);
    }
    let effort = match &new.reasoning {
        Some(Reasoning::Effort(word)) if adapts && before.reasoning != new.reasoning => Some(write::string(word)),
        _ => None,
    };
    note_output_config(changes, old, new, effort);
}

fn note_output_config(changes: &mut Changes, old: &Chat, new: &Params, effort: Option<Bytes>) {
    let reformatted = old.params.response_format != new.response_format;
    if !reformatted && effort.is_none() {
        return;
    }
    let mut members = Vec::new();
    if let Some(ResponseFormat::JsonSchema(raw)) = &new.response_format
        && let Some(schema) = schema_of(raw)
    {
        let format = write::to_json(|out| {
            write::object(out, |object| {
                object.string("type", "json_schema");
                object.raw("schema", schema.as_str());
            });
        });
        members.push(("format", format));
    } else if reformatted && old.params.response_format.is_some() {
        members.push(("format", Bytes::from_static(b"null")));
    }
    members.extend(effort.map(|word| ("effort", word)));
    if !members.is_empty() {
        changes.set(&["output_config"], Some(set(old, "output_config", &members)));
    }
}

/// The object `name` as it was, with members set.
fn set(old: &Chat, name: &str, members: &[(&str, Bytes)]) -> Bytes {
    let text = extra(&old.extra, name).map_or("{}", Raw::as_str);
    with_members(text, members).map_or_else(|_| Bytes::from_static(b"{}"), BytesMut::freeze)
}

/// The schema itself.
fn schema_of(json_schema: &Raw) -> Option<Raw> {
    let object = Value::within(json_schema.bytes(), json_schema.as_str()).object().ok()?;
    object.peek("schema").map(Value::raw)
}
