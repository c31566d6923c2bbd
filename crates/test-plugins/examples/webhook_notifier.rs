//! `webhook_notifier`, which ships, as an artefact.

use gatewright_stock_plugins::WebhookNotifier;

gatewright_sdk::export!(WebhookNotifier);
