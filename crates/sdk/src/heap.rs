//! Memory of a component: small blocks by size, out of memory that is there when an instance begins.

#![expect(unsafe_code, reason = "an allocator hands out addresses")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// The largest block that is kept by its size. What is larger, and what wants to be aligned to more than eight bytes,
/// comes from the standard library's allocator.
const LARGEST: usize = 2048;

/// Sizes: 12, which is none, 16, 24, 32, 48 and so on, up to the largest.
const SIZES: usize = 16;
const SMALLEST: usize = 16;

/// What is taken at once to cut blocks from.
const PIECE: usize = 64 << 10;

#[cfg(target_feature = "atomics")]
compile_error!("this allocator is one thread's");

/// An allocator for a component, made by [`heap!`](crate::heap).
///
/// The standard library's begins with no memory and grows it, which the host pays for with two system calls for each
/// instance; this one begins with 64 KiB that an instance has anyway. It takes a block from a list by its size, and puts
/// it back there: blocks of one size never become another.
#[derive(Debug)]
pub struct Heap(UnsafeCell<Blocks>);

#[derive(Debug)]
struct Blocks {
    /// The first free block of each size, which holds the address of the next.
    free: [*mut u8; SIZES],
    /// What is left of the piece that blocks are cut from.
    next: *mut u8,
    left: usize,
    began: bool,
}

#[repr(C, align(8))]
struct First(UnsafeCell<[u8; PIECE]>);

// SAFETY: a component has one thread.
unsafe impl Sync for Heap {}

// SAFETY: as above.
unsafe impl Sync for First {}

/// Of no size in the file: it is zero.
static FIRST: First = First(UnsafeCell::new([0; PIECE]));

/// The place of a size and the size itself, for what is at most [`LARGEST`].
fn size_of(bytes: usize) -> (usize, usize) {
    let last = bytes.max(SMALLEST) - 1;
    let power = (usize::BITS - 1 - last.leading_zeros()) as usize;
    let (low, high) = ((1 << power) + (1 << power >> 1), 2 << power);
    match last < low {
        true => (2 * (power - 3), low),
        false => (2 * (power - 3) + 1, high),
    }
}

fn is_small(layout: &Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= 8
}

// === impl Heap ===

impl Heap {
    /// With no block taken.
    #[expect(clippy::new_without_default, reason = "there is one")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Blocks { free: [ptr::null_mut(); SIZES], next: ptr::null_mut(), left: 0, began: false }))
    }
}

// SAFETY: each block is cut once, is as large and aligned as its size, and is in a list only while nobody has it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_small(&layout) {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc(layout) };
        }
        let (place, size) = size_of(layout.size());
        // SAFETY: one thread, and nothing in here allocates from `self`; a free block holds the next one's address.
        unsafe {
            let blocks = &mut *self.0.get();
            let block = blocks.free[place];
            match block.is_null() {
                true => blocks.cut(size),
                false => {
                    blocks.free[place] = block.cast::<*mut u8>().read();
                    block
                }
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_small(&layout) {
            // SAFETY: as the caller promises, and it came from there.
            return unsafe { System.dealloc(block, layout) };
        }
        let (place, _) = size_of(layout.size());
        // SAFETY: as above; nobody has the block any more, and it has room for an address.
        unsafe {
            let blocks = &mut *self.0.get();
            block.cast::<*mut u8>().write(blocks.free[place]);
            blocks.free[place] = block;
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_small(&layout) {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller promises; the block has that size.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size makes a layout with the old alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_small(&layout), is_small(&new)) {
            (true, true) if size_of(layout.size()).0 == size_of(size).0 => block,
            // SAFETY: as the caller promises, and it came from there.
            (false, false) => unsafe { System.realloc(block, layout, size) },
            // SAFETY: both blocks have the bytes that are copied, and they are two.
            _ => unsafe {
                let to = self.alloc(new);
                if !to.is_null() {
                    ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                to
            },
        }
    }
}

// === impl Blocks ===

impl Blocks {
    /// A block that nobody had. What is left of a piece that is too small for it is lost.
    fn cut(&mut self, size: usize) -> *mut u8 {
        if self.left < size {
            let piece = match std::mem::replace(&mut self.began, true) {
                false => FIRST.0.get().cast::<u8>(),
                // SAFETY: the layout has a size.
                true => unsafe { System.alloc(Layout::from_size_align_unchecked(PIECE, 8)) },
            };
            if piece.is_null() {
                return piece;
            }
            (self.next, self.left) = (piece, PIECE);
        }
        let block = self.next;
        self.next = block.wrapping_add(size);
        self.left -= size;
        block
    }
}

#[cfg(test)]
mod tests;
