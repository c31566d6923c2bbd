//! `request_logger`, which ships, as a process.

use gatewright_stock_plugins::RequestLogger;

gatewright_sdk::executable!(RequestLogger);
