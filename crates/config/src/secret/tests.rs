use super::Secret;

#[test]
fn is_never_shown() {
    let literal = Secret::literal("sk-very-secret");
    let referred = Secret::from_variable("OPENAI_API_KEY", "sk-very-secret");
    for secret in [&literal, &referred] {
        assert_eq!(secret.expose(), "sk-very-secret");
        let shown = format!("{secret:?} {secret:#?} {}", serde_json::to_string(secret).unwrap());
        assert!(!shown.contains("very"), "{shown}");
    }
    assert_eq!(serde_json::to_value(&literal).unwrap(), "***");
    assert_eq!(serde_json::to_value(&referred).unwrap(), "env.OPENAI_API_KEY");
}

#[test]
fn loses_the_line_end_that_files_of_secrets_have() {
    assert_eq!(Secret::from_variable("KEY", " sk-1\r\n").expose(), "sk-1");
    assert_eq!(Secret::literal("sk-1\n").expose(), "sk-1");
}

#[test]
fn matches_itself_only() {
    let secret = Secret::literal("sk-1234");
    assert!(secret.matches(b"sk-1234"));
    for other in ["", "sk-123", "sk-12345", "sk-1235", "Sk-1234"] {
        assert!(!secret.matches(other.as_bytes()), "{other}");
    }
    assert_ne!(secret, Secret::from_variable("KEY", "sk-1234"));
    assert_ne!(secret, Secret::literal("sk-1235"));
}
