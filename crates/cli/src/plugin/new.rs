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
    if KEYWORDS.contains(&name.as_str()) {
        return Err(format!("`{name}` is no name for a plugin: it is a word of Rust's, or of cargo's"));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(format!("`{name}` is there already: choose another name, or take it away"));
    }
    let checkout = checkout(new)?;
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

/// Names that cargo, or the compiler, would refuse.
const KEYWORDS: [&str; 14] = [
    "abstract", "async", "await", "core", "crate", "default", "final", "match", "self", "static", "std", "super",
    "test", "type",
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

/// `no-secrets` to `NoSecrets`.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types() {
        assert_eq!(type_name("no-secrets-2"), "NoSecrets2");
    }
}
