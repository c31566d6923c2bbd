//! Rules of `default_provider`, `fallbacks` and `prices`: names that must lead somewhere.

use crate::Config;
use crate::problem::{Findings, Path, shortened};
use crate::suggest::suggest;

/// How many fallbacks one target has at most.
const MAX_FALLBACKS: usize = 16;

pub(super) fn check(config: &Config, root: &Path, findings: &mut Findings) {
    if let Some(name) = &config.default_provider {
        provider(config, name, &root.key("default_provider"), findings);
    }
    let path = root.key("fallbacks");
    for (target, fallbacks) in &config.fallbacks {
        let path = path.key(target);
        if target != "*" {
            self::target(config, target, &path, findings);
        }
        if fallbacks.len() > MAX_FALLBACKS {
            findings.error(&path, format!("must have at most {MAX_FALLBACKS} items, has {}", fallbacks.len()));
        }
        for (index, fallback) in fallbacks.iter().enumerate().take(MAX_FALLBACKS) {
            let path = path.item(index);
            self::target(config, fallback, &path, findings);
            if fallback == target {
                findings.error(&path, "falls back to itself");
            } else if fallbacks[..index].contains(fallback) {
                findings.error(&path, format!("`{}` is in this list before", shortened(fallback)));
            }
        }
    }
    for model in config.prices.keys().filter(|model| model.trim().is_empty()) {
        findings.error(&root.key("prices").key(model), "must be a model or `provider/model`");
    }
}

/// `provider/model` of a provider that is there.
fn target(config: &Config, target: &str, path: &Path, findings: &mut Findings) {
    match target.split_once('/') {
        Some((name, model)) if !name.is_empty() && !model.is_empty() => provider(config, name, path, findings),
        _ => {
            let hint = config.provider_of(target).filter(|_| !target.is_empty()).map(|name| format!("{name}/{target}"));
            let message = format!("`{}` is not `provider/model`", shortened(target));
            findings.hinted(path, message, hint.as_deref().filter(|hint| hint.len() <= 80));
        }
    }
}

fn provider(config: &Config, name: &str, path: &Path, findings: &mut Findings) {
    let message = match config.providers.get(name) {
        Some(provider) if provider.enabled => return,
        Some(_) => format!("the provider `{name}` is disabled"),
        // A provider that was wrong in the file is not there to be found.
        None if !findings.is_sound(&Path::default().key("providers")) => return,
        None => format!("there is no provider `{}`", shortened(name)),
    };
    let hint = suggest(name, config.active_providers().map(|(name, _)| name));
    findings.hinted(path, message, hint);
}
