use super::MemoryKv;

gatewright_testkit::kv_cases!(((), MemoryKv::default()));
