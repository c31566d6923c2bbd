//! A mock provider on loopback: the OpenAI and Anthropic chat endpoints, with answers that cost almost nothing to make.
//!
//! It shares a core with the load generator, so everything it does for a request is time taken from the measurement:
//! events are static bytes wherever they can be, and a request body is scanned rather than parsed.

mod answer;
mod anthropic;
mod openai;
mod paced;
mod request;
mod script;
mod settings;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::Parser;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::settings::{Settings, Shared};

/// A mock OpenAI and Anthropic provider on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "bench-upstream", version)]
struct Args {
    /// Port on 127.0.0.1; 0 takes a free one, which the first line of output names.
    #[arg(long, default_value_t = 9100)]
    port: u16,
    /// Content chunks in a stream, without the events that open and close it.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(settings::MAX_CHUNKS)))]
    chunks: u32,
    /// Milliseconds between content chunks; 0 writes as fast as the connection takes them.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(settings::MAX_PACE_MS)))]
    pace_ms: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let shared = Arc::new(Shared::new(Settings { chunks: args.chunks, pace_ms: args.pace_ms }));
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).await?;
    announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        // Without it Nagle's algorithm would decide when a chunk leaves, and the pace would be the kernel's.
        stream.set_nodelay(true)?;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer::answer(request, Arc::clone(&shared)));
            // A client that goes away is the client's business: the next request on a new connection is unaffected.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[expect(clippy::print_stdout, reason = "whoever asked for port 0 learns the port from this line")]
fn announce(address: SocketAddr) {
    println!("listening on {address}");
}
