//! The plugin that is measured: the same source linked in and as a component.

use gatewright_plugin::prelude::*;
use serde::Deserialize;

/// Looks at nothing, looks at every text, at every piece of a stream, or replaces every text.
#[derive(Debug)]
pub struct Subject;

/// It has no settings.
#[derive(Debug, Deserialize)]
pub struct Config {}

impl FromConfig for Subject {
    type Config = Config;

    fn from_config(_: Config) -> Result<Self, Failure> {
        Ok(Self)
    }
}

#[plugin(name = "subject")]
impl Plugin for Subject {
    fn pre_request(&self, _: &mut Cx, _: &Request) -> Result<(), Failure> {
        Ok(())
    }

    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut found = false;
        request.texts(|_, text| found |= text.starts_with("sk-"))?;
        Ok(if found { Verdict::block("a key") } else { Verdict::Allow })
    }

    fn pre_llm(&self, _: &mut Cx, request: &mut Draft<Request>) -> Result<PreLlm, Failure> {
        request.map_texts(|_, text| Some([text, "!"].concat()))?;
        Ok(PreLlm::Continue)
    }

    fn on_stream_chunk(&self, _: &mut Cx, text: &mut Draft<ChannelText>) -> Result<(), Failure> {
        if text.text.contains("sk-") {
            text.edit().text.clear();
        }
        Ok(())
    }
}
