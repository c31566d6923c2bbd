//! How many connections a plugin has.

use super::*;

/// A plugin that may reach every name below `many.test`, all of which are this machine.
fn with_many_hosts(port: u16) -> PluginEgress {
    let here: Lookup = Arc::new(|_| Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))]));
    Egress::with_lookup(here).plugin(allowed(&[format!("private:*.many.test:{port}")]))
}

#[tokio::test]
async fn a_plugin_that_reaches_many_hosts_keeps_no_connection_to_each() {
    let server = Server::start(OK).await;
    let plugin = with_many_hosts(server.port);
    for number in 0..MAX_CONNECTIONS + 50 {
        let reply = plugin.send(call(&server.url(&format!("{number}.many.test")))).await;
        assert_eq!(reply.map(|reply| reply.status), Ok(200), "host {number}");
        assert!(plugin.connections.available_permits() > MAX_UNDER_WAY / 2, "host {number}");
    }
    assert_eq!(server.connections(), MAX_CONNECTIONS + 50, "a host has its own");
    let all_closed = async {
        while plugin.connections.available_permits() < MAX_UNDER_WAY {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), all_closed).await.unwrap();
    plugin.send(call(&server.url("0.many.test"))).await.unwrap();
}

#[tokio::test]
async fn a_connection_over_the_most_is_refused() {
    let server = Server::start(OK).await;
    let plugin = with_many_hosts(server.port);
    let url = server.url("a.many.test");
    let taken = plugin.connections.clone().try_acquire_many_owned(MAX_CONNECTIONS as u32).unwrap();
    let refused = plugin.send(call(&url)).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "the request failed: a plugin has at most 256 connections at a time, and this one has so many open"
    );
    assert_eq!(server.connections(), 0);
    drop(taken);
    assert_eq!(plugin.send(call(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_that_ends_gives_its_place_back() {
    let server = Server::start("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let plugin = with_many_hosts(server.port);
    for _ in 0..3 {
        plugin.send(call(&server.url("a.many.test"))).await.unwrap();
    }
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failing = with_many_hosts(nowhere);
    failing.send(call(&format!("http://a.many.test:{nowhere}/"))).await.unwrap_err();
    let back = async {
        while plugin.connections.available_permits() + failing.connections.available_permits() < 2 * MAX_CONNECTIONS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), back).await.unwrap();
}
