use super::*;
use crate::sample::{Guest, load, run};
use gatewright_plugin::Hook;
use wasmtime::ModuleVersionStrategy;

/// A host on this folder, and what counts how often its cache had what was asked for.
fn on(folder: &Path) -> (WasmHost, Cache) {
    let cache = kept(folder).unwrap();
    (WasmHost::with(Some(cache.clone())).unwrap(), cache)
}

/// How often code was there, and how often it was compiled.
fn found(cache: &Cache) -> (usize, usize) {
    (cache.cache_hits(), cache.cache_misses())
}

fn guest() -> Guest {
    Guest::at(&[Hook::CheckInput])
}

#[test]
fn what_was_compiled_is_not_compiled_again_by_another_host() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (first, cache) = on(folder.path());
        let plugin = load(&first, &guest(), Options::default()).await.unwrap();
        assert_eq!(found(&cache), (0, 1));
        drop((plugin, first));
        let (second, cache) = on(folder.path());
        let plugin = load(&second, &guest(), Options::default()).await.unwrap();
        assert_eq!(found(&cache), (1, 0), "the second host found it");
        assert_eq!(plugin.hooks().iter().collect::<Vec<_>>(), [Hook::CheckInput]);
    });
}

#[test]
fn another_file_is_compiled() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let (host, cache) = on(folder.path());
        load(&host, &guest(), Options::default()).await.unwrap();
        let other = Guest::at(&[Hook::CheckInput]).says(&serde_json::json!({ "outcome": "allow" }));
        load(&host, &other, Options::default()).await.unwrap();
        assert_eq!(found(&cache), (0, 2));
    });
}

#[test]
fn another_engine_compiles_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = guest().build();
    let (host, _) = on(folder.path());
    compile(&host.engine, &wasm).unwrap();
    let compiled_with = |change: fn(&mut Config)| {
        let cache = kept(folder.path()).unwrap();
        let mut config = config(Some(cache.clone()), true);
        change(&mut config);
        compile(&Engine::new(&config).unwrap(), &wasm).unwrap();
        found(&cache)
    };
    assert_eq!(compiled_with(|_| ()), (1, 0), "the same");
    let other_version = |config: &mut Config| {
        config.module_version(ModuleVersionStrategy::Custom("another".to_owned())).unwrap();
    };
    assert_eq!(compiled_with(other_version), (0, 1), "another version");
    let other_code = |config: &mut Config| {
        config.cranelift_opt_level(OptLevel::None);
    };
    assert_eq!(compiled_with(other_code), (0, 1), "another setting");
}
