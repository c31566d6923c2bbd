use super::*;
use gatewright_model::{ChannelKind, Usage};

const TEXT: Channel = Channel::TEXT;
const THOUGHT: Channel = Channel { choice: 0, block: 0, kind: ChannelKind::Reasoning };
const SECOND: Channel = Channel { choice: 1, block: 0, kind: ChannelKind::Text };

fn say(text: &str) -> Chunk {
    Chunk::text(TEXT, text)
}

fn barrier() -> Chunk {
    Chunk::from_parts([Part::Usage(Usage { input_tokens: 1, ..Usage::default() })])
}

/// A hold of these chunks.
fn holding(chunks: impl IntoIterator<Item = Chunk>) -> Hold {
    let mut hold = Hold::default();
    for chunk in chunks {
        hold.push(chunk);
    }
    hold
}

/// What leaves while no channel has ended.
fn free(hold: &mut Hold, window: usize) -> Vec<Chunk> {
    hold.release(window, &Ends::default())
}

/// Where these have ended.
fn ended(channels: &[Channel]) -> Ends {
    let mut ends = Ends::default();
    for channel in channels {
        ends.push(&Chunk::text(*channel, "x"));
        ends.push(&Chunk::from_parts([Part::BlockEnd(*channel)]));
    }
    ends
}

/// Chunks in short: their texts, `.` for what is none.
fn told(chunks: &[Chunk]) -> Vec<&str> {
    let text = |chunk| {
        Chunk::parts(chunk).iter().find_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
    };
    chunks.iter().map(|chunk| text(chunk).unwrap_or(".")).collect()
}

#[test]
fn text_leaves_once_enough_stands_behind_it() {
    let mut hold = Hold::default();
    let mut left = Vec::new();
    for text in ["abc", "def", "g", "h"] {
        hold.push(say(text));
        left.push(free(&mut hold, 4).len());
    }
    assert_eq!(left, [0, 0, 1, 0]);
    assert_eq!(hold.text(TEXT), "defgh", "at least the window stays");
    assert_eq!(told(&free(&mut hold, 3)), Vec::<&str>::new());
    assert_eq!(told(&free(&mut hold, 2)), ["def"]);
    assert_eq!(told(&free(&mut hold, 0)), ["g", "h"]);
}

#[test]
fn a_window_is_of_characters() {
    let mut hold = holding([say("ééé"), say("日本")]);
    assert!(free(&mut hold, 3).is_empty());
    assert_eq!(told(&free(&mut hold, 2)), ["ééé"]);
}

#[test]
fn what_is_no_text_keeps_its_place() {
    let mut hold = holding([barrier(), say("ab"), barrier(), barrier(), say("cd"), barrier()]);
    assert_eq!(told(&free(&mut hold, 3)), ["."], "before any text it may leave at once");
    assert_eq!(told(&free(&mut hold, 2)), ["ab", ".", "."], "behind a text it leaves with it");
    assert_eq!(told(&free(&mut hold, 0)), ["cd", "."]);
}

#[test]
fn a_channel_that_has_ended_needs_nothing_behind_it() {
    let mut hold = holding([say("abc"), say("d"), barrier(), Chunk::text(SECOND, "two")]);
    assert!(free(&mut hold, 100).is_empty());
    assert_eq!(told(&hold.release(100, &ended(&[TEXT]))), ["abc", "d", "."]);
    assert_eq!(hold.text(SECOND), "two");
}

#[test]
fn nobody_overtakes() {
    let (mut hold, ends) = (holding([say("a"), Chunk::text(SECOND, "long enough")]), ended(&[SECOND]));
    assert!(hold.release(5, &ends).is_empty(), "the second choice waits behind the first");
    hold.push(say("bcdef"));
    assert_eq!(told(&hold.release(5, &ends)), ["a", "long enough"]);
}

#[test]
fn a_chunk_of_two_channels_waits_for_both() {
    let both = [THOUGHT, TEXT].map(|channel| Part::Text { channel, text: "ab".to_owned() });
    let mut hold = holding([Chunk::from_parts(both), say("cd")]);
    assert!(free(&mut hold, 2).is_empty());
    hold.push(Chunk::text(THOUGHT, "cd"));
    assert_eq!(free(&mut hold, 2).len(), 1);
}

#[test]
fn it_is_told_which_channels_grew() {
    let mut hold = Hold::default();
    assert_eq!(hold.push(say("")), BTreeSet::new(), "an empty text is no growth");
    assert_eq!(hold.push(barrier()), BTreeSet::new());
    let both = [THOUGHT, TEXT].map(|channel| Part::Text { channel, text: "ab".to_owned() });
    assert_eq!(hold.push(Chunk::from_parts(both)), BTreeSet::from([TEXT, THOUGHT]));
}

#[test]
fn another_text_takes_the_place_of_what_is_held() {
    let mut hold = holding([say("my ke"), barrier(), Chunk::text(THOUGHT, "hm"), say("y is 1")]);
    assert_eq!(hold.text(TEXT), "my key is 1");
    hold.replace(TEXT, "my [é]".to_owned(), 3);
    assert_eq!((hold.text(TEXT).as_str(), hold.text(THOUGHT).as_str()), ("my [é]", "hm"));
    hold.push(say("!"));
    assert_eq!(hold.text(TEXT), "my [é]!");
    assert_eq!(told(&hold.release_all()), ["my ", ".", "hm", "[é]", "!"], "what may leave, and what stays");
}

#[test]
fn all_but_the_window_of_a_replaced_text_may_leave() {
    for (window, left) in [(0, "1234567"), (2, "12345"), (7, ""), (100, "")] {
        let mut hold = holding([say("123"), say("45"), say("6")]);
        hold.replace(TEXT, "1234567".to_owned(), window);
        let free = free(&mut hold, window);
        assert_eq!(told(&free).concat(), left, "a window of {window}");
        assert_eq!(hold.text(TEXT), "1234567"[left.len()..]);
    }
}

#[test]
fn a_text_in_one_piece_stays_in_one() {
    let mut hold = holding([say("123")]);
    hold.replace(TEXT, "1234567".to_owned(), 1);
    assert!(free(&mut hold, 1).is_empty());
    hold.push(say("8"));
    assert_eq!(told(&free(&mut hold, 1)), ["1234567"]);
    hold.replace(TEXT, String::new(), 1);
    assert_eq!(hold.channels(), []);
    assert_eq!(told(&hold.release(1, &ended(&[TEXT]))), [""]);
}

#[test]
fn channels_are_named_while_text_of_them_is_held() {
    let mut hold = holding([say("a"), Chunk::text(SECOND, "b")]);
    assert_eq!(hold.channels(), [TEXT, SECOND]);
    hold.release(1, &ended(&[TEXT]));
    assert_eq!(hold.channels(), [SECOND]);
    hold.release_all();
    assert_eq!(hold.channels(), []);
    assert_eq!(hold.chunks().count(), 0);
}

#[test]
fn memory_is_counted_while_it_is_held() {
    let mut hold = Hold::default();
    assert_eq!(hold.bytes(), 0);
    let one = {
        hold.push(say("0123456789"));
        hold.bytes()
    };
    assert!(one >= 10);
    hold.push(barrier());
    assert!(hold.bytes() > one, "what is no text takes room too");
    let before = hold.bytes();
    hold.replace(TEXT, "01234".to_owned(), 0);
    assert_eq!(hold.bytes(), before - 5);
    hold.release_all();
    assert_eq!(hold.bytes(), 0);
}

#[test]
fn a_long_stream_under_a_window_takes_the_room_of_the_window() {
    let mut hold = Hold::default();
    let mut most = 0;
    for _ in 0..10_000 {
        hold.push(say("a few words "));
        free(&mut hold, 50);
        most = most.max(hold.bytes());
    }
    assert!(most < 2_000, "{most} bytes for 50 characters");
}
