//! Looks at a library before it is loaded: loading runs code of it.

use gatewright_abi::native::{MAJOR, SYMBOL, SYMBOL_PREFIX};
use object::{Architecture, Object, ObjectKind, ObjectSegment};

/// A file is no library of a plugin that this gateway can load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlugin {
    /// It is no library of any kind.
    #[error("it is not a shared library: {0}")]
    NotALibrary(String),
    /// It ends too early.
    #[error("it is truncated or damaged: {0}")]
    Truncated(String),
    /// It was built for another machine.
    #[error("it was built for {found}, and this gateway runs on {ours}: build it for this machine")]
    OtherMachine {
        /// The machine that it was built for.
        found: String,
        /// This one.
        ours: String,
    },
    /// It exports no entry symbol.
    #[error("it exports no `{SYMBOL}`{}: it is not a plugin, or was linked so that the symbol is hidden", .0)]
    NoSymbol(String),
    /// It was built for another version of the ABI.
    #[error("it was built for version {found} of the ABI, and this gateway speaks version {MAJOR}: {remedy}")]
    Version {
        /// The version that it was built for.
        found: u32,
        /// What to do.
        remedy: &'static str,
    },
}

/// The most symbols that a message names.
const SHOWN: usize = 5;

/// Whether these bytes are a library with the entry symbol, built for this machine. Runs nothing of it.
pub fn inspect(bytes: &[u8]) -> Result<(), NotAPlugin> {
    object::FileKind::parse(bytes).map_err(|_| not_a_library(bytes))?;
    let damaged = |error: object::Error| NotAPlugin::Truncated(error.to_string());
    let file = object::File::parse(bytes).map_err(damaged)?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(NotAPlugin::NotALibrary(format!("it is {}", described(file.kind()))));
    }
    is_of_here(&file)?;
    for segment in file.segments() {
        let (start, size) = segment.file_range();
        if start.checked_add(size).is_none_or(|end| end > bytes.len() as u64) {
            return Err(NotAPlugin::Truncated(format!(
                "it ends after {} bytes, in the middle of its code",
                bytes.len()
            )));
        }
    }
    let names = file.exports().map_err(damaged)?;
    let names = names.iter().map(|export| String::from_utf8_lossy(export.name()).trim_start_matches('_').to_owned());
    let names: Vec<String> = names.collect();
    if names.iter().any(|name| name == SYMBOL) {
        return Ok(());
    }
    let versions = names.iter().filter_map(|name| name.strip_prefix(SYMBOL_PREFIX)?.parse::<u32>().ok());
    match versions.max() {
        Some(found) if found > MAJOR => {
            Err(NotAPlugin::Version { found, remedy: "upgrade the gateway, or build the plugin with an older SDK" })
        }
        Some(found) => Err(NotAPlugin::Version { found, remedy: "build the plugin with a newer SDK" }),
        None => Err(NotAPlugin::NoSymbol(alike(&names))),
    }
}

/// Whether these bytes are code of any kind that is built for this machine.
pub fn built_for_this_machine(bytes: &[u8]) -> Result<(), NotAPlugin> {
    is_of_here(&object::File::parse(bytes).map_err(|error| NotAPlugin::Truncated(error.to_string()))?)
}

fn is_of_here(file: &object::File<'_>) -> Result<(), NotAPlugin> {
    let found = file.architecture();
    let ours = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "riscv64" => Architecture::Riscv64,
        // Another may be new to the reader of files.
        _ => found,
    };
    match ours == found {
        true => Ok(()),
        false => Err(NotAPlugin::OtherMachine {
            found: format!("{found:?}").to_lowercase(),
            ours: std::env::consts::ARCH.to_owned(),
        }),
    }
}

/// What there is instead, for the message.
fn alike(names: &[String]) -> String {
    let alike: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| name.contains("gatewright")).take(SHOWN).collect();
    match alike.is_empty() {
        true => format!(" ({} symbols, none with `gatewright` in its name)", names.len()),
        false => format!(" (but `{}`)", alike.join("`, `")),
    }
}

fn not_a_library(bytes: &[u8]) -> NotAPlugin {
    const KNOWN: [(&[u8], &str); 4] = [
        (b"\0asm", "it is WASM, whose file should end in `.wasm`"),
        (b"#!", "it is a script"),
        (b"PK", "it is an archive"),
        (b"!<arch>", "it is a static library; build it as a shared one"),
    ];
    if bytes.is_empty() {
        return NotAPlugin::Truncated("it is empty".to_owned());
    }
    if bytes.starts_with(b"\x7fELF") {
        return NotAPlugin::Truncated("its header is not whole".to_owned());
    }
    let known = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic));
    NotAPlugin::NotALibrary(
        known.map_or("what it begins with is of no kind that is known", |(_, what)| what).to_owned(),
    )
}

fn described(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Relocatable => "an object file; link it with `-shared`",
        ObjectKind::Executable => "a program; use `isolation = \"process\"` for one",
        ObjectKind::Core => "a memory dump",
        _ => "of another kind",
    }
}
