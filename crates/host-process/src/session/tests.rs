use super::*;
use crate::desk::Desk;
use crate::flights::{Flight, Want};
use crate::link::Link;
use crate::nothing;
use crate::told;
use crate::wire::Wire;
use bytes::{BufMut, Bytes, BytesMut};
use gatewright_abi::View;
use gatewright_abi::functions::Function;
use gatewright_abi::host;
use gatewright_plugin::hosted::Call;
use gatewright_plugin::payload::Shutdown;
use gatewright_plugin::{Cx, Facts, Hook, Manifest, State};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// What a call gives the plugin.
fn desk() -> Desk {
    let (services, view) = (nothing::services(), Arc::new(View::of(&Manifest::new("it", "1.0.0"))));
    let cx = Cx::new(Arc::new(Facts::default()), State::default(), None, services.clone());
    let rest = host::depart(&cx, &Call::OnShutdown(Shutdown).lend(), &view).rest;
    Desk::new(services, Hook::OnShutdown, rest, Flights::new().results())
}

/// A message of these frames, and beside them a field that nobody knows, of so many bytes.
fn message(frames: Vec<PluginFrame>, unknown: usize) -> Bytes {
    let mut message = BytesMut::from(&*PluginFrames { frames }.encode_to_vec());
    prost::encoding::encode_key(15, prost::encoding::WireType::LengthDelimited, &mut message);
    prost::encoding::encode_varint(unknown as u64, &mut message);
    message.put_bytes(0, unknown);
    message.freeze()
}

#[tokio::test]
async fn what_is_asked_waits_without_the_message_that_it_came_in() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (wire, _moving) = Wire::over(ours).await.unwrap();
    let link = Arc::new(Link::base(wire, Flights::new()));
    let (teller, _telling) = told::telling(&link);
    let mut flight = Flight::open(&link, 1, &Arc::new(desk()), Duration::from_secs(20)).ok().unwrap();
    let ask = HostAsk { call: 1, id: 7, function: Function::KvGet as u32, argument: Bytes::from_static(b"\x61k") };
    let message = message(vec![PluginFrame { frame: Some(plugin_frame::Frame::Ask(ask)) }], 1 << 20);
    let PluginFrames { frames } = PluginFrames::decode(message.clone()).unwrap();
    assert!(!message.is_unique(), "what was read is a part of it");
    take(frames, &link.flights, &teller).await.unwrap();
    let Want { what: What::Function { argument, .. }, .. } = flight.wants.try_recv().unwrap() else { panic!() };
    assert_eq!(*argument, *b"\x61k");
    assert!(message.is_unique(), "nobody else holds it any more");
}
