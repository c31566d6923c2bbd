//! `request_logger`, which ships, as an artefact.

use gatewright_stock_plugins::RequestLogger;

gatewright_sdk::export!(RequestLogger);
