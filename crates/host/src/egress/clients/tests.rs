use super::*;
use hyper_rustls::ConfigBuilderExt;
use tokio::runtime::{Builder, Runtime};

fn clients() -> Arc<Clients> {
    let tls = ClientConfig::builder().with_webpki_roots().with_no_client_auth();
    let ping = (Duration::from_secs(30), Duration::from_secs(10));
    Clients::new(Making { lookup: super::super::address::system(), tls, ping })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn of(clients: &Arc<Clients>, runtime: &Runtime) -> Arc<Reaching> {
    let _entered = runtime.enter();
    clients.own()
}

#[test]
fn each_runtime_has_its_own_until_it_ends() {
    let (clients, first, second) = (clients(), runtime(), runtime());
    let of_first = of(&clients, &first);
    assert!(Arc::ptr_eq(&of_first, &of(&clients, &first)));
    assert!(!Arc::ptr_eq(&of_first, &of(&clients, &second)));
    drop(first);
    assert_eq!(clients.places().len(), 1);
    assert_eq!(Arc::strong_count(&of_first), 1, "nobody else has them any more");
    drop(second);
    assert!(clients.places().is_empty());
}

#[test]
fn beyond_the_most_runtimes_nothing_is_kept() {
    let clients = clients();
    let mut runtimes: Vec<Runtime> = (0..MOST).map(|_| runtime()).collect();
    for runtime in &runtimes {
        assert!(!Arc::ptr_eq(&of(&clients, runtime), &clients.brief));
    }
    let late = runtime();
    assert!(Arc::ptr_eq(&of(&clients, &late), &clients.brief));
    runtimes.pop();
    assert!(!Arc::ptr_eq(&of(&clients, &late), &clients.brief), "there is a place again");
}

#[test]
fn the_tasks_that_have_places_end_with_the_clients() {
    let (clients, runtime) = (clients(), runtime());
    of(&clients, &runtime);
    assert_eq!(runtime.metrics().num_alive_tasks(), 1);
    drop(clients);
    runtime.block_on(async { tokio::task::yield_now().await });
    assert_eq!(runtime.metrics().num_alive_tasks(), 0);
}
