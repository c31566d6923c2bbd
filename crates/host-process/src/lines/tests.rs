use super::*;
use serde_json::json;

/// Level, message and fields of a line.
type Logged = (Level, String, Vec<(String, Json)>);

#[derive(Default)]
struct Book(Mutex<Vec<Logged>>);

impl Log for Book {
    fn log(&self, record: &LogRecord<'_>) {
        let fields = record.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.0.lock().unwrap().push((record.level, record.message.to_owned(), fields));
    }
}

async fn logged(written: &[u8]) -> Vec<Logged> {
    let book = Arc::new(Book::default());
    drain(written, book.clone(), Level::Info, None).await;
    book.0.lock().unwrap().clone()
}

#[tokio::test]
async fn each_line_is_logged() {
    let lines = logged(b"one\n\ntwo\r\nthree").await;
    let messages: Vec<&str> = lines.iter().map(|(_, message, _)| &**message).collect();
    assert_eq!(messages, ["one", "two", "three"]);
}

#[tokio::test]
async fn json_says_its_level_and_fields() {
    let lines = logged(b"{\"level\": \"WARN\", \"msg\": \"slow\", \"took\": 3}\n{\"level\": 3}\n{not json\n").await;
    assert_eq!(lines[0], (Level::Warn, "slow".to_owned(), vec![("took".to_owned(), json!(3))]));
    assert_eq!(lines[1], (Level::Info, String::new(), vec![("level".to_owned(), json!(3))]));
    assert_eq!(lines[2].1, "{not json");
}

#[tokio::test]
async fn long_lines_are_cut() {
    let mut written = vec![b'x'; 10 * LONGEST];
    written.extend_from_slice(b"\nnext\n\xff\xfe");
    let lines = logged(&written).await;
    assert_eq!(lines[0].1.len(), LONGEST + 4);
    assert_eq!((&*lines[1].1, lines.len()), ("next", 3));
}

#[tokio::test]
async fn too_many_lines_are_left_out() {
    let lines = logged("y\n".repeat(100_000).as_bytes()).await;
    assert!(lines.len() >= BURST as usize && lines.len() < 2 * BURST as usize, "{}", lines.len());
}

#[test]
fn what_was_left_out_is_counted() {
    let (mut rate, start) = (Rate::new(), Instant::now());
    rate.at = start;
    for _ in 0..BURST {
        assert_eq!(rate.admits(start), Some(0));
    }
    assert_eq!(rate.admits(start), None);
    assert_eq!(rate.admits(start), None);
    assert_eq!(rate.admits(start + Duration::from_millis(10)), Some(2));
    assert_eq!(rate.admits(start + Duration::from_millis(10)), None);
}
