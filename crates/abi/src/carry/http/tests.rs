use super::*;
use gatewright_plugin::Manifest;

fn changed_by(asks_for: &[&str], name: &str) -> Result<Headers, Unfit> {
    let manifest = asks_for.iter().fold(Manifest::new("p", "1"), |manifest, name| manifest.header(name));
    let mut headers = Headers::default();
    let edits = HeaderEdits::from_iter([(name.to_owned(), vec!["new".to_owned()])]);
    change(&mut headers, edits, &View::of(&manifest)).map(|()| headers)
}

#[test]
fn who_does_not_ask_for_a_credential_does_not_change_it() {
    for (asks_for, name, taken) in [
        (&[][..], "x-trace", true),
        (&[], "Authorization", false),
        (&["*"], "x-api-key", false),
        (&["cookie"], "authorization", false),
        (&["authorization"], "Authorization", true),
    ] {
        let changed = changed_by(asks_for, name);
        assert_eq!(changed.is_ok(), taken, "{asks_for:?} {name}");
        if let Err(unfit) = changed {
            assert!(unfit.to_string().contains("its manifest does not ask for"), "{unfit}");
        }
    }
}
