use super::*;
use gatewright_model::{Message, Role};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Keeps what a guest asks its host to wait for, and answers nothing.
#[derive(Default)]
struct Desk(Mutex<Vec<Vec<u8>>>);

impl Ask for Arc<Desk> {
    fn ask(&self, _: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        self.0.lock().unwrap().push(argument);
        Box::pin(std::future::ready(Err(ServiceError::Deadline)))
    }

    fn ask_now(&self, _: Function, _: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Deadline)
    }
}

/// What comes of something that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

#[test]
fn a_conversation_that_was_handed_over_is_asked_on_whole() {
    let mut chat = Chat::default();
    chat.messages.push(Message::text(Role::System, "be kind"));
    chat.messages.push(Message::text(Role::User, "hello").with_origin(1));
    let desk = Arc::new(Desk::default());
    let services = services(Arc::new(desk.clone()));
    let request = Request::from_chat("m", false, chat);
    assert!(now(services.llm.complete(&Facts::default(), request)).is_err());
    let asked: LlmArgument = document::read(&desk.0.lock().unwrap()[0]).unwrap();
    let texts: Vec<String> = asked.chat.messages.iter().map(Message::joined_text).collect();
    assert_eq!(texts, ["be kind", "hello"]);
}

#[test]
fn a_message_that_is_nothing_but_its_origin_is_refused() {
    let mut chat = Chat::default();
    chat.messages.push(Message::text(Role::User, "hello").with_origin(0));
    let argument = document::write(&LlmArgument { model: "m".to_owned(), chat });
    let far = services(Arc::new(Arc::new(Desk::default())));
    let refused = now(serve(&far, &Facts::default(), Hook::CheckInput, true, Function::LlmComplete, &argument));
    let Err(ServiceError::Invalid(why)) = refused else { unreachable!("{refused:?}") };
    assert!(why.contains("origin"), "{why}");
}

/// Keeps rows, but for those of one table.
#[derive(Default)]
struct Picky(Mutex<Vec<String>>);

impl Records for Picky {
    fn append(&self, record: Record) -> Result<(), ServiceError> {
        match &*record.table {
            "bad" => return Err(ServiceError::Invalid("a bad row".to_owned())),
            table => self.0.lock().unwrap().push(table.to_owned()),
        }
        Ok(())
    }
}

#[test]
fn a_row_that_is_refused_keeps_no_other_out() {
    let picky = Arc::new(Picky::default());
    let far = services(Arc::new(Arc::new(Desk::default())));
    let services = Services::from(ServiceSet { records: picky.clone(), ..(*far).clone() });
    let rows = ["first", "bad", "last"].map(|table| RecordArgument { table: table.to_owned(), row: Map::new() });
    let appended = serve_now(&services, &Facts::default(), Hook::RequestEnd, Function::Record, &document::write(&rows));
    assert_eq!(appended, Err(ServiceError::Invalid("a bad row".to_owned())));
    assert_eq!(*picky.0.lock().unwrap(), ["first", "last"]);
}

/// A host that serves what does not wait, and counts how often it is asked.
struct Through {
    services: Services,
    asked: Mutex<u32>,
}

impl Ask for Through {
    fn ask(&self, function: Function, argument: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, ServiceError>> {
        Box::pin(std::future::ready(self.ask_now(function, argument)))
    }

    fn ask_now(&self, function: Function, argument: Vec<u8>) -> Result<Vec<u8>, ServiceError> {
        *self.asked.lock().unwrap() += 1;
        serve_now(&self.services, &Facts::default(), Hook::RequestEnd, function, &argument)
    }
}

/// The services of a guest whose host keeps rows, but for those of one table.
fn far_from(picky: &Arc<Picky>) -> (Services, Arc<Through>) {
    let nothing = services(Arc::new(Arc::new(Desk::default())));
    let set = ServiceSet { records: picky.clone(), ..(*nothing).clone() };
    let through = Arc::new(Through { services: set.into(), asked: Mutex::default() });
    (services(through.clone()), through)
}

fn row(table: &str, bytes: usize) -> Record {
    let row = Map::from_iter([("text".to_owned(), Json::from("x".repeat(bytes)))]);
    Record { table: table.to_owned(), row }
}

#[test]
fn of_each_row_it_is_told_at_once_whether_it_was_taken() {
    let picky = Arc::new(Picky::default());
    let (far, through) = far_from(&picky);
    assert_eq!(far.records.append(row("first", 1)), Ok(()));
    assert_eq!(far.records.append(row("bad", 1)), Err(ServiceError::Invalid("a bad row".to_owned())));
    assert_eq!((&**picky.0.lock().unwrap(), *through.asked.lock().unwrap()), (&["first".to_owned()][..], 2));
}

#[test]
fn rows_that_are_appended_together_cross_together() {
    let picky = Arc::new(Picky::default());
    let (far, through) = far_from(&picky);
    let tables = ["a", "bad", "b", "c"];
    let appended = far.records.append_all(tables.iter().map(|table| row(table, 10)).collect());
    assert_eq!(appended, Err(ServiceError::Invalid("a bad row".to_owned())), "as where the host is not far");
    assert_eq!(picky.append_all(tables.iter().map(|table| row(table, 10)).collect()), appended);
    assert_eq!(*picky.0.lock().unwrap(), ["a", "b", "c", "a", "b", "c"]);
    assert_eq!(*through.asked.lock().unwrap(), 1);
}

#[test]
fn rows_that_are_long_cross_in_batches_without_loss() {
    for (rows, bytes, batches) in [(0, 0, 0), (1, 3 * BATCH_BYTES, 1), (3, 3 * BATCH_BYTES, 3), (1000, 1000, 16)] {
        let picky = Arc::new(Picky::default());
        let (far, through) = far_from(&picky);
        let tables: Vec<String> = (0..rows).map(|number| number.to_string()).collect();
        assert_eq!(far.records.append_all(tables.iter().map(|table| row(table, bytes)).collect()), Ok(()));
        assert_eq!(*picky.0.lock().unwrap(), tables);
        assert_eq!(*through.asked.lock().unwrap(), batches, "{rows} rows of {bytes} bytes");
    }
}

// === which function is legal where ===

/// Notes which function of a host was reached, and fails.
#[derive(Default)]
struct Reached(Mutex<Option<Function>>);

impl Reached {
    fn services(self: &Arc<Self>) -> Services {
        Services::from(ServiceSet {
            log: self.clone(),
            metrics: self.clone(),
            records: self.clone(),
            kv: self.clone(),
            http: self.clone(),
            llm: self.clone(),
        })
    }

    fn note<T>(&self, function: Function) -> Result<T, ServiceError> {
        assert_eq!(self.0.lock().unwrap().replace(function), None, "once");
        Err(ServiceError::Deadline)
    }

    fn soon<T: Send + 'static>(&self, function: Function) -> BoxFuture<'static, Result<T, ServiceError>> {
        Box::pin(std::future::ready(self.note(function)))
    }
}

impl Log for Reached {
    fn log(&self, _: &LogRecord<'_>) {
        let _ = self.note::<()>(Function::Log);
    }
}

impl Metrics for Reached {
    fn record(&self, _: &Sample<'_>) -> Result<(), ServiceError> {
        self.note(Function::Metric)
    }
}

impl Records for Reached {
    fn append(&self, _: Record) -> Result<(), ServiceError> {
        self.note(Function::Record)
    }
}

impl Kv for Reached {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, ServiceError>> {
        self.soon(Function::KvGet)
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> BoxFuture<'a, Result<(), ServiceError>> {
        self.soon(Function::KvSet)
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, ServiceError>> {
        self.soon(Function::KvDelete)
    }

    fn list<'a>(&'a self, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, ServiceError>> {
        self.soon(Function::KvList)
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<i64, ServiceError>> {
        self.soon(Function::KvIncrement)
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
    ) -> BoxFuture<'a, Result<bool, ServiceError>> {
        self.soon(Function::KvCompareAndSet)
    }
}

impl Http for Reached {
    fn send(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpReply, ServiceError>> {
        self.soon(Function::HttpSend)
    }
}

impl Llm for Reached {
    fn complete<'a>(&'a self, _: &'a Facts, _: Request) -> BoxFuture<'a, Result<Response, LlmError>> {
        let _ = self.note::<()>(Function::LlmComplete);
        Box::pin(std::future::ready(Err(LlmError::new(ErrorKind::Timeout, "late"))))
    }
}

/// An argument that the function takes.
fn argument(function: Function) -> Vec<u8> {
    document::write(&match function {
        Function::Log => serde_json::json!({ "level": "info", "message": "m" }),
        Function::Metric => serde_json::json!({ "name": "n", "kind": "count", "value": 1.0 }),
        Function::Record => serde_json::json!([{ "table": "t", "row": {} }]),
        Function::KvGet | Function::KvDelete => serde_json::json!("key"),
        Function::KvList => serde_json::json!({ "prefix": "", "limit": 1 }),
        Function::KvIncrement => serde_json::json!({ "key": "k", "by": 1 }),
        Function::KvSet => {
            return document::write(&SetArgument { key: "k".to_owned(), value: Bytes::new(), ttl_ms: None });
        }
        Function::KvCompareAndSet => {
            return document::write(&CompareArgument { key: "k".to_owned(), expected: None, value: Bytes::new() });
        }
        Function::HttpSend => serde_json::json!({ "method": "GET", "url": "http://a.test/" }),
        Function::LlmComplete => serde_json::json!({ "model": "m", "chat": { "messages": [] } }),
    })
}

/// Calls a function through this, and says whether the host's own was reached; if not, why.
fn reaches(
    function: Function,
    call: impl FnOnce(&Services, &[u8]) -> Result<Vec<u8>, ServiceError>,
) -> Result<(), String> {
    let reached = Arc::new(Reached::default());
    let called = call(&reached.services(), &argument(function));
    match (*reached.0.lock().unwrap(), called) {
        (Some(of), _) => {
            assert_eq!(of, function);
            Ok(())
        }
        (None, Err(ServiceError::Invalid(why))) => Err(why),
        (None, other) => unreachable!("{}: {other:?}", function.name()),
    }
}

#[test]
fn each_function_is_served_in_the_hooks_of_its_row_and_in_no_others() {
    for row in Function::TABLE {
        for hook in Hook::TABLE.iter().map(|hook| hook.hook) {
            let (function, facts) = (row.function, Facts::default());
            let legal = row.hooks.contains(hook);
            let elsewhere = || Err(format!("`{}` may not be called in {hook}", function.name()));
            let waits = || Err(format!("`{}` waits, and this call may not", function.name()));
            let expected = |legal_here: bool, may_wait: bool| match (legal_here, may_wait || !row.waits) {
                (false, _) => elsewhere(),
                (true, false) => waits(),
                (true, true) => Ok(()),
            };
            for may_wait in [true, false] {
                let served = reaches(function, |services, argument| {
                    now(serve(services, &facts, hook, may_wait, function, argument))
                });
                assert_eq!(served, expected(legal, may_wait), "{} in {hook}", function.name());
            }
            let served = reaches(function, |services, argument| serve_now(services, &facts, hook, function, argument));
            assert_eq!(served, expected(legal, false), "{} in {hook}, at once", function.name());
        }
    }
}

#[test]
fn what_is_said_without_waiting_is_read_only_if_it_is_short() {
    let served = |function, argument: &[u8]| {
        let services = Arc::new(Reached::default()).services();
        serve_now(&services, &Facts::default(), Hook::RequestEnd, function, argument)
    };
    let line = |field: Json| {
        document::write(&serde_json::json!({ "level": "info", "message": "m", "fields": [["f", field]] }))
    };
    assert_eq!(served(Function::Log, &line("x".repeat(1000).into())), Ok(document::write(&())));
    let long = served(Function::Log, &line("x".repeat(MAX_SAID_BYTES).into()));
    assert!(matches!(long, Err(ServiceError::TooLarge(_))), "{long:?}");
    let many = served(Function::Log, &line(vec![0; MOST_SAID].into()));
    assert!(matches!(many, Err(ServiceError::Invalid(_))), "{many:?}");
}
