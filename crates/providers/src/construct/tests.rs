use super::{BuildFault, build};
use crate::{KeySettings, ProviderKind, ProviderSettings, TlsError, UrlError};
use std::time::Duration;

fn fault(change: impl FnOnce(&mut ProviderSettings)) -> BuildFault {
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.keys = vec![KeySettings::new("k1", "sk-1")];
    change(&mut settings);
    build(settings).err().expect("settings that cannot work").fault().clone()
}

#[test]
fn what_is_whole_is_built() {
    for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Demo] {
        let provider = build(ProviderSettings::new("my-provider_2.0", kind)).unwrap();
        assert_eq!(provider.name(), "my-provider_2.0");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    assert_eq!(fault(|settings| settings.name = "a/b".to_owned()), BuildFault::Name);
    assert_eq!(fault(|settings| settings.name.clear()), BuildFault::Name);
    assert_eq!(
        fault(|settings| settings.base_url = Some("localhost:8000".to_owned())),
        BuildFault::Url(UrlError::Malformed)
    );
    assert_eq!(fault(|settings| settings.keys[0].value = " ".into()), BuildFault::Key("k1".to_owned()));
    assert_eq!(fault(|settings| settings.keys[0].value = "a\nb".into()), BuildFault::Key("k1".to_owned()));
    assert_eq!(fault(|settings| settings.keys[0].weight = -1.0), BuildFault::Weight("k1".to_owned()));
    assert_eq!(fault(|settings| settings.keys[0].weight = f64::NAN), BuildFault::Weight("k1".to_owned()));
    assert_eq!(fault(|settings| settings.keys[0].enabled = false), BuildFault::NoKey);
    assert_eq!(fault(|settings| settings.network.idle_timeout = Duration::ZERO), BuildFault::Range("idle_timeout"));
    assert_eq!(fault(|settings| settings.retry.backoff_max = Duration::MAX), BuildFault::Range("backoff_max"));
    assert_eq!(fault(|settings| settings.network.max_response_bytes = 0), BuildFault::Range("max_response_bytes"));
    for name in ["content-length", "host", "a b"] {
        let header = (name.to_owned(), "x".into());
        assert_eq!(fault(|settings| settings.network.extra_headers.push(header)), BuildFault::Header(name.to_owned()));
    }
}

#[test]
fn certificates_are_read_at_once() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let fault = fault(|settings| settings.network.ca_cert_pem = Some(pem.to_owned()));
        assert!(matches!(fault, BuildFault::Tls(TlsError::Authority(_))), "{pem}: {fault:?}");
    }
}

#[test]
fn the_error_names_the_provider_and_the_setting() {
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.base_url = Some("ftp://x".to_owned());
    let error = build(settings).err().unwrap();
    assert_eq!(error.to_string(), "provider `up`: `base_url` must begin with http:// or https://");
    assert_eq!(error.provider(), "up");
}
