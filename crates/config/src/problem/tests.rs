use super::{Findings, MAX_PROBLEMS, Path, Problem, Report, Warning};
use crate::testing::errors;

#[test]
fn paths_are_readable() {
    let root = Path::default();
    assert_eq!(root.key("plugins").item(1).key("timeout_seconds").as_str(), "plugins[1].timeout_seconds");
    assert_eq!(root.key("prices").key("openai/gpt-4o").key("input").as_str(), "prices[\"openai/gpt-4o\"].input");
    assert_eq!(root.key("a \"quoted\"\n").as_str(), r#"["a \"quoted\"\n"]"#);
    assert_eq!(root.key("").as_str(), "[\"\"]");
    assert!(root.key(&"k".repeat(1000)).as_str().len() < 80);
}

#[test]
fn what_is_wrong_is_said_once() {
    let mut findings = Findings::default();
    let entry = Path::default().key("plugins").item(1);
    findings.error(&entry, "is wrong");
    findings.error(&entry, "is wrong in another way");
    findings.error(&entry.key("name"), "is missing");
    findings.warn(&entry.key("name"), "looks odd");
    findings.error(&Path::default().key("plugins").item(10), "is another");
    assert!(!findings.is_sound(&Path::default().key("plugins")));
    assert!(!findings.is_sound(&entry.key("config")));
    assert!(findings.is_sound(&Path::default().key("plugins").item(0)));
    assert!(findings.is_sound(&Path::default().key("plug")));
    let report = findings.finish();
    assert_eq!(
        report.errors.iter().map(|error| error.path.as_str()).collect::<Vec<_>>(),
        ["plugins[1]", "plugins[10]"]
    );
    assert!(report.warnings.is_empty());
}

#[test]
fn a_report_has_an_end() {
    let keys: Vec<String> = (0..500).map(|number| format!("\"wrong{number}\": 1")).collect();
    let errors = errors(&format!("{{{}}}", keys.join(",")));
    assert_eq!(errors.len(), MAX_PROBLEMS + 1);
    assert_eq!(errors[MAX_PROBLEMS], "there are more problems than these 100");
}

#[test]
fn reports_are_joined_without_repetition() {
    let problem = Problem { path: "a".into(), message: "is wrong".into(), hint: Some("b".into()) };
    let warning = Warning { path: "b".into(), message: "is odd".into() };
    let mut report = Report { errors: vec![problem.clone()], warnings: vec![warning.clone()] };
    report.absorb(report.clone());
    assert_eq!(report, Report { errors: vec![problem.clone()], warnings: vec![warning.clone()] });
    assert!(!report.is_usable() && Report::default().is_usable());
    assert_eq!(problem.to_string(), "a: is wrong; did you mean `b`?");
    assert_eq!(warning.to_string(), "b: is odd");
}
