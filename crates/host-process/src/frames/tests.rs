use super::{MOST, few};
use gatewright_proto::v1::{HookAnswer, PluginFrame, PluginFrames, plugin_frame};
use prost::Message;

fn message(frames: usize) -> Vec<u8> {
    let answer = HookAnswer { call: 300, answer: vec![7; 200].into(), looked: 1 };
    let frame = PluginFrame { frame: Some(plugin_frame::Frame::Answer(answer)) };
    PluginFrames { frames: vec![frame; frames] }.encode_to_vec()
}

#[test]
fn a_message_has_only_so_many_frames() {
    assert!(few(&[]));
    assert!(few(&message(1)));
    assert!(few(&message(MOST)));
    assert!(!few(&message(MOST + 1)));
    assert!(!few(&[0x0a, 0].repeat(MOST + 1)), "of frames that hold nothing, too");
}

#[test]
fn fields_of_a_newer_sdk_are_passed_over() {
    // A number, eight bytes, four bytes, and text, between frames.
    let others =
        [&[0x10, 0x96, 0x01][..], &[0x19, 0, 1, 2, 3, 4, 5, 6, 7], &[0x25, 0, 1, 2, 3], &[0x2a, 2, b'h', b'i']];
    let mixed = [message(2), others.concat(), message(2)].concat();
    assert!(few(&mixed));
    assert_eq!(PluginFrames::decode(&*mixed).unwrap().frames.len(), 4);
}

#[test]
fn nothing_hides_frames_behind_it() {
    let frames = [0x0a, 0].repeat(MOST + 1);
    // A group, a field that is longer than its message, a number that does not end.
    for before in [&[0x13, 0x14][..], &[0x0a, 0xff, 0xff, 0xff, 0x7f], &[0xff; 11]] {
        assert!(!few(&[before, &frames].concat()), "{before:?}");
    }
}
