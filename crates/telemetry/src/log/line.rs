//! From an event to a line.

use super::LogStyle;
use super::conceal::{self, Conceal};
use super::json::write_escaped;
use super::redact::{REDACTED, is_secret_field, redact};
use super::writer::Queue;
use serde_json::value::RawValue;
use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Longest value in a line; a longer one is cut.
const MAX_VALUE_BYTES: usize = 16 << 10;

/// Writes each event as one line, without secrets.
///
/// A field `json:NAME` holds JSON text (see [`Redacted`](super::Redacted)) and is written as it is, under `NAME`.
#[derive(Debug)]
pub(super) struct LineLayer {
    pub(super) style: LogStyle,
    /// Whether a terminal shows colours.
    pub(super) colours: bool,
    pub(super) queue: Queue,
}

/// The fields of a span, as they stand in the lines of its events.
struct SpanFields(String);

/// Writes fields into a line.
struct Fields<'a> {
    line: &'a mut String,
    style: LogStyle,
    /// Of the plugin that the line is about.
    conceal: Option<Conceal>,
}

/// Finds which plugin a line is about.
#[derive(Default)]
struct AboutPlugin(Option<Conceal>);

/// Takes a text up to a limit; what is longer ends in `…`.
struct Cut<'a> {
    text: &'a mut String,
    left: usize,
}

// === impl LineLayer ===

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LineLayer {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = SpanFields(String::new());
        attributes.record(&mut Fields { line: &mut fields.0, style: self.style, conceal: None });
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(&mut Fields { line: &mut fields.0, style: self.style, conceal: None });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        thread_local! {
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        // An event within an event (a `Debug` that logs), or while the thread ends, gets a line of its own.
        let shared = LINE.try_with(|line| {
            let mut line = line.try_borrow_mut().ok()?;
            self.write(event, &context, &mut line);
            Some(())
        });
        if !matches!(shared, Ok(Some(()))) {
            self.write(event, &context, &mut String::new());
        }
    }
}

impl LineLayer {
    fn write<S>(&self, event: &Event<'_>, context: &Context<'_, S>, line: &mut String)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        line.clear();
        self.begin(event, line);
        let mut about = AboutPlugin::default();
        if conceal::any() {
            event.record(&mut about);
        }
        event.record(&mut Fields { line, style: self.style, conceal: about.0 });
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                line.push_str(&fields.0);
            }
        }
        line.push_str(if self.style == LogStyle::Json { "}\n" } else { "\n" });
        self.queue.push(line.as_bytes());
    }

    /// Time, level and target.
    fn begin(&self, event: &Event<'_>, line: &mut String) {
        let metadata = event.metadata();
        let (level, target) = (metadata.level(), metadata.target());
        if self.style == LogStyle::Json {
            line.push_str(r#"{"timestamp":""#);
            // Writing to a text does not fail; here and below.
            let _ = SystemTime.format_time(&mut Writer::new(line));
            let _ = write!(line, r#"","level":"{level}","target":"{target}""#);
            return;
        }
        let _ = SystemTime.format_time(&mut Writer::new(line));
        let _ = match self.colours {
            true => write!(line, " \x1b[{}m{level:>5}\x1b[0m \x1b[2m{target}\x1b[0m", colour(*level)),
            false => write!(line, " {level:>5} {target}"),
        };
    }
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

// === impl Fields ===

impl Fields<'_> {
    /// Begins a field; answers false, having written it, if its value is a secret.
    fn begin(&mut self, name: &'static str) -> bool {
        let secret = is_secret_field(name);
        let _ = match (self.style, name, secret) {
            (LogStyle::Json, _, false) => write!(self.line, r#","{name}":"#),
            (LogStyle::Json, _, true) => write!(self.line, r#","{name}":"{REDACTED}""#),
            (LogStyle::Pretty, "message", _) => write!(self.line, ": "),
            (LogStyle::Pretty, _, false) => write!(self.line, " {name}="),
            (LogStyle::Pretty, _, true) => write!(self.line, " {name}={REDACTED}"),
        };
        !secret
    }

    fn text(&mut self, name: &'static str, text: &str) {
        if !self.begin(name) {
            return;
        }
        let concealed = self.conceal.as_ref().map(|conceal| conceal(text));
        let text = concealed.as_deref().unwrap_or(text);
        let text = redact(match text.len() {
            ..=MAX_VALUE_BYTES => text,
            _ => &text[..text.floor_char_boundary(MAX_VALUE_BYTES)],
        });
        let quotes = if self.style == LogStyle::Json || !(name == "message" || is_plain(&text)) { "\"" } else { "" };
        self.line.push_str(quotes);
        let _ = write_escaped(self.line, &text);
        self.line.push_str(quotes);
    }

    fn debug(&mut self, name: &'static str, value: &dyn Debug) {
        thread_local! {
            static VALUE: Cell<String> = const { Cell::new(String::new()) };
        }
        let mut text = VALUE.try_with(Cell::take).unwrap_or_default();
        text.clear();
        let _ = write!(Cut { text: &mut text, left: MAX_VALUE_BYTES }, "{value:?}");
        // A secret that stands in it as it stands in JSON is one word; else it is written as a text.
        if let (Some(conceal), true) = (&self.conceal, name.starts_with("json:")) {
            text = conceal(&text);
        }
        match name.strip_prefix("json:") {
            Some(name) if is_json(&text) => {
                if self.begin(name) {
                    self.line.push_str(&text);
                }
            }
            Some(name) => self.text(name, &text),
            None => self.text(name, &text),
        }
        let _ = VALUE.try_with(|kept| kept.set(text));
    }

    fn plain(&mut self, name: &'static str, value: impl std::fmt::Display) {
        if self.begin(name) {
            let _ = write!(self.line, "{value}");
        }
    }
}

impl Visit for AboutPlugin {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "plugin" {
            self.0 = conceal::of(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "plugin" {
            self.0 = conceal::of(&format!("{value:?}"));
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.plain(field.name(), value),
            false => self.plain(field.name(), "null"),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.debug(field.name(), value);
    }
}

// === impl Cut ===

impl Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if text.len() <= self.left {
            self.left -= text.len();
            self.text.push_str(text);
        } else if self.left > 0 {
            self.text.push_str(&text[..text.floor_char_boundary(self.left)]);
            self.text.push('…');
            self.left = 0;
        }
        Ok(())
    }
}

/// Whether a text is one JSON value on one line, so that it cannot break the line it is put into.
fn is_json(text: &str) -> bool {
    !text.contains(['\n', '\r']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether a text can do without quotes in a line for people.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\'))
}

#[cfg(test)]
mod tests;
