//! `jailbreak_detector`, which ships, as a process.

use gatewright_stock_plugins::JailbreakDetector;

gatewright_sdk::executable!(JailbreakDetector);
