//! The cases of configs that are wrong.

use crate::case::{About, Outcome};
use crate::runner::{Bench, Loader};
use crate::subject::NotLoaded;
use gatewright_plugin::HookSet;
use serde_json::{Value as Json, json};

/// A key that no plugin has.
const UNKNOWN: &str = "a_key_that_is_not_there";

pub(crate) async fn cases(bench: &mut Bench<'_>) {
    let loader = bench.loader.clone();
    let rule = "A key that it does not know is refused in words";
    let mut config = loader.config().clone();
    if let Json::Object(members) = &mut config {
        members.insert(UNKNOWN.to_owned(), json!(true));
        bench.case(About::Config, "has_unknown_keys", rule, refused(&loader, config)).await;
    }
}

/// To be refused is right, to be taken is a matter of taste, to break is wrong.
async fn refused(loader: &Loader<'_>, config: Json) -> Result<(), Outcome> {
    match loader.stand_with("test", HookSet::EMPTY, config).await {
        Ok(stand) => {
            let _ = stand.end().await;
            Err(Outcome::Advice("it takes it, so that nobody notices a mistake in its config".to_owned()))
        }
        Err(NotLoaded::Refused(message)) if message.trim().is_empty() => {
            Err(Outcome::Advice("it refuses it without a word".to_owned()))
        }
        Err(NotLoaded::Refused(_)) => Ok(()),
        Err(NotLoaded::Broke(message)) => Err(Outcome::Fails(message)),
    }
}
