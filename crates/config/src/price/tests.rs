use super::{Price, Prices, SHIPPED, undated};
use crate::testing::load;
use gatewright_model::Usage;

fn shipped(provider: &str, model: &str) -> Option<f64> {
    Prices::default().lookup(provider, model).map(|price| price.input)
}

#[test]
fn prices_ship() {
    assert!(SHIPPED.len() >= 24, "{}", SHIPPED.len());
    for (model, price) in SHIPPED.iter() {
        assert!(price.input > 0.0 && price.output > price.input, "{model}");
        assert!(price.cache_read.is_none_or(|read| read < price.input), "{model}");
        assert!(price.cache_write.is_none_or(|write| write > price.input), "{model}");
        assert_eq!(price.cache_write.is_some(), model.starts_with("claude"), "{model}");
    }
    let price = Prices::default().lookup("openai", "gpt-4o").unwrap();
    assert_eq!(price, Price { input: 2.5, output: 10.0, cache_read: Some(1.25), cache_write: None });
}

#[test]
fn dates_are_left_out_where_the_dated_name_has_no_price() {
    assert_eq!(shipped("openai", "gpt-4o-2024-08-06"), Some(2.5));
    assert_eq!(shipped("openai", "gpt-4o-2024-05-13"), Some(5.0));
    assert_eq!(shipped("anthropic", "claude-3-5-sonnet-20241022"), Some(3.0));
    assert_eq!(shipped("anthropic", "claude-3-5-haiku-latest"), Some(0.8));
    assert_eq!(shipped("anthropic", "claude-opus-4-20250514"), Some(15.0));
    assert_eq!(shipped("anthropic", "claude-opus-4-5-20251101"), Some(5.0));
    assert_eq!(shipped("openrouter", "openai/gpt-4o-mini"), Some(0.15));
}

#[test]
fn what_is_not_known_has_no_price() {
    for model in [
        "gpt-4o-audio",
        "gpt-4",
        "llama",
        "",
        "-2024-08-06",
        "gpt-4o-2024-8-6",
        "gpt-4o-20240",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
    ] {
        assert_eq!(shipped("openai", model), None, "{model}");
    }
    assert_eq!(shipped("demo", "gpt-4o"), None);
    assert_eq!(undated("gpt-4o"), None);
    assert_eq!(undated("-latest"), None);
}

#[test]
fn the_configs_prices_go_first() {
    let config = load(
        r#"{ "prices": {
            "gpt-4o": { "input": 1, "output": 2 },
            "local/gpt-4o": { "input": 0, "output": 0 },
            "openai/gpt-4o-2024-08-06": { "input": 7, "output": 7 },
            "demo/demo": { "input": 3, "output": 3 }
        } }"#,
    )
    .config;
    let prices = Prices::new(&config.prices);
    let input = |provider: &str, model: &str| prices.lookup(provider, model).map(|price| price.input);
    assert_eq!(input("openai", "gpt-4o"), Some(1.0));
    assert_eq!(input("openai", "gpt-4o-2024-11-20"), Some(1.0));
    assert_eq!(input("openai", "gpt-4o-2024-08-06"), Some(7.0));
    assert_eq!(input("local", "gpt-4o"), Some(0.0));
    assert_eq!(input("local", "gpt-4o-2024-11-20"), Some(0.0));
    assert_eq!(input("demo", "demo"), Some(3.0));
    assert_eq!(input("openai", "gpt-4.1"), Some(2.0));
}

#[test]
fn caches_are_priced_as_such() {
    let usage = Usage {
        input_tokens: 1_000_000,
        output_tokens: 100_000,
        cache_read_tokens: 600_000,
        cache_write_tokens: 300_000,
        reasoning_tokens: 50_000,
    };
    let sonnet = Prices::default().lookup("anthropic", "claude-sonnet-4-5").unwrap();
    let expected = 0.1 * 3.0 + 0.6 * 0.3 + 0.3 * 3.75 + 0.1 * 15.0;
    assert!((sonnet.cost(&usage) - expected).abs() < 1e-9, "{}", sonnet.cost(&usage));
    let plain = Price { input: 2.0, output: 4.0, cache_read: None, cache_write: None };
    assert!((plain.cost(&usage) - 2.4).abs() < 1e-9);
    assert_eq!(plain.cost(&Usage::default()), 0.0);
}

#[test]
fn a_usage_that_cannot_be_costs_no_more_than_its_input() {
    let usage = Usage { input_tokens: 10, cache_read_tokens: 100, cache_write_tokens: u64::MAX, ..Usage::default() };
    let price = Price { input: 1.0, output: 1.0, cache_read: Some(0.5), cache_write: Some(2.0) };
    assert!((price.cost(&usage) - 5e-6).abs() < 1e-12);
}
