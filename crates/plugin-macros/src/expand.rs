//! From an impl block with plain and async hooks to the one that the trait asks for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, ImplItem, ImplItemFn, ItemImpl, MetaNameValue, ReturnType, Token, Type};

/// `root` is the path to the contract's crate.
pub(crate) fn plugin(root: &TokenStream, arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut block: ItemImpl = syn::parse2(item)?;
    let arguments = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(arguments)?;
    let implemented = block.trait_.as_ref().and_then(|(path, _)| path.segments.last());
    if implemented.is_none_or(|name| name.ident != "Plugin") {
        return Err(Error::new(block.span(), "#[plugin] stands on `impl Plugin for ...`"));
    }
    let (mut hooks, mut immediate, mut has_manifest) = (Vec::new(), Vec::new(), false);
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else { continue };
        if function.sig.ident == "manifest" {
            has_manifest = true;
            continue;
        }
        let variant = camel_case(&function.sig.ident);
        // A hook that is compiled only sometimes is there only then.
        let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
        let hook = quote!(#(#conditions)* #root::Hook::#variant);
        if function.sig.asyncness.is_none() {
            immediate.push(hook.clone());
            make_ready(function)?;
        }
        hooks.push(hook);
    }
    block.items.push(syn::parse_quote! {
        const HOOKS: #root::HookSet = #root::HookSet::of(&[#(#hooks),*]);
    });
    block.items.push(syn::parse_quote! {
        const IMMEDIATE: #root::HookSet = #root::HookSet::of(&[#(#immediate),*]);
    });
    if !has_manifest {
        let permissions = arguments.iter().filter(|argument| argument.path.is_ident("permission"));
        let permissions = permissions.map(|argument| &argument.value);
        block.items.push(syn::parse_quote! {
            const PERMISSIONS: &'static [#root::Permission] = &[#(#permissions),*];
        });
        block.items.push(ImplItem::Verbatim(manifest(root, &block.self_ty, &arguments)));
    } else if let Some(argument) = arguments.first() {
        return Err(Error::new(argument.span(), "the block has a `manifest` of its own: put it there"));
    }
    Ok(quote!(#block))
}

/// A plain `fn` becomes one that returns a ready future; its body runs at the call.
fn make_ready(function: &mut ImplItemFn) -> syn::Result<()> {
    let ReturnType::Type(_, output) = &function.sig.output else {
        return Err(Error::new(function.sig.span(), "a hook returns `Result<outcome, Failure>`"));
    };
    let (output, body) = (output.clone(), &function.block);
    let span = body.span();
    function.block = syn::parse2(quote_spanned! {span=> {
        #[allow(clippy::redundant_closure_call)]
        let __outcome: #output = (move || -> #output #body)();
        ::core::future::ready(__outcome)
    }})?;
    function.sig.output = syn::parse_quote! {
        -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    Ok(())
}

fn manifest(root: &TokenStream, plugin: &Type, arguments: &Punctuated<MetaNameValue, Token![,]>) -> TokenStream {
    let name = match plugin {
        Type::Path(path) => path.path.segments.last().map(|last| snake_case(&last.ident.to_string())),
        _ => None,
    };
    let name = name.unwrap_or_else(|| "plugin".to_owned());
    let settings = arguments.iter().map(|argument| {
        let (key, value) = (&argument.path, &argument.value);
        quote_spanned!(argument.span()=> .#key(#value))
    });
    quote! {
        fn manifest() -> #root::Manifest {
            #root::Manifest::new(#name, ::core::env!("CARGO_PKG_VERSION")) #(#settings)*
        }
    }
}

/// `pre_llm` to `PreLlm`, at the name's own place in the source, so that a wrong name is marked there.
fn camel_case(name: &Ident) -> Ident {
    let camel: String = name
        .to_string()
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect();
    format_ident!("{camel}", span = Span::call_site().located_at(name.span()))
}

/// `NoSecrets` to `no_secrets`, `HTTPGuard` to `http_guard`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let follows = |test: fn(&char) -> bool| at > 0 && test(&letters[at - 1]);
        let ends_abbreviation = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins_word = follows(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
            || (follows(char::is_ascii_uppercase) && ends_abbreviation);
        if letter.is_ascii_uppercase() && begins_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
