//! The logic that is measured: at one hook nothing is looked at, at another every text is.

use gatewright_plugin::prelude::*;

/// Looks.
#[derive(Debug)]
pub(crate) struct Looker;

#[plugin]
impl Plugin for Looker {
    fn pre_request(&self, _: &mut Cx, _: &Request) -> Result<(), Failure> {
        Ok(())
    }

    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut found = false;
        request.texts(|_, text| found |= text.contains("rosebud"))?;
        Ok(if found { Verdict::block("a word") } else { Verdict::Allow })
    }
}

impl FromConfig for Looker {
    type Config = Option<()>;

    fn from_config(_: Option<()>) -> Result<Self, Failure> {
        Ok(Self)
    }
}
