use super::*;
use std::net::{Ipv4Addr, TcpStream as BlockingStream};

const ANY: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

#[tokio::test]
async fn an_address_that_somebody_listens_on_is_not_taken() {
    let taken = listen(bind(ANY).unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let said = Reserved::new(address).err().unwrap().to_string();
    assert!(said.starts_with(&format!("cannot listen on {address}: ")), "{said}");
    drop(taken);
    assert!(Reserved::new(address).is_ok());
}

#[tokio::test]
async fn at_an_address_that_is_taken_nobody_is_let_in_before_it_listens() {
    let reserved = Reserved::new(ANY).unwrap();
    let address = reserved.socket.local_addr().unwrap().as_socket().unwrap();
    let refused = BlockingStream::connect(address).err().map(|error| error.kind());
    assert_eq!(refused, Some(std::io::ErrorKind::ConnectionRefused));
    let listening = listen(reserved.socket).unwrap();
    assert_eq!(listening.local_addr().unwrap(), address);
    assert!(BlockingStream::connect(address).is_ok());
}
