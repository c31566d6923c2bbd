use super::*;

fn facts(endpoint: &str, provider: &str, model: &str, app: &str) -> Facts {
    Facts {
        request_id: "r-1".to_owned(),
        endpoint: endpoint.to_owned(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        app_id: app.to_owned(),
        ..Facts::default()
    }
}

fn list(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
}

/// The share of so many requests that a sample takes.
fn taken(share: f64, ids: impl Iterator<Item = String>) -> f64 {
    let scope = Scope { sample: Some(share), ..Scope::default() };
    let (mut taken, mut all) = (0.0, 0.0);
    for request_id in ids {
        all += 1.0;
        taken += f64::from(scope.holds(&Facts { request_id, ..Facts::default() }));
    }
    taken / all
}

#[test]
fn a_scope_of_nothing_is_everything() {
    assert!(Scope::default().is_everything());
    assert!(Scope::default().holds(&Facts::default()));
    for narrowed in [
        Scope { routes: list(&["*"]), ..Scope::default() },
        Scope { models: list(&["*"]), ..Scope::default() },
        Scope { apps: list(&["a"]), ..Scope::default() },
        Scope { sample: Some(1.0), ..Scope::default() },
    ] {
        assert!(!narrowed.is_everything(), "{narrowed:?}");
    }
}

#[test]
fn an_asterisk_stands_for_any_text_in_any_place() {
    let of = facts("/v1/chat/completions", "openai", "gpt-4o-mini", "");
    for (pattern, holds) in [
        ("*", true),
        ("gpt-*", true),
        ("*mini", true),
        ("*-4o-*", true),
        ("gpt-4o-mini", true),
        ("gpt-4o-mini*", true),
        ("g*4*mini", true),
        ("openai/*", true),
        ("openai/gpt-4o-mini", true),
        ("*/gpt-4o-mini", true),
        ("openai/*-mini", true),
        ("gpt-4o", false),
        ("pt-4o-mini", false),
        ("mini*", false),
        ("GPT-*", false),
        ("gpt-?o-mini", false),
        ("anthropic/*", false),
        ("gpt-4o-mini*i", false),
        ("", false),
    ] {
        assert_eq!(Scope { models: list(&[pattern]), ..Scope::default() }.holds(&of), holds, "{pattern:?}");
    }
}

#[test]
fn one_pattern_of_a_list_is_enough_but_every_list_must_agree() {
    let scope = Scope {
        routes: list(&["/v1/messages", "/v1/chat/*"]),
        models: list(&["gpt-*"]),
        apps: list(&["one", "two"]),
        sample: None,
    };
    assert!(scope.holds(&facts("/v1/chat/completions", "openai", "gpt-4", "two")));
    assert!(!scope.holds(&facts("/v1/models", "openai", "gpt-4", "two")));
    assert!(!scope.holds(&facts("/v1/messages", "openai", "o1", "two")));
    assert!(!scope.holds(&facts("/v1/messages", "openai", "gpt-4", "three")));
}

#[test]
fn what_is_not_known_yet_narrows_nothing() {
    let scope = Scope { models: list(&["gpt-*"]), apps: list(&["one"]), ..Scope::default() };
    assert!(scope.holds(&facts("/v1/messages", "", "", "")));
    assert!(scope.holds(&facts("/v1/messages", "", "gpt-4", "")));
    assert!(!scope.holds(&facts("/v1/messages", "", "o1", "")));
    assert!(!scope.holds(&facts("/v1/messages", "", "", "two")));
}

#[test]
fn applications_are_no_patterns() {
    let scope = Scope { apps: list(&["*"]), ..Scope::default() };
    assert!(!scope.holds(&facts("/", "", "", "one")));
    assert!(scope.holds(&facts("/", "", "", "*")));
}

#[test]
fn a_sample_takes_about_its_share_of_ids_of_any_kind() {
    for share in [0.01, 0.25, 0.5, 0.9] {
        let counted = taken(share, (0..20_000).map(|number| number.to_string()));
        let prefixed = taken(share, (0..20_000).map(|number| format!("0192f0c1-7e6d-7a3b-8f00-{number:012x}")));
        let repeated = taken(share, (1..2_000).map(|length| "x".repeat(length)));
        for (ids, took) in [("numbers", counted), ("alike but for their end", prefixed), ("lengths", repeated)] {
            assert!((took - share).abs() < 0.04, "{took} instead of {share} of {ids}");
        }
    }
}

#[test]
fn a_sample_of_all_takes_all_and_one_of_none_takes_none() {
    let ids = || (0..1_000).map(|number| format!("r-{number}"));
    assert_eq!(taken(1.0, ids()), 1.0);
    assert_eq!(taken(0.0, ids()), 0.0);
}

#[test]
fn a_larger_sample_holds_the_smaller_one() {
    for number in 0..1_000 {
        let of = Facts { request_id: format!("r-{number}"), ..Facts::default() };
        let holds = |share| Scope { sample: Some(share), ..Scope::default() }.holds(&of);
        assert!(!holds(0.2) || holds(0.6), "{number}");
    }
}

#[test]
fn a_draw_is_the_same_in_every_build() {
    // Two gateways side by side, or one after an update, must agree on a request.
    assert!((drawn("") - 0.521_253_724_776_937_5).abs() < 1e-12);
    assert!((drawn("r-1") - 0.874_622_806_906_218_7).abs() < 1e-12);
}
