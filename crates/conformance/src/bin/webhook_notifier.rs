//! `webhook_notifier`, which ships, as a process.

use gatewright_stock_plugins::WebhookNotifier;

gatewright_sdk::executable!(WebhookNotifier);
