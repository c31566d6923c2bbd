use super::*;

const AMPLE: Duration = Duration::from_secs(60);

/// What comes of a runner that does this.
async fn of(script: &str) -> Rehearsed {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    rehearsed(command, AMPLE).await
}

async fn refused(script: &str) -> String {
    match of(script).await {
        Rehearsed::Refused(why) => why,
        rehearsed => panic!("{script}: {rehearsed:?}"),
    }
}

#[tokio::test]
async fn a_library_was_opened_where_the_runner_says_so_with_its_word() {
    let opened = of(r#"read word; printf '%s\n{"Ok":"all well"}\n' "$word" >&0"#).await;
    assert!(matches!(&opened, Rehearsed::Opened(said) if said == "all well"), "{opened:?}");
    let why = refused(r#"read word; printf '%s\n{"Err":"it is damp"}\n' "$word" >&0; exit 1"#).await;
    assert_eq!(why, "it is damp");
}

#[tokio::test]
async fn a_process_that_ends_without_a_word_opened_nothing() {
    let ended =
        |how: &str| format!("its constructors or its entry ended the process in which it was opened first {how}");
    for (script, how) in [
        ("exit 0", "(code 0)"),
        ("exit 1", "(code 1)"),
        ("kill -ABRT $$", "by signal 6"),
        // What a library prints, or writes where it finds something to write to, is no word.
        (r#"printf 'x\n{"Ok":""}\n'"#, "(code 0)"),
        (r#"printf 'x\n{"Ok":""}\n' >&0"#, "(code 0)"),
    ] {
        assert_eq!(refused(script).await, ended(how), "{script}");
    }
}

#[tokio::test]
async fn a_library_whose_end_fails_is_not_opened() {
    for (end, how) in [("exit 3", "(code 3)"), ("kill -SEGV $$", "by signal 11")] {
        let why = refused(&format!(r#"read word; printf '%s\n{{"Ok":""}}\n' "$word" >&0; {end}"#)).await;
        assert_eq!(why, format!("its destructors ended the process in which it was opened first {how}"));
    }
}

#[tokio::test]
async fn one_that_does_not_end_is_not_waited_for() {
    let opens = r#"read word; printf '%s\n{"Ok":""}\n' "$word" >&0; "#;
    for (begins, hangs) in [("", "its constructors or its entry hang"), (opens, "its destructors hang")] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{begins}exec sleep 1000")]);
        let hung = rehearsed(command, Duration::from_secs(1)).await;
        assert!(matches!(&hung, Rehearsed::Refused(why) if why.contains(hangs)), "{hung:?}");
    }
}

#[tokio::test]
async fn no_process_is_no_judgement() {
    let none = rehearsed(Command::new("/nowhere/gatewright"), AMPLE).await;
    assert!(matches!(none, Rehearsed::NotStarted(_)), "{none:?}");
}
