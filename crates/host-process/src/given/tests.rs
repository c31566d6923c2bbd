use super::Given;
use gatewright_abi::{NotGiven, Part};
use std::cell::Cell;

#[test]
fn a_part_is_there_once_while_it_is_on_its_way() {
    let (given, made) = (Given::default(), Cell::new(0));
    let fetch = |part| {
        given.part(part, || {
            made.set(made.get() + 1);
            Ok(vec![7; 1000].into())
        })
    };
    let on_their_way: Vec<_> = (0..200).map(|_| fetch(Part::Chat).unwrap()).collect();
    assert_eq!(made.get(), 1);
    assert!(on_their_way.iter().all(|content| content.as_ptr() == on_their_way[0].as_ptr()));
    fetch(Part::Texts).unwrap();
    assert_eq!(made.get(), 2, "another part is another");
    drop(on_their_way);
    assert_eq!(*fetch(Part::Chat).unwrap(), [7; 1000]);
    assert_eq!(made.get(), 3, "nothing is kept that nobody needs");
}

#[test]
fn what_is_not_given_is_asked_for_again() {
    let given = Given::default();
    assert_eq!(given.part(Part::Chat, || Err(NotGiven::NotAskedFor)), Err(NotGiven::NotAskedFor));
    assert_eq!(given.part(Part::Chat, || Ok(vec![1].into())), Ok(vec![1].into()));
}
