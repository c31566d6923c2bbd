//! Certificates, and what is negotiated.

use crate::support::*;
use gatewright_model::ErrorKind;
use gatewright_providers::{ProviderKind, ProviderSettings};
use http::Version;

fn settings(upstream: &Modern) -> ProviderSettings {
    let mut settings = ProviderSettings::new("up", ProviderKind::OpenAi);
    settings.base_url = Some(upstream.https());
    settings
}

#[tokio::test]
async fn unknown_certificates_are_refused() {
    let upstream = Modern::tls(certificate().0).await;
    let error = failure(&provider(settings(&upstream)), call(false)).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Upstream, Some("connect_failed")));
    assert!(error.message.contains("certificate"), "{error}");
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted() {
    for (offered, expected) in [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11)] {
        let (mut config, pem) = certificate();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let upstream = Modern::tls(config).await;
        upstream.open(100);
        let mut settings = settings(&upstream);
        settings.network.ca_cert_pem = Some(pem);
        let provider = provider(settings);
        for _ in 0..5 {
            assert_eq!(text(&provider.attempt(call(false)).await.unwrap()), "Hello there");
        }
        assert_eq!(upstream.connections(), 1);
        assert!(upstream.heads().iter().all(|(version, _, _)| *version == expected));
        let burst = futures_util::future::join_all((0..10).map(|_| provider.attempt(call(false)))).await;
        assert!(burst.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn a_cold_burst_learns_what_is_spoken() {
    for (offered, most) in [(&["h2"][..], 1), (&["http/1.1"], 20)] {
        let (mut config, pem) = certificate();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let upstream = Modern::tls(config).await;
        upstream.open(20);
        let mut settings = settings(&upstream);
        settings.network.ca_cert_pem = Some(pem);
        let provider = provider(settings);
        let burst = futures_util::future::join_all((0..20).map(|_| provider.attempt(call(false)))).await;
        assert!(burst.iter().all(Result::is_ok));
        assert!(upstream.connections() <= most, "{} connections", upstream.connections());
    }
}

#[tokio::test]
async fn checks_can_be_left_out() {
    let upstream = Modern::tls(certificate().0).await;
    upstream.open(1);
    let mut settings = settings(&upstream);
    settings.network.insecure_skip_verify = true;
    assert_eq!(text(&provider(settings).attempt(call(false)).await.unwrap()), "Hello there");
}

#[tokio::test]
async fn http2_can_be_enforced() {
    let (mut config, pem) = certificate();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let upstream = Modern::tls(config).await;
    upstream.open(1);
    let mut settings = settings(&upstream);
    settings.network.ca_cert_pem = Some(pem);
    settings.network.enforce_http2 = true;
    provider(settings).attempt(call(false)).await.unwrap();
    assert_eq!(upstream.heads()[0].0, Version::HTTP_2);
}
