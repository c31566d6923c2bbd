//! `gatewright plugin new`.

use super::Fault;
use crate::args::NewPlugin;
use std::fs;
use std::path::Path;

const MANIFEST: &str = include_str!("template/Cargo.toml.in");
const SOURCE: &str = include_str!("template/lib.rs.in");

pub(super) fn run(new: &NewPlugin) -> Result<String, Fault> {
    let name = &new.name;
    let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(legal) {
        return Err(format!(
            "`{name}` is no name for a plugin: it begins with a small letter and has small letters, digits and `-`"
        ));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(format!("`{name}` is there already: choose another name, or take the folder away"));
    }
    let checkout = new.gatewright.display().to_string();
    let fill = |template: &str| {
        template
            .replace("{name}", name)
            .replace("{snake}", &name.replace('-', "_"))
            .replace("{type}", &type_name(name))
            .replace("{gatewright}", &checkout)
    };
    let write = |file: &str, text: String| {
        let file = folder.join(file);
        fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
    };
    fs::create_dir_all(folder.join("src")).map_err(|error| format!("cannot make the folder {name}: {error}"))?;
    write("Cargo.toml", fill(MANIFEST))?;
    write("src/lib.rs", fill(SOURCE))?;
    write(".gitignore", "target/\n*.wasm\n".to_owned())?;
    Ok(format!(
        "{name} is there. Next:\n  cd {name}\n  cargo test                 # its own test, linked in\n  gatewright plugin build    # {name}.wasm"
    ))
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
