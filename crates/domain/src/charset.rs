//! Text that receivers send, decoded by its charset.

use encoding_rs::{Encoding, UTF_8};

/// The body as text: in the charset that its content type names, else in UTF-8. Bytes that are no
/// text in it become U+FFFD.
pub fn decode(body: &[u8], content_type: Option<&str>) -> String {
    let charset = content_type.and_then(parameter);
    let encoding = charset.and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    let (text, _) = encoding.unwrap_or(UTF_8).decode_with_bom_removal(body);
    text.into_owned()
}

/// The value of the parameter `charset` of a media type.
fn parameter(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_decoded_by_its_charset() {
        for (content_type, body, text) in [
            (
                Some("text/html; charset=ISO-8859-1"),
                &b"gr\xfc\xdfe"[..],
                "grüße",
            ),
            (Some("text/plain;x=\"a\"; Charset=\"latin1\""), b"\xe9", "é"),
            (Some("text/plain; charset=windows-1252"), b"\x80 5", "€ 5"),
            (Some("text/plain; charset=Shift_JIS"), b"\x93\xfa", "日"),
            (
                Some("text/plain; charset=utf-8"),
                "grüße".as_bytes(),
                "grüße",
            ),
            (Some("text/plain; charset=utf-8"), b"caf\xe9", "caf\u{fffd}"),
            (
                Some("text/plain; charset=unheard-of"),
                b"caf\xe9",
                "caf\u{fffd}",
            ),
            (Some("text/plain"), b"caf\xe9", "caf\u{fffd}"),
            (None, "é".as_bytes(), "é"),
        ] {
            assert_eq!(decode(body, content_type), text, "{content_type:?}");
        }
    }
}
