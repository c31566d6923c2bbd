//! A gateway with a plugin of its own linked in: prompts that hold a key are refused.
//!
//! ```sh
//! cargo run -p embedded
//! curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \
//!   -d '{"model": "demo/echo", "messages": [{"role": "user", "content": "My key is sk-12345"}]}'
//! ```

use gatewright::prelude::*;

struct NoSecrets;

#[plugin(failure_mode = FailureMode::Closed)]
impl Plugin for NoSecrets {
    fn check_input(&self, _: &mut Cx, request: &Request) -> Result<Verdict, Failure> {
        let mut found = false;
        request.texts(|_, text| found |= text.contains("sk-"))?;
        Ok(if found { Verdict::block("The prompt holds a key") } else { Verdict::Allow })
    }
}

fn main() -> Result<(), gatewright::Error> {
    gatewright::Gateway::builder().plugin(NoSecrets).serve()
}

#[cfg(test)]
mod tests;
