//! Reads one chunk, noting where its texts stand.

use super::super::{finish, message::REASONING, usage};
use crate::{
    details, error,
    json::{Kind, Value},
    scan::{Cursor, Key, Said, ScanError},
    signed,
    stream::{Places, strings},
};
use gatewright_model::{Channel, ChannelKind, DecodeError, Part};
use smallvec::SmallVec;
use std::{borrow::Cow, collections::HashSet, ops::Range};

/// What a chunk says, without regard to those before it.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    id: &'a str,
    model: &'a str,
    created: &'a str,
    pub(super) parts: SmallVec<[Part; 2]>,
    /// The first of the choice at hand.
    first: usize,
    /// Where the texts stand: index of the part, and span in the data.
    pub(super) places: Places,
    /// Members that repeat a choice's texts, and must not stay when these are edited.
    pub(super) repeats: SmallVec<[Repeat; 1]>,
    /// Thoughts in parts.
    details: SmallVec<[Range<usize>; 1]>,
    /// A delta says more than there are parts for: the role, or members that are not known.
    pub(super) more: bool,
    /// A text stands where no other can be put.
    pub(super) rigid: bool,
    /// The choices that say what they say in a `message`, with no delta beside it: it may be the whole so far.
    pub(super) wholes: HashSet<u32>,
    /// How many choices there are.
    pub(super) choices: usize,
}

/// A member that repeats texts of a choice.
#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) choice: u32,
    of: Repeated,
    pub(super) span: Range<usize>,
}

/// What a member repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    /// Texts of this kind, of the same chunk.
    Kind(ChannelKind),
    /// Thoughts of the same chunk, in parts: if no other member says the same, it repeats nothing, and they are texts.
    Thoughts,
    /// Any text of the same chunk: if it says others, they are texts that stand beside the answer.
    Chunk,
    /// All that the choice has said so far.
    Answer,
}

/// The most members of a choice that repeat its texts. Only where a name stands twice there are so many.
const MOST_REPEATS: usize = 16;

/// The most choices of an event, and the most that it says: what it says is put in its place one by one.
const MOST_CHOICES: usize = 1024;
const MOST_PARTS: usize = 16 << 10;

/// So far back a thought is looked for that is told under two names.
const NAMES_APART: usize = 8;

/// Reads the data of an event, each byte once or, of what may be a copy, a few times.
pub(super) fn read(data: &str) -> Result<Seen<'_>, DecodeError> {
    let mut cursor = Cursor::new(data);
    cursor.skip_space();
    let mut seen = Seen::default();
    let is_object = cursor.object(|cursor, key| seen.top_level(cursor, key))?;
    cursor.end()?;
    if is_object { Ok(seen) } else { Err(DecodeError::new("an event of the stream is not an object")) }
}

// === impl Seen ===

impl<'a> Seen<'a> {
    /// The provider's id for the answer; empty if the chunk does not say.
    pub(super) fn id(&self) -> String {
        Value::loose(self.id).string().unwrap_or_default().into_owned()
    }

    /// The model as the provider names it.
    pub(super) fn model(&self) -> String {
        Value::loose(self.model).string().unwrap_or_default().into_owned()
    }

    /// Unix time in seconds.
    pub(super) fn created(&self) -> Option<u64> {
        Value::loose(self.created).u64().ok()
    }

    fn top_level(&mut self, cursor: &mut Cursor<'a>, key: Key<'a>) -> Result<(), DecodeError> {
        match &*key.name() {
            "id" => self.id = cursor.value()?,
            "model" => self.model = cursor.value()?,
            "created" => self.created = cursor.value()?,
            "choices" => {
                cursor.array(|cursor| self.choice(cursor))?;
            }
            "usage" => {
                let value = Value::loose(cursor.value()?);
                // Figures that are none must not cost the client the rest of the answer.
                if value.kind() == Kind::Object
                    && let Ok(usage) = usage::read(value)
                {
                    self.parts.push(Part::Usage(usage));
                }
            }
            "error" => {
                let value = Value::loose(cursor.value()?);
                if !value.is_null() {
                    self.parts.push(Part::Error(Box::new(error::decode_event(value))));
                }
            }
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    fn choice(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        self.choices += 1;
        let (mut index, mut reason) = (0, None);
        let (mut has_delta, mut messages) = (false, SmallVec::<[Cursor<'a>; 1]>::new());
        let (first, first_repeat) = (self.parts.len(), self.repeats.len());
        self.first = first;
        cursor.object(|cursor, key| -> Result<(), DecodeError> {
            match &*key.name() {
                "index" => index = number(cursor.value()?).unwrap_or(0),
                "delta" => has_delta |= cursor.object(|cursor, key| self.delta(cursor, key))?,
                // Some servers write an empty one until there is one.
                "finish_reason" => {
                    let word = cursor.string()?.filter(|word| !word.text.is_empty());
                    reason = word.map(|word| finish::read(&word.text));
                }
                "logprobs" => self.repeat(Repeated::Kind(ChannelKind::Text), cursor)?,
                // Some providers tell the whole so far beside what is new, and some in place of it.
                "message" => {
                    messages.push(cursor.clone());
                    self.repeat(Repeated::Answer, cursor)?;
                }
                "provider_specific_fields" => self.repeat(Repeated::Chunk, cursor)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok(())
        })?;
        for mut message in messages.into_iter().filter(|_| !has_delta) {
            if message.object(|cursor, key| self.delta(cursor, key))? {
                self.wholes.insert(index);
            }
        }
        if self.choices > MOST_CHOICES || self.parts.len() > MOST_PARTS {
            return Err(DecodeError::new("an event of the stream says too many things"));
        }
        self.settle(cursor.text(), first, first_repeat)?;
        self.seal(cursor.text(), first);
        self.parts.extend(reason.map(|reason| Part::Finish { choice: 0, reason }));
        // The number of the choice may come after what it says.
        if index > 0 {
            self.parts[first..].iter_mut().for_each(|part| set_choice(part, index));
            self.repeats[first_repeat..].iter_mut().for_each(|repeat| repeat.choice = index);
        }
        Ok(())
    }

    fn delta(&mut self, cursor: &mut Cursor<'a>, key: Key<'a>) -> Result<(), DecodeError> {
        match &*key.name() {
            "content" if cursor.peek() == Some(b'[') => {
                // From some providers the content comes in parts, of which some are text.
                cursor.array(|cursor| self.content_part(ChannelKind::Text, cursor))?;
            }
            "content" => self.text(channel(ChannelKind::Text), cursor)?,
            "refusal" => self.text(channel(ChannelKind::Refusal), cursor)?,
            // What the model says aloud: the words are a text like any other.
            "audio" => {
                self.more = true;
                cursor.object(|cursor, key| match &*key.name() {
                    "transcript" => self.text(channel(ChannelKind::Text), cursor),
                    _ => Ok(cursor.skip().map(drop)?),
                })?;
            }
            name if REASONING.contains(&name) => self.reasoning(cursor)?,
            name @ (details::REASONING_DETAILS | "thinking_blocks") => {
                let details = cursor.clone();
                self.repeat(Repeated::Thoughts, cursor)?;
                if name == details::REASONING_DETAILS {
                    self.details.push(details.at()..cursor.at());
                }
            }
            "provider_specific_fields" => self.repeat(Repeated::Chunk, cursor)?,
            "annotations" => self.texts_beside(cursor)?,
            "tool_calls" => {
                let mut position = 0;
                cursor.array(|cursor| {
                    position += 1;
                    self.call(position - 1, cursor)
                })?;
            }
            "function_call" => {
                let mut call = Call::default();
                call.read_function(cursor)?;
                self.push_call(call, 0);
            }
            _ => self.more |= cursor.value()? != "null",
        }
        Ok(())
    }

    /// A part of a content that comes in parts: a text, or thoughts, which are made of texts themselves.
    fn content_part(&mut self, kind: ChannelKind, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        cursor.object(|cursor, key| match (&*key.name(), cursor.peek()) {
            ("text", _) => self.text(channel(kind), cursor),
            ("thinking", Some(b'[')) if kind == ChannelKind::Text => {
                cursor.array(|cursor| self.content_part(ChannelKind::Reasoning, cursor))?;
                Ok(())
            }
            ("thinking", _) if kind == ChannelKind::Text => self.reasoning(cursor),
            _ => Ok(cursor.skip().map(drop)?),
        })?;
        Ok(())
    }

    /// The same text under two names is one.
    fn reasoning(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let channel = channel(ChannelKind::Reasoning);
        let Some(said) = cursor.string()? else {
            return Ok(());
        };
        let same =
            |part: &Part| matches!(part, Part::Text { channel: of, text } if *of == channel && *text == said.text);
        let far = self.parts.len().saturating_sub(NAMES_APART).max(self.first);
        match self.parts[far..].iter().position(same).map(|index| far + index) {
            Some(index) => self.places.push((index, said.span)),
            None => self.push_text(channel, said),
        }
        Ok(())
    }

    /// Finds which members of a choice repeat what it says: the others say texts of their own. `first`, `first_repeat`:
    /// the first of the choice.
    fn settle(&mut self, data: &'a str, first: usize, first_repeat: usize) -> Result<(), DecodeError> {
        if self.repeats.len() - first_repeat > MOST_REPEATS {
            return Err(DecodeError::new("a choice of the stream says the same too often"));
        }
        for of in [Repeated::Thoughts, Repeated::Chunk] {
            let mut at = first_repeat;
            while let Some(repeat) = self.repeats.get(at) {
                let span = repeat.span.clone();
                let says_more = repeat.of == of && !is_said(&strings_of(of, data, &span)?, &self.parts[first..]);
                if !says_more {
                    at += 1;
                    continue;
                }
                self.repeats.remove(at);
                for said in strings_of(of, data, &span)? {
                    self.push_text(of.channel(), said);
                }
            }
        }
        Ok(())
    }

    /// Puts the seals of a choice's thoughts behind these, before what else the chunk says: the thoughts of the chunk, or
    /// those of the chunks before. `first`: the first part of the choice.
    fn seal(&mut self, data: &'a str, first: usize) {
        let spans = std::mem::take(&mut self.details);
        let seals: Vec<String> =
            spans.into_iter().flat_map(|span| details::seal_all(Value::loose(&data[span]))).collect();
        if seals.is_empty() {
            return;
        }
        let reasoning = channel(ChannelKind::Reasoning);
        let is_thought = |part: &Part| matches!(part, Part::Text { channel, .. } if *channel == reasoning);
        let behind = self.parts[first..].iter().rposition(is_thought).map_or(first, |last| first + last + 1);
        self.places.iter_mut().filter(|(part, _)| *part >= behind).for_each(|(part, _)| *part += seals.len());
        let seals = seals.into_iter().map(|signature| Part::Signature { channel: reasoning, signature });
        self.parts.insert_many(behind, seals);
    }

    /// What stands beside the answer, such as its sources.
    fn texts_beside(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let span = cursor.skip()?;
        for said in strings_of(Repeated::Chunk, cursor.text(), &span)? {
            self.push_text(Repeated::Chunk.channel(), said);
        }
        Ok(())
    }

    fn text(&mut self, channel: Channel, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let null = cursor.peek() == Some(b'n');
        match cursor.string()? {
            Some(said) => self.push_text(channel, said),
            None if null => {}
            None => return Err(DecodeError::new("a text of the stream is not a string").at(channel.kind.as_str())),
        }
        Ok(())
    }

    fn push_text(&mut self, channel: Channel, said: Said<'a>) {
        if !said.text.is_empty() {
            self.places.push((self.parts.len(), said.span));
            self.parts.push(Part::Text { channel, text: said.text.into_owned() });
        }
    }

    fn repeat(&mut self, of: Repeated, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let span = cursor.skip()?;
        if &cursor.text()[span.clone()] != "null" {
            self.repeats.push(Repeat { choice: 0, of, span });
        }
        Ok(())
    }

    fn call(&mut self, position: u32, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let (mut call, mut index, mut id, mut signature) = (Call::default(), position, None, None);
        cursor.object(|cursor, key| -> Result<(), DecodeError> {
            match &*key.name() {
                "index" => index = number(cursor.value()?).unwrap_or(position),
                "id" => id = cursor.string()?,
                "function" | "custom" => call.read_function(cursor)?,
                signed::EXTRA_CONTENT => signature = signed::read(Value::loose(cursor.value()?)),
                _ => {
                    cursor.skip()?;
                }
            }
            Ok(())
        })?;
        call.id = id.map(|id| id.text).unwrap_or_default();
        call.signature = signature;
        self.push_call(call, index);
        Ok(())
    }

    fn push_call(&mut self, call: Call<'a>, block: u32) {
        let channel = Channel { block, ..channel(ChannelKind::ToolArguments) };
        if !call.id.is_empty() || !call.name.is_empty() {
            let (id, name) = (call.id.into_owned(), call.name.into_owned());
            self.parts.push(Part::ToolUse { channel, id, name });
        }
        self.parts.extend(call.signature.map(|signature| Part::Signature { channel, signature }));
        match call.arguments {
            Some(said) => self.push_text(channel, said),
            None => {
                if let Some(object) = call.object {
                    self.rigid = true;
                    self.parts.push(Part::Text { channel, text: object.to_owned() });
                }
            }
        }
    }
}

// === impl Repeated ===

impl Repeated {
    /// Where the texts of a member belong that repeats nothing.
    fn channel(self) -> Channel {
        match self {
            Self::Thoughts => channel(ChannelKind::Reasoning),
            _ => Channel::beside(0),
        }
    }
}

// === impl Repeat ===

impl Repeat {
    /// Whether it tells what a text of this channel said.
    pub(super) fn tells(&self, channel: Channel) -> bool {
        let kind = match self.of {
            Repeated::Kind(kind) => Some(kind),
            Repeated::Thoughts => Some(ChannelKind::Reasoning),
            Repeated::Chunk | Repeated::Answer => None,
        };
        self.choice == channel.choice && kind.is_none_or(|kind| kind == channel.kind)
    }

    /// Whether it tells what the chunks before said.
    pub(super) fn tells_all(&self) -> bool {
        self.of == Repeated::Answer
    }
}

/// One of `tool_calls`.
#[derive(Default)]
struct Call<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    arguments: Option<Said<'a>>,
    /// The arguments, where a provider sends them as an object.
    object: Option<&'a str>,
    signature: Option<String>,
}

// === impl Call ===

impl<'a> Call<'a> {
    /// Reads what is called, and with what. A member that says nothing, as where nulls are written out, takes nothing away.
    fn read_function(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        cursor
            .object(|cursor, key| -> Result<(), DecodeError> {
                match &*key.name() {
                    "name" => {
                        if let Some(name) = cursor.string()? {
                            self.name = name.text;
                        }
                    }
                    "arguments" | "input" => self.read_arguments(cursor)?,
                    _ => {
                        cursor.skip()?;
                    }
                }
                Ok(())
            })
            .map(drop)
    }

    fn read_arguments(&mut self, cursor: &mut Cursor<'a>) -> Result<(), DecodeError> {
        let before = self.object.is_some() || self.arguments.as_ref().is_some_and(|said| !said.text.is_empty());
        let says = match cursor.peek() {
            Some(b'{') => {
                self.object = Some(cursor.value()?);
                true
            }
            _ => match cursor.string()? {
                Some(said) if !before || !said.text.is_empty() => {
                    let says = !said.text.is_empty();
                    self.arguments = Some(said);
                    says
                }
                _ => false,
            },
        };
        match before && says {
            // Nobody could say which of them is meant.
            true => Err(DecodeError::new("a call has its arguments twice").at("choices[].delta.tool_calls[].function")),
            false => Ok(()),
        }
    }
}

/// Visits the thoughts in a value: its strings under names that are known to have some, so that none is taken for one that
/// is a type, an id or a signature. The value was skipped before, and is not nested too deep. `said`: the value has such a
/// name.
fn strings_of_thoughts<'a>(
    cursor: &mut Cursor<'a>,
    said: bool,
    visit: &mut dyn FnMut(Said<'a>),
) -> Result<(), ScanError> {
    match cursor.peek() {
        Some(b'{') => cursor
            .object(|cursor, key| match &*key.name() {
                "text" | "summary" | "thinking" | "content" => strings_of_thoughts(cursor, true, visit),
                _ => cursor.skip().map(drop),
            })
            .map(drop),
        Some(b'[') => cursor.array(|cursor| strings_of_thoughts(cursor, said, visit)).map(drop),
        _ if said => cursor.string().map(|said| said.into_iter().for_each(visit)),
        _ => cursor.skip().map(drop),
    }
}

/// The strings in a member that may repeat something.
fn strings_of<'a>(of: Repeated, data: &'a str, span: &Range<usize>) -> Result<Vec<Said<'a>>, ScanError> {
    let (mut cursor, mut all) = (Cursor::new(&data[span.clone()]), Vec::new());
    let mut visit = |said: Said<'a>| {
        if !said.text.is_empty() {
            all.push(Said { span: span.start + said.span.start..span.start + said.span.end, ..said });
        }
    };
    match of {
        Repeated::Thoughts => strings_of_thoughts(&mut cursor, false, &mut visit)?,
        _ => strings(&mut cursor, is_for_programs, &mut visit)?,
    }
    Ok(all)
}

/// Whether parts say the same as these strings: one kind of them what each string says, or what all say together.
fn is_said(strings: &[Said<'_>], parts: &[Part]) -> bool {
    let kinds = [ChannelKind::Reasoning, ChannelKind::Text, ChannelKind::Refusal, ChannelKind::ToolArguments];
    let texts = kinds.map(|kind| {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text { channel, text } if channel.kind == kind && !channel.is_beside() => Some(&**text),
            _ => None,
        });
        texts.collect::<String>()
    });
    let together: String = strings.iter().map(|said| &*said.text).collect();
    texts.contains(&together) || strings.iter().all(|said| texts.iter().any(|text| *text == said.text))
}

/// Whether a member of what stands beside the answer says nothing.
fn is_for_programs(name: &str) -> bool {
    let exact = ["type", "format", "id", "signature", "thought_signature", "thought_signatures", "data"];
    exact.contains(&name) || name.ends_with("_id") || name.starts_with("encrypted_")
}

/// A channel of the first choice.
fn channel(kind: ChannelKind) -> Channel {
    Channel { choice: 0, block: 0, kind }
}

fn number(text: &str) -> Option<u32> {
    u32::try_from(Value::loose(text).u64().ok()?).ok()
}

fn set_choice(part: &mut Part, index: u32) {
    match part {
        Part::Text { channel, .. } | Part::ToolUse { channel, .. } | Part::Signature { channel, .. } => {
            channel.choice = index;
        }
        Part::Finish { choice, .. } => *choice = index,
        _ => {}
    }
}
