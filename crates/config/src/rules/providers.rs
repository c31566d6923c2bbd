//! Rules of `providers`.

use super::{NAME_RULE, is_name, once};
use crate::known::known;
use crate::problem::{Findings, Path, shortened};
use crate::url::Address;
use crate::{Config, Found, Network, ProviderConfig, ProviderKind, Secret, Server};
use http::{HeaderName, HeaderValue};

/// Headers that the connection or the body, and not the operator, decides.
const OF_THE_CONNECTION: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn check(config: &Config, found: &[Found], path: &Path, findings: &mut Findings) {
    for (name, provider) in &config.providers {
        if found.iter().any(|found| found.provider == *name) {
            continue;
        }
        let path = path.key(name);
        if !is_name(name) {
            findings.error(&path, format!("`{}` cannot be a provider's name: {NAME_RULE}", shortened(name)));
        } else if provider.enabled {
            one(name, provider, &config.server, &path, findings);
        }
    }
}

fn one(name: &str, provider: &ProviderConfig, server: &Server, path: &Path, findings: &mut Findings) {
    let keys = path.key("keys");
    once(&keys, provider.keys.iter().map(|key| key.name.as_str()), findings);
    for (index, key) in provider.keys.iter().enumerate().filter(|(_, key)| key.enabled) {
        usable(&keys.item(index).key("value"), &key.value, findings);
        patterns(&keys.item(index).key("models"), key.models.as_deref(), findings);
    }
    for (index, model) in provider.models.iter().enumerate().filter(|(_, model)| model.trim().is_empty()) {
        findings.error(&path.key("models").item(index), format!("`{model}` is no model"));
    }
    if provider.kind() != ProviderKind::OpenAi {
        let set = [
            ("stream_usage", provider.stream_usage.is_some()),
            ("max_tokens_field", provider.max_tokens_field.is_some()),
        ];
        for (key, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            findings.warn(&path.key(key), "has no effect: the provider does not speak OpenAI's dialect");
        }
    }
    if provider.kind() == ProviderKind::Demo {
        demo(provider, path, findings);
    } else {
        remote(name, provider, server, path, findings);
    }
    network(&provider.network, &path.key("network"), findings);
}

fn demo(provider: &ProviderConfig, path: &Path, findings: &mut Findings) {
    if provider.base_url.is_some() {
        findings.error(&path.key("base_url"), "the demo answers by itself and has no address");
    }
    if !provider.keys.is_empty() {
        findings.error(&path.key("keys"), "the demo answers by itself and takes no keys");
    }
    if provider.network != Network::default() {
        findings.warn(&path.key("network"), "has no effect: the demo answers by itself");
    }
}

fn remote(name: &str, provider: &ProviderConfig, server: &Server, path: &Path, findings: &mut Findings) {
    address(provider, server, path, findings);
    let keys = path.key("keys");
    let usual = known(name).filter(|known| known.base_url == provider.base_url() && !known.key.is_empty());
    if !findings.is_sound(&keys) {
        return;
    }
    match (provider.keys.iter().any(|key| key.enabled), usual) {
        (true, _) => {}
        (false, _) if !provider.keys.is_empty() => {
            let message = "none of the keys is enabled: enable one, remove them all if none is needed, or disable the \
                           provider";
            findings.error(&keys, message);
        }
        (false, Some(usual)) => {
            let message = format!(
                "{} needs a key: write one with the value `env.{1}`, or set the environment variable `{1}`",
                usual.base_url, usual.key
            );
            findings.error(&keys, message);
        }
        (false, None) => {}
    }
}

fn address(provider: &ProviderConfig, server: &Server, path: &Path, findings: &mut Findings) {
    let path = path.key("base_url");
    if provider.base_url().is_empty() {
        let message = "must be set: this provider's name is not one of those whose address is known";
        return findings.error(&path, message);
    }
    match Address::parse(provider.base_url()) {
        Err(wrong) => findings.error(&path, wrong),
        Ok(address) if address.leads_to(server) => findings.error(&path, "leads to this gateway itself"),
        Ok(address) => {
            if address.is_readable() && provider.keys.iter().any(|key| key.enabled) {
                findings.warn(&path, "is not `https`: anybody on the way can read the keys");
            }
            let usual = crate::known::KNOWN.iter().any(|known| known.base_url == provider.base_url());
            if provider.kind() == ProviderKind::OpenAi && address.is_bare() && !usual {
                findings.warn(&path, "has no path, while most servers compatible with OpenAI's answer under `/v1`");
            }
        }
    }
}

fn network(network: &Network, path: &Path, findings: &mut Findings) {
    if network.retry_backoff_initial_ms > network.retry_backoff_max_ms {
        let message = format!(
            "must not be below retry_backoff_initial_ms ({}), is {}",
            network.retry_backoff_initial_ms.get(),
            network.retry_backoff_max_ms.get()
        );
        findings.error(&path.key("retry_backoff_max_ms"), message);
    }
    for (name, value) in &network.extra_headers {
        let path = path.key("extra_headers").key(name);
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            findings.error(&path, "is not a header's name");
        } else if OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            findings.error(&path, "belongs to the connection and cannot be set");
        } else {
            usable(&path, value, findings);
        }
    }
    let certificate = network.ca_cert_pem.as_ref();
    if certificate
        .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----") || !pem.contains("-----END CERTIFICATE-----"))
    {
        findings.error(&path.key("ca_cert_pem"), "holds no certificate: PEM begins with `-----BEGIN CERTIFICATE-----`");
    }
    if network.insecure_skip_verify {
        findings.warn(
            &path.key("insecure_skip_verify"),
            "any certificate is trusted: anybody on the way can read the keys",
        );
    }
}

/// A secret that a header can carry.
pub(super) fn usable(path: &Path, secret: &Secret, findings: &mut Findings) {
    if secret.expose().is_empty() {
        findings.error(path, "must not be empty");
    } else if HeaderValue::from_str(secret.expose()).is_err() {
        findings.error(path, "has characters that no header can carry, such as a line end");
    }
}

/// Patterns that can match something.
pub(super) fn patterns(path: &Path, patterns: Option<&[String]>, findings: &mut Findings) {
    for (index, _) in patterns.unwrap_or_default().iter().enumerate().filter(|(_, pattern)| pattern.trim().is_empty()) {
        findings.error(&path.item(index), "must not be empty; `*` stands for any text");
    }
}
