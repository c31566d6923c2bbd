use super::*;

#[test]
fn what_is_put_in_is_there_until_it_is_taken_out() {
    let mut bits = Bits::default();
    let positions = [0, 1, 63, 64, 127, 128, 1000, u16::MAX];
    for position in positions {
        assert!(!bits.contains(position), "{position}");
        bits.insert(position);
        bits.insert(position);
        assert!(bits.contains(position), "{position}");
    }
    for position in positions {
        bits.remove(position);
        assert!(!bits.contains(position), "{position}");
    }
}

#[test]
fn the_neighbours_are_left_alone() {
    for position in [1, 62, 63, 64, 65, 128] {
        let mut bits = Bits::default();
        bits.insert(position);
        assert!(!bits.contains(position - 1) && !bits.contains(position + 1) && !bits.contains(position + 64));
        bits.insert(position + 1);
        bits.remove(position);
        assert!(bits.contains(position + 1));
    }
}

#[test]
fn what_is_not_there_is_taken_out_without_a_trace() {
    let mut bits = Bits::default();
    bits.remove(5000);
    assert_eq!(bits, Bits::default());
}
