//! The numbers of hooks, parts and host functions as the proto has them, written from the tables.

use crate::Part;
use crate::functions::Function;
use gatewright_plugin::Hook;
use std::fmt::Write;

/// What stands before them in the proto; all behind it is written.
pub const MARK: &str =
    "// Written from the tables from here on: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`, then
// `GATEWRIGHT_UPDATE=1 cargo test -p gatewright-proto`.
";

/// The enums.
pub fn numbers() -> String {
    let hooks = Hook::TABLE.iter().map(|row| {
        let layer = format!("{:?}", row.layer).to_lowercase();
        (row.name.to_owned(), row.hook as u32, format!("Of the layer {layer}."))
    });
    let parts = Part::ALL.iter().map(|part| (part.name().to_owned(), *part as u32, String::new()));
    let functions = Function::TABLE.iter().map(|row| {
        let permission = row.permission.map_or("none", |permission| permission.as_str());
        let waits = if row.waits { "waits" } else { "does not wait" };
        let (since, hooks) = (row.since(), row.legal_in());
        let says = format!("{} Permission: {permission}; {waits}; since {since}; in {hooks}.", row.does);
        (row.function.name().replace(['.', '-'], "_"), row.function as u32, says)
    });
    let mut proto = String::new();
    list(&mut proto, "Hook", "The hooks: numbers of `HookCall`, and bits of an introduction.", hooks);
    list(&mut proto, "Part", "The parts of a call: numbers of `PartFetch` and `PartContent`.", parts);
    list(&mut proto, "Function", "The functions of the host: numbers of `HostAsk`.", functions);
    proto
}

/// An enum of these names, numbers and what each says.
fn list(proto: &mut String, name: &str, is: &str, values: impl Iterator<Item = (String, u32, String)>) {
    // Writing to a String does not fail.
    let _ = write!(proto, "\n// {is}\nenum {name} {{\n");
    for (value, number, says) in values {
        if !says.is_empty() {
            let _ = writeln!(proto, "  // {says}");
        }
        let _ = writeln!(proto, "  {}_{} = {number};", name.to_uppercase(), value.to_uppercase());
    }
    proto.push_str("}\n");
}

#[cfg(test)]
mod tests;
