//! `cost_alerter`, which ships, as a process.

use gatewright_stock_plugins::CostAlerter;

gatewright_sdk::executable!(CostAlerter);
