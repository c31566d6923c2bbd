use super::{Filter, parse};
use tracing::Level;

#[test]
fn a_word_sets_all_but_noisy_libraries() {
    let targets = parse("debug").unwrap();
    assert!(targets.would_enable("gatewright_engine::attempt", &Level::DEBUG));
    assert!(targets.would_enable("an_embedder", &Level::DEBUG));
    assert!(!targets.would_enable("h2::proto", &Level::DEBUG));
    assert!(targets.would_enable("h2::proto", &Level::INFO));
    assert!(!parse("warn").unwrap().would_enable("h2", &Level::INFO));
    assert!(!parse("off").unwrap().would_enable("gatewright_engine", &Level::ERROR));
}

#[test]
fn directives_win_over_the_word() {
    let targets = parse("info, h2=trace ,gatewright_pipeline=debug").unwrap();
    assert!(targets.would_enable("h2", &Level::TRACE));
    assert!(targets.would_enable("gatewright_pipeline::chain", &Level::DEBUG));
    assert!(!targets.would_enable("gatewright_engine", &Level::DEBUG));
}

#[test]
fn what_is_no_level_is_refused_by_name() {
    for level in ["", "inof", "info,gatewright=loud", "=info", "3", "info,"] {
        let refused = Filter::new(level).unwrap_err().to_string();
        assert!(refused.contains("is not a log level"), "{level}: {refused}");
    }
}
