use super::pack;
use crate::read::walk;
use crate::section::{append, custom};
use crate::{MANIFEST_SECTION, custom_section, exports, imports};
use wasmparser::{ComponentAlias, Instance, Payload, Validator, WasmFeatures};
use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

const WIT: &str = "
    package gatewright:plugin@1.0.0;
    interface host {
        resource call { body: func() -> list<u8>; }
        log: func(message: string);
    }
    interface check-input { use host.{call}; handle: func(call: own<call>, payload: list<u8>) -> list<u8>; }
    interface check-output { use host.{call}; handle: func(call: own<call>, payload: list<u8>) -> list<u8>; }
    world input { import host; export check-input; }
    world output { import host; export check-output; }
    world imports { import host; }
";

const INPUT: &str = "gatewright:plugin/check-input@1.0.0";
const OUTPUT: &str = "gatewright:plugin/check-output@1.0.0";
const HOST: &str = "gatewright:plugin/host@1.0.0";

fn resolved() -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", WIT).expect("the WIT above parses");
    (resolve, package)
}

/// A module that traps in whatever it exports, and the type of each world given.
fn module(of: &str, typed: &[&str]) -> Vec<u8> {
    let (resolve, package) = resolved();
    let world = |name: &str| resolve.select_world(&[package], Some(name)).expect("a world of the WIT above");
    let mut module = dummy_module(&resolve, world(of), ManglingAndAbi::Standard32);
    for name in typed {
        let mut typed = module.clone();
        embed_component_metadata(&mut typed, &resolve, world(name), StringEncoding::UTF8, false).expect("a type");
        module = typed;
    }
    module
}

/// WASM by hand: an import of one function without parameters and results.
fn importing(from: &str, function: &str) -> Vec<u8> {
    let mut import = vec![1, from.len() as u8];
    import.extend_from_slice(from.as_bytes());
    import.push(function.len() as u8);
    import.extend_from_slice(function.as_bytes());
    import.extend_from_slice(&[0, 0]);
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00\x02".to_vec();
    module.push(import.len() as u8);
    module.extend_from_slice(&import);
    module
}

#[test]
fn a_module_becomes_a_component_that_exports_its_hooks() {
    let component = pack(&module("input", &["input"])).expect("packs");
    assert_eq!(exports(&component).expect("a component"), [INPUT]);
    assert_eq!(imports(&component).expect("a component"), [HOST]);
}

/// An engine looks one up faster that an instance imports.
#[test]
fn hooks_are_lifted_from_an_instance_that_imports_them() {
    let component = pack(&module("input", &["input"])).expect("packs");
    Validator::new_with_features(WasmFeatures::default()).validate_all(&component).expect("valid");
    let (mut modules, mut instances, mut lifted) = (Vec::new(), Vec::new(), None);
    walk(&component, |bytes, payload| {
        match payload {
            Payload::ModuleSection { .. } => modules.push(bytes),
            Payload::InstanceSection(section) => instances.extend(section.into_iter().flatten()),
            Payload::ComponentAliasSection(section) => section.into_iter().flatten().for_each(|alias| match alias {
                ComponentAlias::CoreInstanceExport { instance_index, name, .. } if name.ends_with("|handle") => {
                    lifted = Some((instance_index as usize, name));
                }
                _ => {}
            }),
            _ => {}
        }
        Ok(())
    })
    .expect("a component");
    let (instance, name) = lifted.expect("a hook");
    let Some(Instance::Instantiate { module_index, .. }) = instances.get(instance) else { unreachable!("no instance") };
    let module = modules.get(*module_index as usize).expect("the module");
    let times = module.windows(name.len()).filter(|at| *at == name.as_bytes()).count();
    assert_eq!(times, 2, "imported and exported");
}

#[test]
fn types_of_worlds_that_only_import_ask_for_no_export() {
    let component = pack(&module("input", &["imports", "input"])).expect("packs");
    assert_eq!(exports(&component).expect("a component"), [INPUT]);
}

#[test]
fn a_hook_that_is_announced_and_missing_is_named() {
    let error = pack(&module("input", &["input", "output"])).expect_err("check-output is missing");
    assert!(error.to_string().contains(OUTPUT), "{error}");
}

#[test]
fn our_sections_move_to_the_component() {
    let mut core = module("input", &["input"]);
    let manifest = vec![b'm'; 300];
    append(&mut core, 0, &custom(MANIFEST_SECTION, &manifest));
    append(&mut core, 0, &custom("gatewright:abi", b"1"));
    append(&mut core, 0, &custom("another", b"stays"));
    let component = pack(&core).expect("packs");
    assert_eq!(custom_section(&component, MANIFEST_SECTION).expect("a component"), Some(manifest.as_slice()));
    assert_eq!(custom_section(&component, "gatewright:abi").expect("a component"), Some(b"1".as_slice()));
    assert_eq!(custom_section(&component, "another").expect("a component"), None);
    let times = component.windows(MANIFEST_SECTION.len()).filter(|at| *at == MANIFEST_SECTION.as_bytes()).count();
    assert_eq!(times, 1, "the module nested in it has lost the section");
}

#[test]
fn packing_is_repeatable() {
    let core = module("input", &["input"]);
    assert_eq!(pack(&core).expect("packs"), pack(&core).expect("packs"));
}

#[test]
fn an_import_of_wasi_is_named() {
    let error = pack(&importing("wasi_snapshot_preview1", "fd_write")).expect_err("WASI");
    assert!(error.to_string().contains("wasi_snapshot_preview1.fd_write"), "{error}");
}

#[test]
fn what_is_no_plugin_module_is_refused() {
    let component = pack(&module("input", &["input"])).expect("packs");
    for (file, says) in [
        (component.as_slice(), "a component already"),
        (b"".as_slice(), "no core WASM module"),
        (b"\x7fELF\x02\x01\x01\0".as_slice(), "no core WASM module"),
        (b"\0asm\x01\0\0\0".as_slice(), "export!"),
        (module("input", &[]).as_slice(), "export!"),
    ] {
        let error = pack(file).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_truncated_module_is_an_error() {
    let whole = module("input", &["input"]);
    for length in 0..whole.len() {
        let cut = whole.get(..length).expect("shorter");
        assert!(pack(cut).is_err(), "{length} of {} bytes", whole.len());
    }
}

/// Nothing but the name of an interface differs from a plugin's module, and the encoder alone would end the process.
#[test]
fn packages_that_need_each_other_are_refused() {
    let mut core = module("input", &["input"]);
    let name = INPUT.as_bytes();
    let at = core.windows(name.len()).position(|at| at == name).expect("the type names its interface");
    if let Some(first) = core.get_mut(at) {
        *first = b'f';
    }
    let error = pack(&core).expect_err("a circle").to_string();
    assert!(error.contains("need each other"), "{error}");
}

/// Whatever the bytes, there is an answer.
#[test]
fn a_module_with_a_wrong_byte_does_not_panic() {
    let whole = module("input", &["input"]);
    for at in 0..whole.len() {
        for bits in [0x01, 0x02, 0x80, 0xff] {
            let mut wrong = whole.clone();
            if let Some(byte) = wrong.get_mut(at) {
                *byte ^= bits;
            }
            let _ = pack(&wrong);
        }
    }
}
