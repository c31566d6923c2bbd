//! `include/gatewright_plugin.h`: what is written by hand, and what follows from the tables.

use super::{MAJOR, MINOR, SYMBOL};
use crate::Part;
use crate::functions::Function;
use gatewright_plugin::{Direction, Hook};
use std::fmt::Write;

/// The part that is written by hand, with places for the rest.
const TEMPLATE: &str = include_str!("header.h.in");

/// The whole header.
pub fn header() -> String {
    let (mut hooks, mut numbers, mut parts, mut functions) =
        (String::new(), String::new(), String::new(), String::new());
    for row in Hook::TABLE {
        let number = row.hook as u8;
        let order = match row.direction {
            Direction::Forward => "",
            Direction::Reverse => ", last plugin first",
            Direction::None => ", of one plugin",
        };
        let layer = format!("{:?}", row.layer).to_lowercase();
        // Writing to a String does not fail.
        let _ = writeln!(hooks, "  gatewright_hook {}; /* {number}: {layer}{order} */", row.name);
        let _ = writeln!(numbers, "#define GATEWRIGHT_HOOK_{} {number}", row.name.to_uppercase());
    }
    for part in Part::ALL {
        let _ = writeln!(parts, "#define GATEWRIGHT_PART_{} {}", part.name().to_uppercase(), part as u32);
    }
    for row in Function::TABLE {
        let permission = row.permission.map_or("none", |permission| permission.as_str());
        let waits = if row.waits { "waits" } else { "does not wait" };
        let name = row.function.name().replace(['.', '-'], "_").to_uppercase();
        let (since, hooks) = (row.since(), row.legal_in());
        let _ = writeln!(functions, "/* {} Permission: {permission}; {waits}; since {since}; in {hooks}.", row.does);
        let _ = writeln!(functions, " * {} -> {} */", row.argument, row.result);
        let _ = writeln!(functions, "#define GATEWRIGHT_FUNCTION_{name} {}", row.function as u32);
    }
    TEMPLATE
        .replace("@MAJOR@", &MAJOR.to_string())
        .replace("@MINOR@", &MINOR.to_string())
        .replace("@SYMBOL@", SYMBOL)
        .replace("@HOOKS@\n", &hooks)
        .replace("@HOOK_NUMBERS@\n", &numbers)
        .replace("@PARTS@\n", &parts)
        .replace("@FUNCTIONS@\n", &functions)
}
