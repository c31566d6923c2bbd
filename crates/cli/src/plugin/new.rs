//! `gatewright plugin new`.

use super::Fault;
use crate::args::{HostChoice, NewPlugin};
use std::env::consts::{DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

const MANIFEST: &str = include_str!("template/Cargo.toml.in");
const SOURCE: &str = include_str!("template/lib.rs.in");
const PROGRAM: &str = include_str!("template/main.rs.in");
const IGNORED: &str = include_str!("template/gitignore.in");

/// The checkout that this program was built from.
const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

pub(super) fn run(new: &NewPlugin) -> Result<String, Fault> {
    let name = &new.name;
    let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    if !begins || !name.chars().all(legal) || name.ends_with('-') || name.contains("--") {
        return Err(format!(
            "`{name}` is no name for a plugin: it begins with a small letter and has small letters, digits and single `-`"
        ));
    }
    if TAKEN.contains(&name.as_str()) {
        return Err(format!(
            "`{name}` is no name for a plugin: it is a word of Rust's or of cargo's, or a crate that it uses"
        ));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(format!("`{name}` is there already: choose another name, or take it away"));
    }
    let checkout = checkout(new)?;
    if is_ours(name, &checkout) {
        return Err(format!("`{name}` is no name for a plugin: it is a crate of Gatewright's own"));
    }
    let fill = |template: &str| {
        template
            .replace("{name}", name)
            .replace("{snake}", &name.replace('-', "_"))
            .replace("{type}", &type_name(name))
            .replace("{host}", new.host.as_str())
            .replace("{gatewright}", &checkout)
    };
    let write = |file: &str, text: String| {
        let file = folder.join(file);
        fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
    };
    fs::create_dir_all(folder.join("src")).map_err(|error| format!("cannot make the folder {name}: {error}"))?;
    write("Cargo.toml", fill(MANIFEST))?;
    write("src/lib.rs", fill(SOURCE))?;
    write("src/main.rs", fill(PROGRAM))?;
    write(".gitignore", fill(IGNORED))?;
    let artefact = match new.host {
        HostChoice::Wasm => format!("{name}.wasm"),
        HostChoice::Native => format!("{name}{DLL_SUFFIX}"),
        HostChoice::Process => format!("./{name}{EXE_SUFFIX}"),
    };
    Ok(format!(
        "{name} is there. Next:\n  cd {name}\n  cargo test                             # its own test\n  \
         gatewright plugin build                # {artefact}\n  gatewright plugin test {artefact}"
    ))
}

/// Names that cargo or the compiler would refuse, that mean something else in the crate, or that its folders have.
const TAKEN: [&str; 81] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "bool",
    "box",
    "break",
    "build",
    "char",
    "const",
    "continue",
    "core",
    "crate",
    "default",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "f32",
    "f64",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "if",
    "impl",
    "in",
    "incremental",
    "isize",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "src",
    "static",
    "std",
    "str",
    "struct",
    "super",
    "target",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "unsafe",
    "unsized",
    "use",
    "usize",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Where the crates are that a plugin depends on, as its Cargo.toml names it.
fn checkout(new: &NewPlugin) -> Result<String, Fault> {
    let (folder, hint) = match &new.gatewright {
        Some(folder) => (folder.clone(), "name the folder of one"),
        None => (PathBuf::from(BUILT_FROM), "say where one is with `--gatewright DIR`"),
    };
    let missing = || format!("there is no checkout of Gatewright in `{}`: {hint}", folder.display());
    if !folder.join("crates/sdk/Cargo.toml").is_file() {
        return Err(missing());
    }
    let whole = fs::canonicalize(&folder).map_err(|_| missing())?;
    // A backslash begins an escape in a text of TOML's.
    Ok(whole.display().to_string().replace('\\', "/"))
}

/// Whether it is the name of a crate that a plugin depends on, be it by others.
fn is_ours(name: &str, checkout: &str) -> bool {
    let rest = if name == "gatewright" { Some("gateway") } else { name.strip_prefix("gatewright-") };
    rest.is_some_and(|rest| Path::new(checkout).join("crates").join(rest).join("Cargo.toml").is_file())
}

/// `no-secrets` to `NoSecretsPlugin`: without the last word it might be a name of the contract's, or of the language.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    let words = name.strip_suffix("-plugin").unwrap_or(name).split('-').map(word);
    words.chain(["Plugin".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> NewPlugin {
        NewPlugin { name: name.to_owned(), host: HostChoice::Wasm, gatewright: None }
    }

    #[test]
    fn names_become_types() {
        assert_eq!(type_name("no-secrets-2"), "NoSecrets2Plugin");
        assert_eq!(type_name("guard-plugin"), "GuardPlugin");
    }

    #[test]
    fn a_type_hides_none_that_the_source_uses() {
        let used: Vec<&str> = SOURCE.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        assert!(used.contains(&"FromConfig") && used.contains(&"Result"));
        for name in [
            "plugin",
            "request",
            "config",
            "verdict",
            "failure",
            "result",
            "string",
            "access",
            "from-config",
            "cx",
            "deserialize",
            "failure-mode",
        ] {
            assert!(!used.contains(&type_name(name).as_str()), "{name}");
        }
    }

    #[test]
    fn names_that_would_not_compile_are_refused() {
        for name in ["fn", "for", "where", "gen", "serde", "build", "src", "gatewright", "gatewright-sdk", "No", "a--b"]
        {
            let said = run(&named(name)).unwrap_err();
            assert!(said.starts_with(&format!("`{name}` is no name for a plugin: ")), "{said}");
            assert!(!Path::new(name).join("src/lib.rs").exists());
        }
        assert!(!is_ours("gatewright-guard", BUILT_FROM));
    }
}
