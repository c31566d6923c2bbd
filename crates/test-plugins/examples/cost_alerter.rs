//! `cost_alerter`, which ships, as an artefact.

use gatewright_stock_plugins::CostAlerter;

gatewright_sdk::export!(CostAlerter);
