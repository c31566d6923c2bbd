use super::*;

fn contract() -> TokenStream {
    quote!(::gatewright_plugin)
}

/// What the attribute makes of a block, as one line without spaces.
fn expanded(arguments: TokenStream, item: TokenStream) -> String {
    plugin(&contract(), arguments, item).unwrap().to_string().replace(' ', "")
}

/// What the attribute says of a block that it refuses.
fn refused(arguments: TokenStream, item: TokenStream) -> String {
    plugin(&contract(), arguments, item).unwrap_err().to_string()
}

fn no_arguments() -> TokenStream {
    TokenStream::new()
}

#[test]
fn it_stands_on_an_impl_of_plugin_alone() {
    for item in
        [quote! { impl Guard {} }, quote! { impl Display for Guard {} }, quote! { impl plugin::Plugins for Guard {} }]
    {
        assert_eq!(refused(no_arguments(), item), "#[plugin] stands on `impl Plugin for ...`");
    }
    for item in [quote! { struct Guard; }, quote! { fn guard() {} }] {
        assert_eq!(refused(no_arguments(), item), "expected `impl`");
    }
    for path in [quote!(Plugin), quote!(gatewright::prelude::Plugin)] {
        expanded(no_arguments(), quote! { impl #path for Guard {} });
    }
}

#[test]
fn an_argument_has_a_name_and_a_value() {
    let item = || quote! { impl Plugin for Guard {} };
    for arguments in [quote!(name), quote!(name("x")), quote!("x"), quote!(name = ), quote!(name = "x" priority = 1)] {
        assert!(plugin(&contract(), arguments.clone(), item()).is_err(), "{arguments}");
    }
}

#[test]
fn arguments_and_a_manifest_of_its_own_do_not_go_together() {
    let item = || quote! { impl Plugin for Guard { fn manifest() -> Manifest { todo() } } };
    let message = refused(quote!(name = "x"), item());
    assert_eq!(message, "the block has a `manifest` of its own: put it there");
    let expanded = expanded(no_arguments(), item());
    assert_eq!(expanded.matches("fnmanifest()").count(), 1, "{expanded}");
}

#[test]
fn a_plain_hook_without_an_answer_is_refused() {
    let item = quote! { impl Plugin for Guard { fn pre_llm(&self, cx: &mut Cx) {} } };
    assert_eq!(refused(no_arguments(), item), "a hook returns `Result<outcome, Failure>`");
}

#[test]
fn hooks_are_listed_and_the_plain_ones_are_immediate() {
    let item = quote! {
        impl Plugin for Guard {
            fn check_input(&self) -> Verdict { yes() }
            async fn pre_llm(&self) -> PreLlm { no() }
        }
    };
    let expanded = expanded(no_arguments(), item);
    let of = |hooks: &str| format!("::gatewright_plugin::HookSet::of(&[{hooks}]);");
    let check_input = "::gatewright_plugin::Hook::CheckInput";
    let both = format!("{check_input},::gatewright_plugin::Hook::PreLlm");
    assert!(expanded.contains(&format!("constHOOKS:::gatewright_plugin::HookSet={}", of(&both))), "{expanded}");
    assert!(expanded.contains(&format!("constIMMEDIATE:::gatewright_plugin::HookSet={}", of(check_input))));
    assert!(expanded.contains("::core::future::ready(__outcome)"));
    assert!(expanded.contains("asyncfnpre_llm(&self)->PreLlm{no()}"), "an async hook stays as it is: {expanded}");
}

#[test]
fn a_condition_on_a_hook_is_one_on_its_entry_too() {
    let item = quote! {
        impl Plugin for Guard {
            #[cfg(unix)]
            #[allow(unused)]
            fn health(&self) -> Health { ok() }
        }
    };
    let expanded = expanded(no_arguments(), item);
    assert_eq!(expanded.matches("&[#[cfg(unix)]::gatewright_plugin::Hook::Health]").count(), 2, "{expanded}");
}

#[test]
fn a_manifest_is_made_of_the_arguments_in_their_order() {
    let arguments = quote!(priority = 1, header = "a", header = "b",);
    let expanded = expanded(arguments, quote! { impl Plugin for NoSecrets {} });
    let made = r#"::gatewright_plugin::Manifest::new("no_secrets",::core::env!("CARGO_PKG_VERSION"))"#;
    assert!(expanded.contains(&format!(r#"{made}.priority(1).header("a").header("b")"#)), "{expanded}");
}

#[test]
fn a_type_without_a_name_makes_a_plugin_with_a_general_one() {
    let expanded = expanded(no_arguments(), quote! { impl Plugin for (A, B) {} });
    assert!(expanded.contains(r#"Manifest::new("plugin","#), "{expanded}");
}

#[test]
fn the_contract_may_be_somewhere_else() {
    let item = quote! { impl Plugin for Guard { fn health(&self) -> Health { ok() } } };
    let expanded = plugin(&quote!(::gatewright::plugin), no_arguments(), item).unwrap().to_string().replace(' ', "");
    assert!(expanded.contains("::gatewright::plugin::Hook::Health") && !expanded.contains("gatewright_plugin"));
}

#[test]
fn a_hook_is_named_by_its_method() {
    for (method, variant) in [("auth", "Auth"), ("pre_llm", "PreLlm"), ("on_stream_chunk", "OnStreamChunk")] {
        assert_eq!(camel_case(&Ident::new(method, Span::call_site())), variant);
    }
}

#[test]
fn a_plugin_is_named_by_its_type() {
    for (name, expected) in [
        ("Guard", "guard"),
        ("NoSecrets", "no_secrets"),
        ("HTTPGuard", "http_guard"),
        ("GuardHTTP", "guard_http"),
        ("PIIFilterV2", "pii_filter_v2"),
        ("Gpt4Guard", "gpt4_guard"),
        ("A", "a"),
        ("AB", "ab"),
        ("ABc", "a_bc"),
    ] {
        assert_eq!(snake_case(name), expected);
    }
}
