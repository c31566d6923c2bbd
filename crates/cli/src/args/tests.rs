use super::*;
use clap::CommandFactory;

/// The options of `serve` with these flags. Tests set no variables: what they would hold is as if the flag were given.
fn options(flags: &[&str]) -> Options {
    match Args::try_parse_from(["gatewright", "serve"].iter().chain(flags)).unwrap().command {
        Command::Serve(options) => options,
        other => panic!("{other:?}"),
    }
}

fn config(text: &str) -> Config {
    gatewright::config::Config::parse(text.as_bytes(), &Default::default()).unwrap().config
}

/// What a config becomes under these flags.
fn applied(text: &str, flags: &[&str]) -> Config {
    let mut config = config(text);
    options(flags).apply(&mut config);
    config
}

const GIVEN: &str = r#"{ "server": { "host": "127.0.0.2", "port": 1, "workers": 3 }, "log_level": "warn",
    "log_style": "pretty" }"#;

#[test]
fn the_command_line_holds_together() {
    Args::command().debug_assert();
}

#[test]
fn every_flag_has_a_variable_of_its_own() {
    let command = Args::command();
    for name in ["serve", "validate"] {
        let flags = command.find_subcommand(name).unwrap().get_arguments().filter(|flag| flag.get_id() != "help");
        for flag in flags.filter(|flag| flag.get_id() != "version") {
            let expected = format!("GATEWRIGHT_{}", flag.get_id().as_str().to_uppercase());
            assert_eq!(flag.get_env().unwrap(), expected.as_str());
        }
    }
}

#[test]
fn without_flags_the_config_is_as_it_is() {
    assert_eq!(applied(GIVEN, &[]), config(GIVEN));
    assert_eq!(applied("{}", &[]), config("{}"));
}

#[test]
fn a_flag_goes_before_the_config() {
    let flags = ["--host", "::1", "--port", "0", "--log-level", "DEBUG", "--log-style", "json", "--workers", "8"];
    for text in [GIVEN, "{}"] {
        let config = applied(text, &flags);
        assert_eq!((config.server.host.as_str(), config.server.port, config.server.workers), ("::1", 0, Some(8)));
        assert_eq!((config.log_level, config.log_style), (LogLevel::Debug, LogStyle::Json));
    }
}

#[test]
fn a_flag_changes_nothing_but_its_key() {
    let mut expected = config(GIVEN);
    expected.server.port = 9;
    assert_eq!(applied(GIVEN, &["--port", "9"]), expected);
}

#[test]
fn no_number_of_workers_is_one_a_core() {
    assert_eq!(applied(GIVEN, &["--workers", "0"]).server.workers, None);
}

#[test]
fn anonymous_clients_are_let_in_only_where_there_are_no_keys() {
    assert!(applied("{}", &["--allow-anonymous"]).auth.allow_anonymous);
    assert!(!applied("{}", &[]).auth.allow_anonymous);
    let with_key = r#"{ "auth": { "keys": [{ "name": "a", "value": "0123456789abcdef" }] } }"#;
    assert!(!applied(with_key, &["--allow-anonymous"]).auth.allow_anonymous, "a flag opens no gateway that has keys");
}

#[test]
fn what_is_no_value_is_refused() {
    for flags in [
        ["--port", "70000"],
        ["--port", "-1"],
        ["--port", "http"],
        ["--workers", "-1"],
        ["--log-level", "loud"],
        ["--log-style", "xml"],
        ["--allow-anonymous", "no"],
        ["--nothing", "x"],
    ] {
        assert!(Args::try_parse_from(["gatewright", "serve"].iter().chain(&flags)).is_err(), "{flags:?}");
    }
    assert!(Args::try_parse_from(["gatewright"]).is_err(), "a command must be named");
}

#[test]
fn both_commands_read_the_same_flags() {
    let flags = ["--config", "a.json", "--port", "5"];
    let parsed = Args::try_parse_from(["gatewright", "validate"].iter().chain(&flags)).unwrap();
    let Command::Validate(options) = parsed.command else { panic!("{parsed:?}") };
    assert_eq!((options.config_file(), options.port), (Some(PathBuf::from("a.json")), Some(5)));
}

#[test]
fn a_named_file_goes_before_the_one_in_the_app_dir() {
    let directory = tempfile::tempdir().unwrap();
    let app_dir = directory.path().to_str().unwrap();
    assert_eq!(options(&["--app-dir", app_dir]).app_dir(), directory.path());
    assert_eq!(options(&["--app-dir", app_dir]).config_file(), None, "it is not there");
    let file = directory.path().join("config.json");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(options(&["--app-dir", app_dir]).config_file(), Some(file));
    let named = options(&["--app-dir", app_dir, "--config", "named.json"]);
    assert_eq!(named.config_file(), Some(PathBuf::from("named.json")), "there or not");
}
