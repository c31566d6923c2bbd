//! Sampling and limits.

use crate::{
    carry::Carry,
    json::{Fault, Kind, Object, Read, Value, write},
    rewrite::Changes,
};
use bytes::BytesMut;
use gatewright_model::{MaxTokensField, Params, Reasoning, ResponseFormat};

/// Most characters of `user`.
const MAX_USER_CHARS: usize = 64;

/// Takes the parameters out of a request.
pub(super) fn read(object: &mut Object<'_>) -> Read<Params> {
    let newer = object.read_as("max_completion_tokens", Value::u64)?;
    let older = object.read_as("max_tokens", Value::u64)?;
    // Some providers know one of them alone.
    if newer.is_some() && older.is_some() && newer != older {
        return Err(Fault::new("must be the same as `max_completion_tokens`").under("max_tokens"));
    }
    Ok(Params {
        max_tokens: newer.or(older),
        temperature: object.read_as("temperature", Value::f64)?,
        top_p: object.read_as("top_p", Value::f64)?,
        top_k: read_top_k(object)?,
        stop: object.read_as("stop", read_stop)?.unwrap_or_default(),
        seed: object.read_as("seed", Value::i64)?,
        frequency_penalty: object.read_as("frequency_penalty", Value::f64)?,
        presence_penalty: object.read_as("presence_penalty", Value::f64)?,
        n: object.read_as("n", Value::u64)?,
        response_format: read_format(object)?,
        reasoning: object.string("reasoning_effort")?.map(|word| match &*word {
            "none" => Reasoning::Off,
            _ => Reasoning::Effort(word),
        }),
        parallel_tool_calls: object.read_as("parallel_tool_calls", Value::bool)?,
        user: object.string("user")?,
    })
}

/// Not OpenAI's own, but many providers of this dialect have it; some say "off" with -1, which stays as it is.
fn read_top_k(object: &mut Object<'_>) -> Read<Option<u64>> {
    object.refuse_mistaken("top_k")?;
    let top_k = object.peek("top_k").and_then(|top_k| top_k.u64().ok());
    if top_k.is_some() {
        object.remove("top_k")?;
    }
    Ok(top_k)
}

fn read_stop(value: Value<'_>) -> Read<Vec<String>> {
    match value.kind() {
        Kind::String => Ok(vec![value.string()?.into_owned()]),
        _ => value.list(|text| Ok(text.string()?.into_owned())),
    }
}

/// A format of an unknown type stays among the extra members.
fn read_format(object: &mut Object<'_>) -> Read<Option<ResponseFormat>> {
    object.refuse_mistaken("response_format")?;
    let Some(value) = object.peek("response_format") else {
        return Ok(None);
    };
    let mut format = value.object().map_err(|fault| fault.under("response_format"))?;
    let known = match &*format.kind() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let schema = format.need("json_schema", |schema| schema.object().and_then(|_| schema.unknown()));
            ResponseFormat::JsonSchema(schema.map_err(|fault| fault.under("response_format"))?)
        }
        _ => return Ok(None),
    };
    format.remove("type")?;
    let says_more = !format.is_empty();
    object.remove("response_format")?;
    // Some providers take a schema from another place than OpenAI: what is left over goes with the rest, where it is seen.
    if says_more {
        object.put("response_format", value);
    }
    Ok(Some(known))
}

/// The parameters of another dialect, as this one can say them.
///
/// `top_k` is left out. A budget of thinking becomes the effort whose budget is nearest (below 4096 tokens `low`,
/// below 16384 `medium`, else `high`), and the effort `max` the highest that there is here, `xhigh`; thinking that is
/// switched off is left out, since most models of this dialect refuse to be told so. So is a `user` of more than 64
/// characters, which OpenAI refuses.
pub(super) fn fit(params: &Params, carry: &mut Carry) -> Params {
    let mut params = params.clone();
    if carry.own() {
        return params;
    }
    if params.top_k.take().is_some() {
        carry.drop("top_k");
    }
    if params.reasoning == Some(Reasoning::Off) {
        params.reasoning = None;
        carry.drop("thinking");
    }
    if let Some(Reasoning::Effort(word)) = &mut params.reasoning
        && word == "max"
    {
        *word = "xhigh".to_owned();
    }
    if params.user.take_if(|user| user.chars().count() > MAX_USER_CHARS).is_some() {
        carry.drop("metadata.user_id");
    }
    params
}

/// Notes what differs. `limit`: the name of the limit of tokens, where it came under neither of the two.
pub(super) fn note(changes: &mut Changes, old: &Params, new: &Params, limit: MaxTokensField) {
    let number = |out: &mut BytesMut, value: &f64| write::number(out, *value);
    let whole = |out: &mut BytesMut, value: &u64| write::display(out, value);
    let some = |stop: &Vec<String>| (!stop.is_empty()).then(|| stop.clone());
    changes.note(max_tokens(limit), &old.max_tokens, &new.max_tokens, whole);
    changes.note(&["temperature"], &old.temperature, &new.temperature, number);
    changes.note(&["top_p"], &old.top_p, &new.top_p, number);
    changes.note(&["top_k"], &old.top_k, &new.top_k, whole);
    changes.note(&["stop"], &some(&old.stop), &some(&new.stop), |out, stop| {
        write::array(out, |array| stop.iter().for_each(|text| array.string(text)));
    });
    changes.note(&["seed"], &old.seed, &new.seed, |out, seed| write::display(out, seed));
    changes.note(&["frequency_penalty"], &old.frequency_penalty, &new.frequency_penalty, number);
    changes.note(&["presence_penalty"], &old.presence_penalty, &new.presence_penalty, number);
    changes.note(&["n"], &old.n, &new.n, whole);
    changes.note(&["response_format"], &old.response_format, &new.response_format, write_format);
    changes.note(&["reasoning_effort"], &old.reasoning, &new.reasoning, |out, reasoning| {
        write::string_to(out, effort(reasoning));
    });
    changes.note(&["parallel_tool_calls"], &old.parallel_tool_calls, &new.parallel_tool_calls, |out, parallel| {
        write::display(out, parallel);
    });
    changes.note(&["user"], &old.user, &new.user, |out, user| write::string_to(out, user));
}

/// The names of the limit of tokens: a member that came under either keeps its own, and a new one gets the first.
fn max_tokens(limit: MaxTokensField) -> &'static [&'static str] {
    match limit {
        MaxTokensField::MaxTokens => &["max_tokens", "max_completion_tokens"],
        MaxTokensField::MaxCompletionTokens => &["max_completion_tokens", "max_tokens"],
    }
}

fn effort(reasoning: &Reasoning) -> &str {
    match reasoning {
        Reasoning::Effort(word) => word,
        Reasoning::Budget(..4096) => "low",
        Reasoning::Budget(4096..16384) => "medium",
        Reasoning::Budget(_) => "high",
        Reasoning::Off => "none",
    }
}

fn write_format(out: &mut BytesMut, format: &ResponseFormat) {
    write::object(out, |object| match format {
        ResponseFormat::Text => object.string("type", "text"),
        ResponseFormat::JsonObject => object.string("type", "json_object"),
        ResponseFormat::JsonSchema(schema) => {
            object.string("type", "json_schema");
            object.raw("json_schema", schema.as_str());
        }
    });
}
