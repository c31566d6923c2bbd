use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

/// What is told of the panic of this.
fn of(work: impl FnOnce()) -> String {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(seen)));
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => "none".to_owned(),
        Err(panic) => caught(&*panic),
    }
}

#[test]
fn a_panic_has_its_place() {
    let line = line!() + 1;
    let told = of(|| panic!("no disk"));
    assert!(told.starts_with("no disk, at ") && told.contains("src/panicking/tests.rs:"), "{told}");
    assert!(told.ends_with(&format!(":{line}:22")), "{told}");
    let told = of(|| assert_eq!(1 + 1, 3, "sums"));
    assert!(told.starts_with("assertion `left == right` failed: sums left: 2 right: 3, at "), "{told}");
    assert!(told.contains("src/panicking/tests.rs:"), "{told}");
}

#[test]
fn a_long_text_is_cut_and_its_place_stays() {
    let told = of(|| panic!("{}", "ä".repeat(1000)));
    assert_eq!(told.chars().count(), LONGEST);
    assert!(told.starts_with("äää") && told.contains("ä, at ") && told.contains("src/panicking/tests.rs:"), "{told}");
}

#[test]
fn the_place_of_another_panic_is_not_told() {
    let resumed = of(|| {
        let _caught = catch_unwind(|| panic!("caught"));
        resume_unwind(Box::new("resumed"));
    });
    assert_eq!(resumed, "resumed");
    let nothing = of(|| std::panic::panic_any(7_u8));
    assert!(nothing.starts_with("no message, at "), "{nothing}");
}

#[test]
fn paths_of_other_machines_are_short() {
    for (path, expected) in [
        ("src/lib.rs", "src/lib.rs"),
        ("crates/mine/src/lib.rs", "crates/mine/src/lib.rs"),
        ("/somewhere/mine/src/deep/mod.rs", "mine/src/deep/mod.rs"),
        ("/somewhere/sources/url-2.5.8/src/host.rs", "url-2.5.8/src/host.rs"),
        ("/rustc/0123456789abcdef/library/core/src/option.rs", "core/src/option.rs"),
        (r"C:\Users\me\mine\src\lib.rs", "mine/src/lib.rs"),
        ("/build.rs", "/build.rs"),
        ("/somewhere/out/made.rs", "out/made.rs"),
    ] {
        assert_eq!(short(path), expected);
    }
    let long = short(&format!("src/{}/lib.rs", "deep/".repeat(40)));
    assert!(long.chars().count() == LONGEST_PLACE && long.starts_with('…') && long.ends_with("deep//lib.rs"), "{long}");
}
