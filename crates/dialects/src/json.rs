//! Reading and writing JSON text in place: values that know the buffer they lie in, writers that never fail, and
//! patches that leave the rest as it was.

mod alike;
mod fault;
mod legible;
mod object;
mod patch;
mod text;
mod value;
pub(crate) mod write;

pub(crate) use alike::{folded_name, is_mistaken_for};
pub(crate) use fault::{Fault, Read};
pub(crate) use object::{Object, extra};
pub(crate) use patch::{Edits, with_members};
pub use text::plain_if_json;
pub(crate) use text::{plain, unescape, write_string};
pub(crate) use value::{Kind, Value};

#[cfg(test)]
mod tests;
