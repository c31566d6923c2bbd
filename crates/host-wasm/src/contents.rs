//! Parts of a call, written to a component's memory without a copy on the way.

#![expect(unsafe_code, reason = "the trait is unsafe, and wasmtime has it for its own types and macros")]

use gatewright_abi::Contents;
use std::mem::MaybeUninit;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};
use wasmtime::{Result, ValRaw, format_err};

/// What a part holds, as a `list<u8>` of the component.
pub(crate) struct Lowered(pub(crate) Contents);

type Bytes = [u8];

/// Where a list is in memory, and how long it is.
struct List {
    pointer: u32,
    length: u32,
}

// === impl Lowered ===

impl Lowered {
    /// Has the component make room, and writes there.
    fn write<T>(&self, cx: &mut LowerContext<'_, T>) -> Result<List> {
        let bytes = self.0.bytes();
        let pointer = cx.realloc(0, 0, 1, bytes)?;
        let room = cx.as_slice_mut().get_mut(pointer..).and_then(|memory| memory.get_mut(..bytes));
        self.0.write(room.ok_or_else(|| format_err!("there is no room for a part"))?)?;
        Ok(List { pointer: u32::try_from(pointer)?, length: u32::try_from(bytes)? })
    }
}

// SAFETY: in all that wasmtime is told of it, it is the list of bytes whose declarations it takes over.
unsafe impl ComponentType for Lowered {
    type Lower = <Bytes as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <Bytes as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        <Bytes as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: what is left for the component is the place and the length of a list that it allocated, and all of it is
// written. `dst` is initialized wherever the answer is `Ok`.
unsafe impl Lower for Lowered {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        _: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let List { pointer, length } = self.write(cx)?;
        dst.write([ValRaw::i64(pointer.into()), ValRaw::i64(length.into())]);
        Ok(())
    }

    fn linear_lower_to_memory<T>(&self, cx: &mut LowerContext<'_, T>, _: InterfaceType, offset: usize) -> Result<()> {
        let List { pointer, length } = self.write(cx)?;
        *cx.get(offset) = pointer.to_le_bytes();
        *cx.get(offset + size_of::<u32>()) = length.to_le_bytes();
        Ok(())
    }
}
