use super::*;
use crate::component::compile;
use crate::engine::WasmHost;
use crate::sample::Guest;
use gatewright_plugin::Hook;

fn instances(memories: u32, tables: u32, core_instances: u32) -> usize {
    Weight { memories, tables, core_instances }.instances()
}

#[test]
fn a_plugin_has_an_eighth_of_what_its_instances_take_most_of() {
    assert_eq!(instances(1, 3, 4), 500);
    assert_eq!(instances(0, 0, 0), 500, "each of them is an instance");
    assert_eq!(instances(2, 3, 4), 250);
    assert_eq!(instances(32, 0, 32), 15);
    assert_eq!(instances(1, 64, 1), 31);
    assert_eq!(instances(1, 1, 200), 40);
    assert_eq!(instances(1, 1, u32::MAX), LEAST);
}

#[test]
fn what_a_component_takes_is_known_before_there_is_one() {
    let host = WasmHost::new(None).unwrap();
    let weight = |memories| {
        let compiled = compile(host.engine(), &Guest::at(&[Hook::CheckInput]).with_memories(memories).build()).unwrap();
        compiled.weight
    };
    let (one, many) = (weight(0), weight(31));
    assert_eq!((one.memories, many.memories), (1, 32));
    assert_eq!(many.core_instances, one.core_instances + 31);
    assert_eq!(many.tables, one.tables);
}
