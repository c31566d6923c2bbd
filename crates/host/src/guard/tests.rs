use super::*;
use gatewright_plugin::services::{Level, LogRecord, SampleKind};
use gatewright_testkit::request;
use gatewright_testkit::services::MockServices;

const EVERY: [Permission; 5] =
    [Permission::Metrics, Permission::Records, Permission::Kv, Permission::Http, Permission::Llm];

/// Services with these permissions, of a plugin that asks for all but `records`.
fn granted(permissions: &[Permission]) -> (MockServices, Services) {
    let mocks = MockServices::default();
    let set = (*mocks.services()).clone();
    let asked = Permission::ALL.into_iter().filter(|permission| *permission != Permission::Records).collect();
    let services = guarded(set, &permissions.iter().copied().collect(), &asked);
    (mocks, services)
}

/// What each service says to a call of each of its methods, by permission.
async fn answers(services: &Services) -> Vec<(Permission, Result<(), String>)> {
    let told = |result: Result<(), ServiceError>| result.map_err(|error| error.to_string());
    let sample = Sample { name: "seen", kind: SampleKind::Count, value: 1.0, labels: &[] };
    let record = Record { table: "seen".to_owned(), row: serde_json::Map::new() };
    let call = HttpCall::post_json("https://example.com", &serde_json::json!({}));
    let kv = &services.kv;
    let facts = Facts::default();
    vec![
        (Permission::Metrics, told(services.metrics.record(&sample))),
        (Permission::Records, told(services.records.append(record))),
        (Permission::Kv, told(kv.get("k").await.map(drop))),
        (Permission::Kv, told(kv.set("k", "1".into(), None).await)),
        (Permission::Kv, told(kv.list("k", 1).await.map(drop))),
        (Permission::Kv, told(kv.increment("k", 1).await.map(drop))),
        (Permission::Kv, told(kv.compare_and_set("k", None, Bytes::new()).await.map(drop))),
        (Permission::Kv, told(kv.delete("k").await.map(drop))),
        (Permission::Http, told(services.http.send(call).await.map(drop))),
        (
            Permission::Llm,
            services.llm.complete(&facts, request("m").user("hi").build()).await.map(drop).map_err(|e| e.to_string()),
        ),
    ]
}

fn is_refused(permission: Permission, answer: &Result<(), String>) -> bool {
    let refusal = format!("permission `{}` is not granted: ", permission.as_str());
    answer.as_ref().is_err_and(|message| message.starts_with(&refusal))
}

#[tokio::test]
async fn a_refusal_names_the_permission() {
    let (mocks, services) = granted(&[]);
    for (permission, answer) in answers(&services).await {
        assert!(is_refused(permission, &answer), "{permission:?}: {answer:?}");
    }
    assert!(mocks.metrics.samples().is_empty() && mocks.records.rows().is_empty() && mocks.http.calls().is_empty());
}

#[tokio::test]
async fn a_refusal_says_what_was_refused_and_what_allows_it() {
    let (_, services) = granted(&[]);
    let told: Vec<String> = answers(&services).await.into_iter().filter_map(|(_, answer)| answer.err()).collect();
    let whats: Vec<&str> = told.iter().filter_map(|message| message.split_once(": ")).map(|(_, what)| what).collect();
    let add = |what, grant| format!("{what}; add {grant} to `permissions` of its entry in the config");
    let kv = |what| add(what, r#""kv""#);
    let expected = [
        add("metric seen", r#""metrics""#),
        "a row for seen; the plugin's manifest does not ask for it".to_owned(),
        kv("get"),
        kv("set"),
        kv("list"),
        kv("increment"),
        kv("compare_and_set"),
        kv("delete"),
        add("a POST request", r#"{"http": ["HOST"]}"#),
        add("an LLM request", r#""llm""#),
    ];
    assert_eq!(whats, expected);
}

#[tokio::test]
async fn a_permission_grants_its_own_service_and_no_other() {
    for own in EVERY {
        let (_, services) = granted(&[own]);
        for (permission, answer) in answers(&services).await {
            assert_eq!(is_refused(permission, &answer), permission != own, "{own:?}: {permission:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_management_api_grants_nothing_else() {
    let (_, services) = granted(&[Permission::Services]);
    assert!(answers(&services).await.iter().all(|(permission, answer)| is_refused(*permission, answer)));
}

#[tokio::test]
async fn a_refused_llm_request_is_an_error_of_permission() {
    let (_, services) = granted(&[]);
    let error = services.llm.complete(&Facts::default(), request("m").user("hi").build()).await.unwrap_err();
    assert_eq!((error.kind, error.status()), (ErrorKind::PermissionDenied, 403));
}

#[test]
fn everybody_may_log() {
    let (mocks, services) = granted(&[]);
    services.log.log(&LogRecord { level: Level::Info, message: "hi", fields: &[], request_id: "" });
    assert_eq!(mocks.log.lines().len(), 1);
}
