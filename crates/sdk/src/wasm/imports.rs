// Written from the table of host functions: `UPDATE_ABI_FILES=1 cargo test -p gatewright-abi`.

imports! {
    log "gatewright:plugin/log@1.0.0" {
        write "write",
    }
    metrics "gatewright:plugin/metrics@1.0.0" {
        sample "sample",
    }
    records "gatewright:plugin/records@1.0.0" {
        append "append",
    }
    kv "gatewright:plugin/kv@1.0.0" {
        get "get",
        set "set",
        delete "delete",
        list "list",
        increment "increment",
        compare_and_set "compare-and-set",
    }
    http "gatewright:plugin/http@1.0.0" {
        send "send",
    }
    llm "gatewright:plugin/llm@1.0.0" {
        complete "complete",
    }
}

/// The import of a function, if the plugin asks for its permission.
fn import<P: FromConfig>(function: Function) -> Option<Import> {
    Some(match function {
        Function::Log => log::write,
        Function::Metric if asks_for::<P>(Permission::Metrics) => metrics::sample,
        Function::Record if asks_for::<P>(Permission::Records) => records::append,
        Function::KvGet if asks_for::<P>(Permission::Kv) => kv::get,
        Function::KvSet if asks_for::<P>(Permission::Kv) => kv::set,
        Function::KvDelete if asks_for::<P>(Permission::Kv) => kv::delete,
        Function::KvList if asks_for::<P>(Permission::Kv) => kv::list,
        Function::KvIncrement if asks_for::<P>(Permission::Kv) => kv::increment,
        Function::KvCompareAndSet if asks_for::<P>(Permission::Kv) => kv::compare_and_set,
        Function::HttpSend if asks_for::<P>(Permission::Http) => http::send,
        Function::LlmComplete if asks_for::<P>(Permission::Llm) => llm::complete,
        _ => return None,
    })
}
