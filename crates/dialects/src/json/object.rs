//! The members of one object, taken out one after the other.

use super::{
    Fault, Kind, Read, Value,
    alike::{folded_name, is_mistaken_for, may_be_mistaken},
};
use crate::scan;
use gatewright_model::{Extra, Raw};
use smallvec::SmallVec;
use std::{borrow::Cow, collections::HashSet};

/// The members of one object. A reader takes out those that it knows; what remains is [`Object::rest`].
#[derive(Debug)]
pub(crate) struct Object<'a> {
    members: SmallVec<[(Cow<'a, str>, Value<'a>); 8]>,
    /// In a request: some readers may take one of the names for another.
    ambiguous: bool,
}

/// Above this many members, names that stand twice are found with a set.
const FEW: usize = 24;

// === impl Object ===

impl<'a> Object<'a> {
    pub(super) fn read(value: Value<'a>) -> Read<Self> {
        if value.kind() != Kind::Object {
            return Err(Fault::new("must be an object"));
        }
        let mut members = SmallVec::new();
        for member in scan::members(value.text()) {
            let member = member?;
            members.push((member.name(), Value { text: member.value, ..value }));
        }
        let mut object = Self { members, ambiguous: false };
        if let Some(index) = object.repeated() {
            if !value.lenient {
                return Err(Fault::new("stands there twice").under(&object.members[index].0));
            }
            object.keep_last();
        }
        if !value.lenient {
            object.ambiguous = object.members.iter().any(|(name, _)| may_be_mistaken(name));
            object.refuse_alike()?;
        }
        Ok(object)
    }

    /// Keeps the last member of each name.
    fn keep_last(&mut self) {
        let mut later = HashSet::new();
        let last: Vec<bool> = self.members.iter().rev().map(|(name, _)| later.insert(&**name)).collect();
        let mut last = last.into_iter().rev();
        self.members.retain(|_| last.next().unwrap_or_default());
    }

    /// Refuses two names of which some readers see one.
    fn refuse_alike(&self) -> Read<()> {
        if !self.ambiguous {
            return Ok(());
        }
        let mut names = HashSet::new();
        match self.members.iter().find(|(name, _)| !names.insert(folded_name(name))) {
            Some((name, _)) => Err(Fault::new("stands there twice, but for case").under(name)),
            None => Ok(()),
        }
    }

    /// Refuses a member that some readers take for `known`, which is about to be read.
    pub(crate) fn refuse_mistaken(&self, known: &str) -> Read<()> {
        let mut names = self.members.iter().filter(|_| self.ambiguous).map(|(name, _)| name);
        match names.find(|name| is_mistaken_for(name, known)) {
            Some(name) => Err(Fault::new(format!("must be written `{known}`")).under(name)),
            None => Ok(()),
        }
    }

    /// The first member whose name comes again.
    fn repeated(&self) -> Option<usize> {
        let names = || self.members.iter().map(|(name, _)| &**name);
        if self.members.len() <= FEW {
            return names().enumerate().position(|(index, name)| names().skip(index + 1).any(|later| later == name));
        }
        let mut later = HashSet::new();
        names().rev().position(|name| !later.insert(name)).map(|from_end| self.members.len() - 1 - from_end)
    }

    /// The value of `name`, which stays. `None` also where it is `null`.
    pub(crate) fn peek(&self, name: &str) -> Option<Value<'a>> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| *value).filter(|value| !value.is_null())
    }

    /// Takes out the value of `name`. One that is `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let index = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.remove(index).1).filter(|value| !value.is_null())
    }

    /// Takes out `name`, which was looked at.
    pub(crate) fn remove(&mut self, name: &str) -> Read<()> {
        self.refuse_mistaken(name)?;
        self.members.retain(|(key, _)| key != name);
        Ok(())
    }

    /// Takes out the value of `name` and reads it.
    pub(crate) fn read_as<T>(&mut self, name: &str, read: impl FnOnce(Value<'a>) -> Read<T>) -> Read<Option<T>> {
        self.refuse_mistaken(name)?;
        self.take(name).map(|value| read(value).map_err(|fault| fault.under(name))).transpose()
    }

    /// The same, of a member that must be there.
    pub(crate) fn need<T>(&mut self, name: &str, read: impl FnOnce(Value<'a>) -> Read<T>) -> Read<T> {
        self.read_as(name, read)?.ok_or_else(|| Fault::new("is missing").under(name))
    }

    pub(crate) fn string(&mut self, name: &str) -> Read<Option<String>> {
        self.read_as(name, |value| Ok(value.string()?.into_owned()))
    }

    pub(crate) fn need_string(&mut self, name: &str) -> Read<String> {
        self.need(name, |value| Ok(value.string()?.into_owned()))
    }

    /// Takes out the object under `name` and reads its members. If some of them remain, the whole value is put to
    /// the rest, so that an edited block can be written with them: see `ObjectWriter::nested`.
    pub(crate) fn nested<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Object<'a>) -> Read<T>) -> Read<T> {
        let (value, inner, done) = self.need(name, |value| {
            let mut inner = value.object()?;
            let done = read(&mut inner)?;
            Ok((value, inner, done))
        })?;
        if inner.members.iter().any(|(_, value)| !value.is_null()) {
            self.put(name, value);
        }
        Ok(done)
    }

    /// What `type` says; it stays.
    pub(crate) fn kind(&self) -> Cow<'a, str> {
        self.peek("type").and_then(|value| value.string().ok()).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members that nobody took, in their order. In a request guards must see all of them.
    pub(crate) fn rest(self) -> Read<Extra> {
        let raw = |(name, value): (Cow<'a, str>, Value<'a>)| {
            let raw = value.unknown().map_err(|fault| fault.under(&name))?;
            Ok((Box::from(name), raw))
        };
        self.members.into_iter().map(raw).collect()
    }

    /// The same as they stand, of what is no text to anybody.
    pub(crate) fn rest_as_it_stands(self) -> Extra {
        self.members.into_iter().map(|(name, value)| (Box::from(name), value.raw())).collect()
    }

    /// Puts a member to the rest, or back to it.
    pub(crate) fn put(&mut self, name: &'static str, value: Value<'a>) {
        self.members.push((Cow::Borrowed(name), value));
    }
}

/// The value of `name` among extra members.
pub(crate) fn extra<'e>(extra: &'e Extra, name: &str) -> Option<&'e Raw> {
    extra.iter().find(|(key, _)| &**key == name).map(|(_, raw)| raw)
}
