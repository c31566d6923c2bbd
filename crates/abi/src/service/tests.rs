use super::*;
use gatewright_model::{Message, Role};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Keeps what a guest asks its host, and answers nothing.
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
