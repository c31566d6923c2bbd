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
        assert!(plugin.connections.brief.available_permits() > MAX_UNDER_WAY / 2, "host {number}");
    }
    assert_eq!(server.connections(), MAX_CONNECTIONS + 50, "a host has its own");
    assert_eq!(plugin.connections.kept.available_permits(), 0);
    all_brief_ones_end(&plugin).await;
    for number in 0..MAX_KEPT {
        plugin.send(call(&server.url(&format!("{number}.many.test")))).await.unwrap();
    }
    assert_eq!(server.connections(), MAX_CONNECTIONS + 50, "those that are kept are used again");
}

async fn all_brief_ones_end(plugin: &PluginEgress) {
    let ended = async {
        while plugin.connections.brief.available_permits() < MAX_UNDER_WAY {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn where_no_more_are_kept_as_many_requests_as_may_be_are_under_way() {
    let server = Server::start(OK).await;
    let plugin = Arc::new(with_many_hosts(server.port));
    let _kept = plugin.connections.kept.clone().try_acquire_many_owned(MAX_KEPT as u32).unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..10 * MAX_UNDER_WAY {
        let (plugin, call) = (plugin.clone(), call(&server.url("a.many.test")));
        asking.spawn(async move { plugin.send(call).await.map(|reply| reply.status) });
    }
    for asked in asking.join_all().await {
        assert_eq!(asked, Ok(200));
    }
    assert_eq!(server.connections(), 10 * MAX_UNDER_WAY);
    all_brief_ones_end(&plugin).await;
}

#[tokio::test]
async fn a_request_for_which_there_is_no_place_waits() {
    let server = Server::start(OK).await;
    let plugin = with_many_hosts(server.port);
    let url = server.url("a.many.test");
    let kept = plugin.connections.kept.clone().try_acquire_many_owned(MAX_KEPT as u32).unwrap();
    let brief = plugin.connections.brief.clone().try_acquire_many_owned(MAX_UNDER_WAY as u32).unwrap();
    let short = HttpCall { timeout: Duration::from_millis(50), ..call(&url) };
    assert_eq!(plugin.send(short).await.unwrap_err(), ServiceError::Deadline);
    assert_eq!(server.connections(), 0);
    drop((kept, brief));
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
        while [&plugin, &failing].iter().any(|plugin| plugin.connections.kept.available_permits() < MAX_KEPT) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), back).await.unwrap();
}
