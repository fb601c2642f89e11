//! Any text, as a configuration of a fit and of a simulation and as an override: an error or a
//! configuration that survives serialisation, never a panic.

#![no_main]

use dyne_xpcs_config::{FitConfig, Override, SimConfig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = FitConfig::from_yaml(text, "text", &[]) {
        let json = serde_json::to_string(&config).expect("a checked config has finite numbers");
        assert_eq!(FitConfig::from_yaml(&json, "json", &[]), Ok(config));
    }
    let _ = SimConfig::from_yaml(text, "text", &[]);
    let _ = Override::parse(text).and_then(|set| FitConfig::from_overrides(&[set]));
});
