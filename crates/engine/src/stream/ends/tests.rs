use super::*;
use gatewright_model::{ChannelKind, FinishReason};

const TEXT: Channel = Channel::TEXT;
const THOUGHT: Channel = Channel { choice: 0, block: 0, kind: ChannelKind::Reasoning };
const SECOND: Channel = Channel { choice: 1, block: 0, kind: ChannelKind::Text };

fn say(channel: Channel) -> Part {
    Part::Text { channel, text: "x".to_owned() }
}

fn complete(choice: u32) -> Part {
    Part::Finish { choice, reason: FinishReason::Stop }
}

/// What each chunk ends.
fn told<const N: usize>(chunks: [&[Part]; N]) -> [Vec<Channel>; N] {
    let mut ends = Ends::default();
    chunks.map(|parts| ends.push(&Chunk::from_parts(parts.to_vec())).into_iter().collect())
}

#[test]
fn a_block_ends_its_channel() {
    let ended = told([&[say(TEXT)], &[say(THOUGHT)], &[Part::BlockEnd(SECOND)], &[Part::BlockEnd(THOUGHT)]]);
    assert_eq!(ended, [vec![], vec![], vec![], vec![THOUGHT]], "a channel without a text has nothing to end");
    assert_eq!(told([&[say(SECOND), Part::BlockEnd(SECOND)]]), [[SECOND]]);
}

#[test]
fn what_was_emptied_ends_too() {
    let emptied = Part::Text { channel: THOUGHT, text: String::new() };
    assert_eq!(told([&[emptied], &[Part::BlockEnd(THOUGHT)]]), [vec![], vec![THOUGHT]]);
}

#[test]
fn a_choice_that_is_complete_ends_its_channels_once_nothing_followed() {
    let ended = told([&[say(TEXT)], &[say(SECOND), complete(0)], &[], &[say(SECOND)], &[complete(1)], &[Part::Done]]);
    assert_eq!(ended, [vec![], vec![], vec![], vec![TEXT], vec![], vec![SECOND]], "what says nothing confirms nothing");
}

#[test]
fn a_server_that_calls_each_chunk_the_last_is_not_believed() {
    let ended = told([&[say(TEXT), complete(0)], &[say(TEXT), complete(0)], &[complete(0)], &[Part::Done]]);
    assert_eq!(ended, [vec![], vec![], vec![], vec![]]);
}

#[test]
fn thoughts_end_where_the_answer_begins() {
    let ended = told([&[say(THOUGHT)], &[say(THOUGHT)], &[say(TEXT)], &[say(TEXT)], &[say(SECOND)]]);
    assert_eq!(ended, [vec![], vec![], vec![], vec![THOUGHT], vec![]]);
    let call = Channel { kind: ChannelKind::ToolArguments, ..TEXT };
    let pauses = told([&[say(TEXT)], &[say(call)], &[say(call)], &[say(THOUGHT)], &[say(THOUGHT)]]);
    assert_eq!(pauses, [vec![], vec![], vec![], vec![], vec![]], "an answer may go on behind a call");
    let both = told([&[say(THOUGHT), say(TEXT)], &[say(THOUGHT), say(TEXT)], &[say(TEXT)], &[say(TEXT)]]);
    assert_eq!(both, [vec![], vec![], vec![], vec![]], "they are said beside each other");
}

#[test]
fn what_goes_on_has_not_ended() {
    let mut ends = Ends::default();
    for parts in [vec![say(TEXT)], vec![complete(0)], vec![say(SECOND)]] {
        ends.push(&Chunk::from_parts(parts));
    }
    assert!(ends.has(TEXT) && !ends.has(THOUGHT));
    ends.push(&Chunk::from_parts([say(TEXT), complete(0)]));
    assert!(!ends.has(TEXT));
    ends.push(&Chunk::from_parts([say(SECOND)]));
    assert!(!ends.has(TEXT), "it is not believed again");
    ends.push(&Chunk::from_parts([Part::BlockEnd(TEXT)]));
    assert!(ends.has(TEXT));
}

#[test]
fn what_stands_beside_ends_where_it_stands_and_says_nothing_of_others() {
    let mut ends = Ends::default();
    let (source, said) = (Channel::beside(0), Channel::TEXT);
    for _ in 0..2 {
        ends.push(&Chunk::text(said, "a"));
        assert_eq!(ends.push(&Chunk::text(source, "a source")), BTreeSet::from([source]));
        assert!(ends.has(source) && !ends.has(said));
    }
    ends.push(&Chunk::from_parts([Part::Finish { choice: 0, reason: FinishReason::Stop }]));
    assert!(ends.push(&Chunk::from_parts([Part::Done])).contains(&said), "it is believed all the same");
}
