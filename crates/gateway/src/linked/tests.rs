use super::*;
use crate::prelude::*;
use gatewright_telemetry::Metrics;
use std::collections::BTreeMap;

struct Own;

#[plugin]
impl Plugin for Own {}

struct Kind;

#[plugin(name = "kind", version = "2.0.0")]
impl Plugin for Kind {
    fn health(&self, _: &mut Cx, _: &HealthCheck) -> Result<Health, Failure> {
        Ok(Health::ok())
    }
}

impl FromConfig for Kind {
    type Config = BTreeMap<String, u32>;

    fn from_config(config: Self::Config) -> Result<Self, Failure> {
        match config.get("limit") {
            None | Some(0..10) => Ok(Self),
            Some(99) => panic!("no desk"),
            Some(_) => Err("`limit` is at most 9".into()),
        }
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::of_builtins(&Privileges { metrics: Arc::new(Metrics::new()) });
    catalogue.add_instance(Own);
    catalogue.add_plugin::<Kind>();
    catalogue
}

#[test]
fn plugins_are_listed_as_they_were_linked_in() {
    let names = catalogue().names();
    let builtins: Vec<&str> = CATALOG.iter().map(|builtin| builtin.name()).collect();
    assert_eq!(names[..builtins.len()], builtins);
    assert_eq!(names[builtins.len()..], ["own", "kind"]);
    assert_eq!(catalogue().by_default(), ["telemetry", "logging", "own"]);
}

#[test]
fn the_facts_of_a_plugin_are_its_own() {
    let facts = catalogue().plugin("kind").unwrap();
    assert_eq!((facts.manifest.version.as_str(), facts.builtin), ("2.0.0", false));
    assert_eq!(facts.hooks.iter().collect::<Vec<_>>(), [Hook::Health]);
    assert!(catalogue().plugin("logging").unwrap().builtin);
    assert!(catalogue().plugin("nothing").is_none());
}

#[test]
fn a_config_is_tried_before_it_is_used() {
    let catalogue = catalogue();
    let check = |config: Json| catalogue.check_config("kind", &config);
    assert_eq!(check(serde_json::json!({ "limit": 9 })), Ok(()));
    assert_eq!(check(Json::Null), Ok(()), "none is an empty one");
    assert_eq!(check(serde_json::json!({ "limit": 10 })), Err("`limit` is at most 9".to_owned()));
    let said = check(serde_json::json!({ "limit": 99 })).unwrap_err();
    assert!(said.starts_with("panicked: no desk, at ") && said.contains("src/linked/tests.rs:"), "{said}");
    let wrong = check(serde_json::json!({ "limit": "9" })).unwrap_err();
    assert_eq!(wrong, "limit: invalid type: string \"9\", expected u32");
    assert_eq!(catalogue.check_config("nothing", &Json::Null), Ok(()), "that it is not there is said elsewhere");
}

#[test]
fn an_instance_is_one_and_a_kind_makes_many() {
    let catalogue = catalogue();
    let make = |name| catalogue.get(name).unwrap().make(Json::Null).unwrap();
    assert!(Arc::ptr_eq(&make("own"), &make("own")));
    assert!(!Arc::ptr_eq(&make("kind"), &make("kind")));
}
