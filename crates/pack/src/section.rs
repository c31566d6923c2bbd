//! How modules and components are written: one section after the other, each with its kind and its length.

/// Puts a section at the end of a module or component.
pub(crate) fn append(file: &mut Vec<u8>, kind: u8, body: &[u8]) {
    file.push(kind);
    append_number(file, body.len());
    file.extend_from_slice(body);
}

/// The body of a custom section; its kind is 0.
pub(crate) fn custom(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(name.len() + data.len() + 5);
    append_number(&mut body, name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    body
}

/// LEB128, unsigned.
pub(crate) fn append_number(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
