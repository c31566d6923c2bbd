use super::{LONGEST, put, take};

#[test]
fn what_is_put_into_an_id_is_taken_out_of_it() {
    for id in ["call_1", "", "function-call-7", "a__signed__b"] {
        for signature in ["CrICAdHtim827fQ+/w==", "_", "__signed__", "a-b_c", "é\n"] {
            let signed = put(id, signature).unwrap();
            assert_eq!(take(&signed), (id, Some(signature.to_owned())), "{signed}");
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            assert!(signed.chars().all(legal), "{signed}");
        }
    }
}

#[test]
fn an_id_of_somebody_else_stays_what_it_is() {
    for id in
        ["toolu_01", "__signed__", "a__signed__", "a__signed___zz", "a__signed___2", "a__signed___ff", "a__signed__b_é"]
    {
        assert_eq!(take(id), (id, None));
    }
}

#[test]
fn a_signature_that_is_too_long_is_none() {
    assert!(put("a", &"x".repeat(LONGEST)).is_some());
    assert!(put("a", &"x".repeat(LONGEST + 1)).is_none());
}
