//! What the encoder takes for granted of a module's types.

use std::collections::{BTreeMap, BTreeSet};
use wit_parser::decoding::decode_world;

/// Checks the types that a module carries, one encoded world a section, before the encoder merges them.
///
/// The encoder follows a package to those that it needs without looking where it has been: packages that need each
/// other, which no WIT can say but bytes can, would overflow its stack and end the process.
pub(crate) fn check(sections: &[&[u8]]) -> Result<(), String> {
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in sections {
        let (resolve, _) = decode_world(section).map_err(|error| format!("{error:#}"))?;
        for (id, package) in resolve.packages.iter() {
            let needed = resolve.package_direct_deps(id).filter_map(|needed| resolve.packages.get(needed));
            needs.entry(package.name.to_string()).or_default().extend(needed.map(|package| package.name.to_string()));
        }
    }
    // Whatever needs nothing of what is left goes, until nothing does.
    while let Some(name) = needs.iter().find(|(_, of)| of.is_empty()).map(|(name, _)| name.clone()) {
        needs.remove(&name);
        for of in needs.values_mut() {
            of.remove(&name);
        }
    }
    if needs.is_empty() {
        return Ok(());
    }
    Err(format!("the packages {} need each other", needs.into_keys().collect::<Vec<_>>().join(", ")))
}
