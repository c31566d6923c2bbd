use super::Queue;
use std::io::{Result, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);

/// Keeps what is written, and writes nothing while somebody holds the gate.
#[derive(Clone, Default)]
struct Output {
    gate: Arc<Mutex<()>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let _open = self.gate.lock().unwrap();
        self.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

fn queue(max_bytes: usize) -> (Queue, Output) {
    let output = Output::default();
    let queue = Queue::start(max_bytes, Box::new(output.clone()), |count| format!("dropped {count}\n")).unwrap();
    (queue, output)
}

#[test]
fn lines_come_out_in_their_order() {
    let (queue, output) = queue(1 << 20);
    let expected: String = (0..1_000).map(|at| format!("line {at}\n")).collect();
    expected.split_inclusive('\n').for_each(|line| queue.push(line.as_bytes()));
    assert!(queue.flush(LONG));
    assert_eq!(output.text(), expected);
}

#[test]
fn lines_come_out_without_a_flush() {
    let (queue, output) = queue(1 << 20);
    queue.push(b"line\n");
    let found = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        output.text() == "line\n"
    });
    assert!(found);
}

#[test]
fn an_output_that_hangs_holds_nobody_up() {
    let (queue, output) = queue(100);
    let gate = output.gate.lock().unwrap();
    queue.push(b"taken\n");
    assert!(!queue.flush(Duration::from_millis(50)));
    for _ in 0..20 {
        queue.push(b"0123456789abcde\n");
    }
    assert_eq!(queue.dropped().load(Relaxed), 14);
    drop(gate);
    assert!(queue.close(LONG));
    assert_eq!(output.text().matches("0123456789abcde\n").count(), 6);
    assert!(output.text().contains("dropped 14\n"));
}

#[test]
fn closing_writes_what_is_left_and_drops_what_comes_later() {
    let (queue, output) = queue(1 << 20);
    queue.push(b"last\n");
    assert!(queue.close(LONG));
    queue.push(b"late\n");
    assert_eq!(output.text(), "last\n");
    assert_eq!(queue.dropped().load(Relaxed), 1);
    assert!(queue.close(LONG));
}

#[test]
fn an_output_that_panics_ends_the_log_and_nothing_else() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> Result<usize> {
            panic!("broken")
        }
        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }
    let queue = Queue::start(1_000, Box::new(Broken), |_| String::new()).unwrap();
    queue.push(b"line\n");
    assert!(!queue.flush(LONG));
    queue.push(b"late\n");
    assert_eq!(queue.dropped().load(Relaxed), 1);
}
