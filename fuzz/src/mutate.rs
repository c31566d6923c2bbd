//! Makes new inputs from old ones.

use crate::random::Random;

/// Larger inputs are cut: what breaks, breaks small.
const LONGEST: usize = 1 << 15;

/// Texts that mean something to the parsers.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "{}",
    "[]",
    "[[",
    "\\\"",
    "\\u0000",
    "\\ud83d",
    "\\ude00",
    "\\x",
    "é",
    "\u{feff}",
    "\u{1F600}",
    " ",
    "\t",
    "\n",
    "\r",
    "\n\n",
    "\r\n\r\n",
    "\r\r",
    ":",
    "data: ",
    "data:",
    "event: ",
    ": comment\n",
    "[DONE]",
    "data: [DONE]\n\n",
    "event: ping\n",
    "event: error\n",
    "\"type\":",
    "\"text\"",
    "\"id\":",
    "\"index\":",
    "\"model\":\"m\"",
    "\"messages\":[]",
    "\"stream\":true",
    "\"fallbacks\":[\"a/b\"]",
    "\"stream_options\":{}",
    "\"max_tokens\":1",
    "\"role\":",
    "\"user\"",
    "\"assistant\"",
    "\"tool\"",
    "\"system\"",
    "\"content\":",
    "\"choices\":[]",
    "\"delta\":{}",
    "\"usage\":{}",
    "\"error\":",
    "\"tool_calls\":",
    "\"function\":",
    "\"arguments\":\"{\"",
    "\"reasoning\":\"r\"",
    "\"tool_use\"",
    "\"tool_result\"",
    "\"thinking\"",
    "\"signature\":",
    "\"source\":",
    "\"image_url\":",
    "\"finish_reason\":\"stop\"",
    "\"stop_reason\":\"x\"",
];

/// One to four changes to `input`, with material of `other`.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, other, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let range = |length: usize, random: &mut Random| {
        let start = random.below(length + 1);
        start..(start + random.below(32.max(length / 8))).min(length)
    };
    match random.below(10) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 => bytes.truncate(at),
        3 => {
            bytes.drain(range(bytes.len(), random));
        }
        4 => {
            let copy = bytes[range(bytes.len(), random)].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            let piece = other[range(other.len(), random)].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let start = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[start..]);
        }
        7 => insert_token(bytes, at, random),
        // After a comma or bracket a token is more often grammar.
        8 => {
            let seams: Vec<_> = (0..bytes.len()).filter(|at| b"{[,:\n".contains(&bytes[*at])).collect();
            let at = random.pick(&seams).map_or(at, |at| at + 1);
            insert_token(bytes, at, random);
        }
        _ => replace_value(bytes, random),
    }
}

fn insert_token(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let token = random.pick(TOKENS).copied().unwrap_or_default();
    bytes.splice(at..at, token.bytes());
}

/// Puts a token in the place of what stands between a colon and the next comma or bracket.
fn replace_value(bytes: &mut Vec<u8>, random: &mut Random) {
    let colons: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] == b':').collect();
    let Some(start) = random.pick(&colons).map(|at| at + 1) else {
        return;
    };
    let length = bytes[start..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(0);
    let token = random.pick(TOKENS).copied().unwrap_or_default();
    bytes.splice(start..start + length, token.bytes());
}
