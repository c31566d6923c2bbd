use super::*;
use gatewright_model::FinishReason;

fn text(choice: u32, block: u32) -> Part {
    Part::Text { channel: Channel { choice, block, ..Channel::TEXT }, text: "a".to_owned() }
}

#[test]
fn a_text_that_grows_counts_once() {
    let mut channels = Channels::default();
    for at in 0..3 * MOST as u32 {
        channels.push(&Chunk::from_parts([text(at % 2, 0), text(0, 1)])).unwrap();
    }
    assert_eq!(channels.known.len(), 3);
}

#[test]
fn too_many_texts_or_choices_are_an_error() {
    let finish = |choice| Part::Finish { choice, reason: FinishReason::Stop };
    let kinds: [&dyn Fn(u32) -> Part; 3] = [&|at| text(at, 0), &|at| text(0, at), &finish];
    for part in kinds {
        let mut channels = Channels::default();
        let taken = (0..2 * MOST as u32).take_while(|at| channels.push(&Chunk::from_parts([part(*at)])).is_ok());
        assert_eq!(taken.count(), MOST);
    }
}

#[test]
fn a_text_that_had_ended_does_not_go_on() {
    let mut channels = Channels::default();
    let end = Part::BlockEnd(Channel { block: 1, ..Channel::TEXT });
    channels.push(&Chunk::from_parts([text(0, 1), end.clone(), end, text(0, 2)])).unwrap();
    let nothing = Part::Text { channel: Channel { block: 1, ..Channel::TEXT }, text: String::new() };
    channels.push(&Chunk::from_parts([nothing])).unwrap();
    let error = channels.push(&Chunk::from_parts([text(0, 1)])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Upstream, "{error}");
    // Some number each call of a tool alike.
    let channel = Channel { block: 1, ..Channel::TEXT };
    channels.push(&Chunk::from_parts([Part::ToolUse { channel, id: "1".into(), name: "f".into() }])).unwrap();
    channels.push(&Chunk::from_parts([text(0, 1)])).unwrap();
}
