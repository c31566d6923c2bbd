//! A gateway with one worker that has the subject linked in, to be loaded by `"path": "builtin:subject"`:
//! `bench-gateway CONFIG PORT`.

use bench_subject::Subject;
use gatewright::Gateway;
use std::error::Error;

// The gateway's own.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(config), Some(port)) = (words.next(), words.next()) else {
        return Err("bench-gateway CONFIG PORT".into());
    };
    let port = port.parse()?;
    let small = move |config: &mut gatewright::config::Config| {
        config.server.port = port;
        config.server.workers = Some(1);
    };
    Ok(Gateway::builder().plugin_kind::<Subject>().config_file(config).adjust(small).serve()?)
}
