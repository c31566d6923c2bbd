//! Writes an edited object of the same dialect: only what was edited is written, the rest keeps its bytes.

use crate::{
    json::{folded_name, write},
    scan::{self, ScanError},
};
use bytes::{Bytes, BytesMut};
use gatewright_model::{Extra, Raw};
use std::collections::{HashMap, HashSet};

/// The members that differ from the wire. A payload without wire differs in all that it says.
#[derive(Debug, Default)]
pub(crate) struct Changes(Vec<Change>);

#[derive(Debug)]
struct Change {
    /// The names that the member may have; it is added under the first.
    names: &'static [&'static str],
    /// `None` takes the member out.
    value: Option<Bytes>,
    /// Whether it stands where the wire had it, so that it is not to be added.
    written: bool,
}

/// The object `text` with its members in their order, changed ones changed, new ones at the end. `old` and `new`: the
/// members that the model has no field for, before and after the edits; none of them can stand for a member that it has a
/// field for, which are those of `text` and `reserved`, or be mistaken for it.
pub(crate) fn rewrite(
    text: &str,
    old: &Extra,
    new: &Extra,
    mut changes: Changes,
    reserved: &[&str],
) -> Result<Bytes, ScanError> {
    let (before, now) = (by_name(old), by_name(new));
    let mut said: HashSet<String> = reserved.iter().map(|name| (*name).to_owned()).collect();
    let mut out = BytesMut::with_capacity(text.len() + 256);
    write::object(&mut out, |object| {
        for member in scan::members(text) {
            let member = member?;
            let name = member.name();
            said.insert(folded_name(&name));
            if let Some(change) = changes.find(&name) {
                change.written = true;
                if let Some(value) = &change.value {
                    object.key(&name).extend_from_slice(value);
                }
                continue;
            }
            match (before.get(&*name), now.get(&*name)) {
                (Some(_), None) => {}
                (Some(_), Some(now)) => object.raw(&name, now.as_str()),
                (None, _) => object.raw(&name, member.value),
            }
        }
        for (name, value) in new.iter().filter(|(name, _)| !before.contains_key(&**name)) {
            if changes.find(name).is_none() && said.insert(folded_name(name)) {
                object.raw(name, value.as_str());
            }
        }
        changes.write(object);
        Ok(())
    })?;
    Ok(out.freeze())
}

/// Members by their names, of which a client may send any number.
fn by_name(extra: &Extra) -> HashMap<&str, &Raw> {
    extra.iter().rev().map(|(name, value)| (&**name, value)).collect()
}

/// The most elements among which one that is not where it was is searched for.
const MOST_SEARCHED: usize = 1024;

/// The array `name` of the object `text` with the elements `new`: those that were there before (`old`) as they stand,
/// others written by `write`. `None` if there are none.
pub(crate) fn array<T: PartialEq, E>(
    (text, name): (&str, &str),
    old: &[T],
    new: &[T],
    mut write: impl FnMut(&mut write::ArrayWriter<'_>, &T) -> Result<(), E>,
) -> Result<Option<Bytes>, E> {
    if new.is_empty() {
        return Ok(None);
    }
    let raw = elements(text, name);
    let (mut out, mut next) = (BytesMut::new(), 0);
    write::array(&mut out, |array| {
        new.iter().try_for_each(|element| {
            // Most stand behind the one before, as they did.
            let index = match old.get(next) == Some(element) {
                true => Some(next),
                false => old.iter().take(MOST_SEARCHED).position(|old| old == element),
            };
            match index.and_then(|index| Some((index, raw.get(index)?))) {
                Some((index, raw)) => {
                    next = index + 1;
                    array.raw(raw);
                    Ok(())
                }
                None => write(array, element),
            }
        })
    })?;
    Ok(Some(out.freeze()))
}

/// The elements of the array `name` in the object `text`, as they stand.
pub(crate) fn elements<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let array = scan::members(text).flatten().filter(|member| member.name() == name).map(|member| member.value).last();
    array.into_iter().flat_map(scan::elements).flatten().map(|element| element.value).collect()
}

// === impl Changes ===

impl Changes {
    /// Notes a member if it differs.
    pub(crate) fn note<T: PartialEq>(
        &mut self,
        names: &'static [&'static str],
        old: &Option<T>,
        new: &Option<T>,
        write: impl FnOnce(&mut BytesMut, &T),
    ) {
        if old != new {
            self.set(names, new.as_ref().map(|value| write::to_json(|out| write(out, value))));
        }
    }

    /// Notes a member that differs.
    pub(crate) fn set(&mut self, names: &'static [&'static str], value: Option<Bytes>) {
        self.0.push(Change { names, value, written: false });
    }

    /// Writes those that do not stand in the object yet.
    pub(crate) fn write(self, object: &mut write::ObjectWriter<'_>) {
        for Change { names, value, .. } in self.0.into_iter().filter(|change| !change.written) {
            if let Some(value) = value {
                object.key(names[0]).extend_from_slice(&value);
            }
        }
    }

    /// The names of the members that will be written.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.iter().filter(|change| change.value.is_some()).map(|change| change.names[0]).collect()
    }

    fn find(&mut self, name: &str) -> Option<&mut Change> {
        self.0.iter_mut().find(|change| change.names.contains(&name))
    }
}
