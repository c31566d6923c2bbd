//! Secrets that only a config knows: they are in no line about the plugin whose they are.

use arc_swap::ArcSwap;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Takes the secrets of a plugin out of a text.
pub type Conceal = Arc<dyn Fn(&str) -> String + Send + Sync>;

type OfPlugins = BTreeMap<Box<str>, Conceal>;

/// The most plugins that are remembered once they are gone: their last lines may be yet to come.
const MOST: usize = 1024;

/// By the names of instances, for the whole process, as its log is.
static OF_PLUGINS: LazyLock<ArcSwap<OfPlugins>> = LazyLock::new(ArcSwap::default);

/// From now on, lines that have one of these names as `plugin` are written without its secrets.
pub fn conceal(plugins: impl IntoIterator<Item = (Box<str>, Conceal)>) {
    let new: OfPlugins = plugins.into_iter().collect();
    OF_PLUGINS.rcu(|known| match known.len() < MOST {
        true => known.iter().chain(&new).map(|(name, conceal)| (name.clone(), conceal.clone())).collect(),
        false => new.clone(),
    });
}

/// A text about a plugin without its secrets.
pub fn concealed<'a>(plugin: &str, text: &'a str) -> Cow<'a, str> {
    match of(plugin) {
        Some(conceal) => Cow::Owned(conceal(text)),
        None => Cow::Borrowed(text),
    }
}

/// Whether any plugin has secrets.
pub(super) fn any() -> bool {
    !OF_PLUGINS.load().is_empty()
}

pub(super) fn of(plugin: &str) -> Option<Conceal> {
    OF_PLUGINS.load().get(plugin).cloned()
}
