use super::*;
use serde_json::json;

fn over(edits: Json) -> Result<Response, Unfit> {
    let edits: ResponseDocument = document::read(&document::write(&edits)).unwrap();
    let base = Response::from_output(Kind::Chat, "p", "m", Output::Chat(ChatResponse::default()));
    edits.over(Some(&base), &View::all())
}

#[test]
fn an_edit_that_is_misspelt_is_refused() {
    let refused = over(json!({ "edited": true, "provider": "p", "model": "m", "ouput": { "chat": {} } }));
    assert_eq!(refused, Err(Unfit::new("`ouput` is no member of an edited response")));
    let edited = over(json!({ "edited": true, "provider": "p", "model": "n", "extra_fields": { "a": 1 } })).unwrap();
    assert_eq!((&*edited.model, edited.extra_fields), ("n", Map::from_iter([("a".to_owned(), json!(1))])));
}
