//! Writes a message of the model's.

use super::{
    super::{Thoughts, content},
    AUDIO, FUNCTION_CALL, REASONING, TRANSCRIPT,
};
use crate::{
    carry::Carry,
    details,
    json::{
        Value, extra,
        write::{self, ArrayWriter, ObjectWriter},
    },
    signed,
};
use gatewright_model::{Block, Content, EncodeError, Extra, Message, Raw};

/// Members that repeat what was thought before an edit.
const REPEAT_REASONING: [&str; 3] = ["reasoning_details", "thinking_blocks", "provider_specific_fields"];

/// What is written where a provider wants a thought and there is none.
const NO_THOUGHT: &str = " ";

/// Writes a message of the model's, as a request repeats it and as a response holds it. `thoughts`: where those go that
/// did not come in this dialect.
pub(in crate::openai) fn write_assistant(
    object: &mut ObjectWriter<'_>,
    message: &Message,
    blocks: &[&Block],
    thoughts: Thoughts,
    carry: &mut Carry,
) -> Result<(), EncodeError> {
    object.string("role", "assistant");
    if let Some(name) = message.name() {
        object.string("name", name);
    }
    write_content(object, blocks, carry)?;
    write_audio(object, blocks, carry);
    write_refusal(object, blocks, carry);
    let rethought = write_reasoning(object, blocks, thoughts, carry);
    write_calls(object, blocks, thoughts, carry);
    let members = carry.extra(message.extra(), &[]);
    object.extra(members, if rethought { &REPEAT_REASONING } else { &[] });
    Ok(())
}

fn write_content(object: &mut ObjectWriter<'_>, blocks: &[&Block], carry: &mut Carry) -> Result<(), EncodeError> {
    let own = carry.own();
    let elsewhere = |block: &Block| {
        matches!(block.content, Content::ToolUse { .. } | Content::Refusal(_)) || (own && spoken(block).is_some())
    };
    let beside = |block: &Block| matches!(block.content, Content::Reasoning { .. }) || elsewhere(block);
    let said: Vec<_> = blocks.iter().copied().filter(|block| !beside(block)).collect();
    if said.is_empty() {
        // Only a message that says something else may have no content.
        match blocks.iter().any(|block| elsewhere(block)) {
            true => object.null("content"),
            false => object.string("content", ""),
        }
        return Ok(());
    }
    if !carry.is_answer() {
        return content::write(object.key("content"), &said, carry);
    }
    for block in &said {
        match &block.content {
            Content::Text(_) => {
                carry.extra(&block.extra, &[]);
            }
            Content::Other(raw) => carry.drop(&kind_of(raw.as_str())),
            _ => carry.drop("content"),
        }
    }
    object.string("content", &content::joined(said, ""));
    Ok(())
}

/// What a block of an unknown kind is called in reports.
fn kind_of(block: &str) -> String {
    let members = crate::scan::members(block).flatten();
    let kind = members.into_iter().find(|member| member.name() == "type").map(|member| member.value.trim_matches('"'));
    kind.map_or_else(|| "content".to_owned(), |kind| format!("content.{kind}"))
}

/// The sound of a block whose text was said aloud.
fn spoken(block: &Block) -> Option<&Raw> {
    extra(&block.extra, AUDIO).filter(|_| matches!(block.content, Content::Text(_)))
}

fn write_audio(object: &mut ObjectWriter<'_>, blocks: &[&Block], carry: &Carry) {
    let spoken = blocks.iter().filter(|_| carry.own()).find_map(|block| Some((block, spoken(block)?)));
    let Some((block, raw)) = spoken else { return };
    let text = block.as_text();
    let audio = Value::within(raw.bytes(), raw.as_str());
    if audio.object().and_then(|mut audio| audio.string(TRANSCRIPT)).is_ok_and(|said| said.as_deref() == Some(text)) {
        return object.raw(AUDIO, raw.as_str());
    }
    // The sound would tell the text from before the edit.
    object.nested(AUDIO, &block.extra, &[(TRANSCRIPT, write::string(text)), ("data", write::string(""))]);
}

fn write_refusal(object: &mut ObjectWriter<'_>, blocks: &[&Block], carry: &Carry) {
    let refusals = blocks.iter().filter_map(|block| match &block.content {
        Content::Refusal(text) => Some(&**text),
        _ => None,
    });
    let refusal: String = refusals.collect();
    if !refusal.is_empty() {
        object.string("refusal", &refusal);
    } else if carry.is_answer() {
        object.null("refusal");
    }
}

/// Answers whether a text is not the one that came.
fn write_reasoning(object: &mut ObjectWriter<'_>, blocks: &[&Block], thoughts: Thoughts, carry: &mut Carry) -> bool {
    if thoughts == Thoughts::Reasoning && !carry.own() && blocks.iter().any(|block| seal_of(block).is_some()) {
        object.array(details::REASONING_DETAILS, |array| write_details(array, blocks, carry));
        return true;
    }
    let (mut texts, mut edited): (Vec<(&str, String)>, _) = (Vec::new(), false);
    for block in blocks {
        let Content::Reasoning { text, signature, redacted } = &block.content else {
            continue;
        };
        let own = REASONING.into_iter().filter(|_| carry.own());
        let came = own.filter_map(|name| Some((name, extra(&block.extra, name)?)));
        let mut names: Vec<_> = came.inspect(|(_, raw)| edited |= !says(raw, text)).map(|(name, _)| name).collect();
        if names.is_empty() {
            let Some(name) = thoughts.member() else {
                carry.drop("thinking");
                continue;
            };
            if !text.is_empty() {
                names.push(name);
                edited = true;
            }
        }
        report_signature(signature.as_deref(), redacted.as_deref(), carry);
        for name in names {
            match texts.iter_mut().find(|(of, _)| *of == name) {
                Some((_, whole)) => whole.push_str(text),
                None => texts.push((name, text.clone())),
            }
        }
    }
    if texts.is_empty() && thoughts == Thoughts::ReasoningContent && !carry.is_answer() && carry.translates() {
        texts.push((REASONING[0], NO_THOUGHT.to_owned()));
    }
    texts.iter().for_each(|(name, text)| object.string(name, text));
    edited
}

/// What a thought is sealed in, if it is.
fn seal_of(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Reasoning { signature, redacted, .. } => {
            redacted.as_deref().or(signature.as_deref()).filter(|seal| details::is_sealed(seal))
        }
        _ => None,
    }
}

/// Writes thoughts in the parts that they came in.
fn write_details(array: &mut ArrayWriter<'_>, blocks: &[&Block], carry: &mut Carry) {
    for block in blocks {
        if let Content::Reasoning { text, signature, redacted } = &block.content {
            let seal = seal_of(block);
            if seal.is_none() {
                report_signature(signature.as_deref(), redacted.as_deref(), carry);
            }
            details::write(array, seal, text);
        }
    }
}

/// Reports what only another provider can read.
fn report_signature(signature: Option<&str>, redacted: Option<&str>, carry: &mut Carry) {
    if redacted.is_some() {
        carry.drop("redacted_thinking");
    }
    if signature.is_some_and(|signature| !signature.is_empty()) {
        carry.drop("signature");
    }
}

fn says(raw: &Raw, text: &str) -> bool {
    Value::within(raw.bytes(), raw.as_str()).string().is_ok_and(|said| said == text)
}

fn write_calls(object: &mut ObjectWriter<'_>, blocks: &[&Block], thoughts: Thoughts, carry: &mut Carry) {
    let calls = blocks.iter().copied().filter(|block| matches!(block.content, Content::ToolUse { .. }));
    let (old, calls): (Vec<_>, Vec<_>) = calls.partition(|block| extra(&block.extra, FUNCTION_CALL).is_some());
    if let Some(Block { content: Content::ToolUse { name, arguments, .. }, extra }) = old.first() {
        let set = [("name", write::string(name)), ("arguments", write::string(arguments))];
        object.nested(FUNCTION_CALL, extra, &set);
    }
    if !calls.is_empty() {
        object.array("tool_calls", |array| calls.into_iter().for_each(|call| write_call(array, call, thoughts, carry)));
    }
}

/// Whether the object that came under this name has the member.
fn came_with(extra_members: &Extra, name: &str, member: &str) -> bool {
    let came = extra(extra_members, name).map(|raw| Value::within(raw.bytes(), raw.as_str()).object());
    came.is_some_and(|came| came.is_ok_and(|came| came.peek(member).is_some()))
}

fn write_call(array: &mut ArrayWriter<'_>, call: &Block, thoughts: Thoughts, carry: &mut Carry) {
    let Content::ToolUse { id, name, arguments } = &call.content else {
        return;
    };
    let (id, signature) = if carry.own() || carry.is_answer() { (&**id, None) } else { signed::take(id) };
    let signature = signature.filter(|_| match thoughts {
        Thoughts::Signatures => true,
        _ => {
            carry.drop("signature");
            false
        }
    });
    let beside = carry.extra(&call.extra, &["input"]);
    array.object(|object| {
        object.string("id", id);
        let custom = extra(beside, "custom").is_some() || extra(beside, "type").is_some();
        let (kind, names) = match custom {
            true => ("custom", ["input", "arguments"]),
            false => ("function", ["arguments", "input"]),
        };
        let mut set = vec![("name", write::string(name)), (names[0], write::string(arguments))];
        // It came under the other name, or under both: which of them counts, readers need not agree.
        if came_with(beside, kind, names[1]) {
            set.push((names[1], write::string(arguments)));
        }
        object.string("type", kind);
        object.nested(kind, beside, &set);
        if let Some(signature) = &signature {
            signed::write(object, signature);
        }
        object.extra(beside, &["function", "custom", "type"]);
    });
}

// === impl Thoughts ===

impl Thoughts {
    /// The member of a message that holds what was thought.
    fn member(self) -> Option<&'static str> {
        match self {
            Self::ReasoningContent => Some(REASONING[0]),
            Self::Reasoning => Some(REASONING[1]),
            Self::None | Self::Signatures => None,
        }
    }
}
