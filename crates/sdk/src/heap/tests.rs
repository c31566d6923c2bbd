use super::*;

/// All in one, since the heap is one thread's.
#[test]
fn blocks_are_whole_and_come_again() {
    let heap = Heap::new();
    let of = |size, align| Layout::from_size_align(size, align).unwrap();
    let mut blocks = Vec::new();
    // More than one piece, all sizes, small and large alignments.
    for round in 0..3 {
        for size in (1..=LARGEST + 100).step_by(7) {
            let layout = of(size, [1, 2, 4, 8, 16, 64][(size + round) % 6]);
            // SAFETY: the layout has a size, and as many bytes are written.
            let block = unsafe {
                let block = heap.alloc(layout);
                assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()), "{layout:?}");
                block.write_bytes(blocks.len() as u8, size);
                block
            };
            blocks.push((block, layout));
        }
    }
    for (at, (block, layout)) in blocks.iter_mut().enumerate() {
        let size = layout.size() * 2 + 1;
        // SAFETY: the block has this layout, and the new size is none too large.
        unsafe {
            *block = heap.realloc(*block, *layout, size);
            let bytes = std::slice::from_raw_parts(*block, layout.size());
            assert!(bytes.iter().all(|byte| *byte == at as u8), "{at}: nobody else wrote into {layout:?}");
        }
        *layout = of(size, layout.align());
    }
    for (block, layout) in blocks {
        // SAFETY: it has this layout.
        unsafe { heap.dealloc(block, layout) }
    }
    let layout = of(100, 8);
    // SAFETY: the layouts fit, and the bytes are there.
    unsafe {
        let first = heap.alloc_zeroed(layout);
        assert!(std::slice::from_raw_parts(first, 100).iter().all(|byte| *byte == 0), "it was used before");
        heap.dealloc(first, layout);
        assert_eq!(heap.alloc(of(128, 4)), first, "a block of one size is given out again");
    }
}
