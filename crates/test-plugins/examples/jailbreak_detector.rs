//! `jailbreak_detector`, which ships, as an artefact.

use gatewright_stock_plugins::JailbreakDetector;

gatewright_sdk::export!(JailbreakDetector);
