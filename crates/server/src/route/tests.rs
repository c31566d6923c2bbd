use super::*;

/// A route in short.
fn route(method: &Method, path: &str) -> String {
    match Route::of(method, path) {
        Route::Llm(endpoint) => format!("llm {} {}", endpoint.path, endpoint.codec.dialect().as_str()),
        Route::Models(dialect) => format!("models {}", dialect.as_str()),
        Route::WrongMethod(method) => format!("asked with {method}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn dialect_of_errors(path: &str) -> &'static str {
    Route::codec_of(path).dialect().as_str()
}

#[test]
fn every_path_has_its_endpoint() {
    for (path, expected) in [
        ("/v1/chat/completions", "llm /v1/chat/completions openai"),
        ("/openai/v1/chat/completions", "llm /v1/chat/completions openai"),
        ("/openai/chat/completions", "llm /v1/chat/completions openai"),
        ("/v1/messages", "llm /v1/messages anthropic"),
        ("/anthropic/v1/messages", "llm /v1/messages anthropic"),
        ("/anthropic/messages", "llm /v1/messages anthropic"),
    ] {
        assert_eq!(route(&Method::POST, path), expected, "{path}");
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
            assert_eq!(route(&method, path), "asked with POST", "{method} {path}");
        }
    }
}

#[test]
fn models_are_listed_in_the_dialect_of_the_prefix() {
    for (path, expected) in [
        ("/v1/models", "models openai"),
        ("/openai/v1/models", "models openai"),
        ("/openai/models", "models openai"),
        ("/anthropic/v1/models", "models anthropic"),
        ("/anthropic/models", "models anthropic"),
    ] {
        assert_eq!(route(&Method::GET, path), expected, "{path}");
        assert_eq!(route(&Method::POST, path), "asked with GET", "{path}");
    }
}

#[test]
fn what_scopes_can_name_is_an_endpoint() {
    for path in endpoints() {
        let known = [Method::GET, Method::POST].map(|method| route(&method, path));
        assert!(
            known.iter().any(|route| route.starts_with("llm ") || route.starts_with("models ")),
            "{path}: {known:?}"
        );
    }
}

#[test]
fn the_gateway_speaks_of_itself_at_the_root() {
    for (path, expected) in [("/health", "live"), ("/livez", "live"), ("/readyz", "ready"), ("/metrics", "metrics")] {
        assert_eq!(route(&Method::GET, path), expected);
        assert_eq!(route(&Method::GET, &format!("/openai{path}")), "unknown");
        assert_eq!(route(&Method::GET, &format!("/v1{path}")), "unknown");
    }
}

#[test]
fn what_is_nearly_a_path_is_none() {
    for path in [
        "",
        "/",
        "*",
        "/v1",
        "/openai",
        "/openai/",
        "/anthropic/",
        "/chat/completions",
        "/messages",
        "/models",
        "/v1/chat/completions/",
        "//v1/chat/completions",
        "/V1/chat/completions",
        "/v1/messages/count_tokens",
        "/v1/chat%2fcompletions",
        "/openai/v1/messages",
        "/anthropic/v1/chat/completions",
        "/openai/openai/v1/chat/completions",
        "/openai/v1/v1/chat/completions",
        "/anthropicv1/messages",
        "/gemini/v1/messages",
        "/é",
    ] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(route(&method, path), "unknown", "{method} {path}");
        }
    }
}

#[test]
fn an_error_is_told_in_the_dialect_of_the_path() {
    for path in ["/v1/messages", "/v1/messages/count_tokens", "/anthropic/v1/nothing", "/anthropic/v1/models"] {
        assert_eq!(dialect_of_errors(path), "anthropic", "{path}");
    }
    for path in ["/v1/chat/completions", "/openai/v1/messages", "/", "", "/v1/models", "/anthropic"] {
        assert_eq!(dialect_of_errors(path), "openai", "{path}");
    }
}
