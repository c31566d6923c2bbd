use super::*;
use crate::component::compile;
use crate::engine::WasmHost;
use crate::sample::Guest;
use gatewright_abi::VERSION;

/// The name that a gateway of a later minor version gives an interface.
fn later(interface: &str) -> String {
    let (major, minor) = VERSION;
    format!("{}/{interface}@{major}.{}.0", wit::PACKAGE, minor + 7)
}

fn next_major(interface: &str) -> String {
    format!("{}/{interface}@{}.0.0", wit::PACKAGE, VERSION.0 + 1)
}

#[test]
fn a_component_of_this_version_fits_a_gateway_of_a_later_minor_one() {
    let guest = Guest::at(&[Hook::CheckInput]).imports("$get", "kv", "get").calls("$get");
    let host = WasmHost::new(None).unwrap();
    let engine = host.engine();
    let component = compile(engine, &guest.build()).unwrap().component;
    let granted = Permission::ALL.into();
    link(engine, &granted, later).unwrap().instantiate_pre(&component).map(drop).unwrap();
    for (interface, function) in [("plugin", "introduce"), ("plugin", "create"), ("check-input", "handle")] {
        let exported = component.get_export_index(None, &*later(interface)).unwrap();
        assert!(component.get_export_index(Some(&exported), function).is_some(), "{interface}.{function}");
    }
    assert!(link(engine, &granted, next_major).unwrap().instantiate_pre(&component).is_err());
    assert!(component.get_export_index(None, &*next_major("plugin")).is_none());
}
