//! What is nested in values: documents, tokens, references and escapes, and where all of it goes.

use super::{base64, encoded_word, graphql, json, kind, percent, pieces, respelled};
use super::{GoesOn, Value, Visitor};
use crate::inspect::Part;

/// Tells by the kinds of its bytes a value that may be base64.
#[inline(always)]
pub fn is_token(value: &Value<'_>) -> bool {
    const KINDS: u8 = kind::DOT | kind::SLASH | kind::TAG | kind::CONTROL | kind::SPACE;
    let any = value.seen.any;
    // Blanks that are all around it are at an end of it.
    let around = || matches!(value.bytes, [b' ', ..] | [.., b' ']) && base64::is_token(value.bytes);
    any & !KINDS == 0 && (any & kind::SPACE == 0 || around())
}

/// Tells what was base64 as a file that is handed on; no address and no header holds one.
fn is_file(value: &Value<'_>, text: &[u8]) -> bool {
    let sent = matches!(value.part, Part::Json | Part::Body | Part::Form);
    sent && base64::is_document(text)
}

/// Where values go.
pub struct Out<V> {
    pub visitor: V,
    /// How many there were.
    pub values: u32,
    /// Whether one that was nested is left.
    has_left: bool,
}

impl<V: Visitor> Out<V> {
    #[inline(always)]
    fn hand(&mut self, value: &Value<'_>) {
        self.values += 1;
        if self.visitor.wants(value) {
            self.visitor.visit(value);
        }
    }

    /// The same for what was nested: it may be encoded once more, and its escapes may have spelled
    /// ASCII oddly.
    fn hand_plain(&mut self, value: &Value<'_>) {
        let coded = || percent::is_coded(value.bytes) || percent::is_odd(value.bytes);
        if self.visitor.is_spent() {
            return self.leave(value);
        }
        if !coded() {
            return self.hand(value);
        }
        let mut text = value.bytes.to_vec();
        let undone = percent::undo(&mut text, false);
        self.hand(&Value {
            extra_rounds: value.extra_rounds + undone.rounds,
            odd_utf8: undone.odd_utf8,
            ..value.with(&text, kind::seen(&text))
        });
    }

    /// Has the visitor leave a value that was nested: what it says is not known before it is decoded. Of
    /// several one is enough.
    fn leave(&mut self, value: &Value<'_>) {
        self.values += 1;
        if !self.has_left {
            self.has_left = true;
            self.visitor.visit(value);
        }
    }

    /// Hands out the text of a token that was nested.
    #[inline(never)]
    fn hand_token(&mut self, value: &Value<'_>, text: &[u8]) {
        if is_file(value, text) {
            self.values += 1;
            return;
        }
        if matches!(text.trim_ascii_start(), [b'{' | b'[', ..]) {
            let mut scratch = json::Scratch::default();
            let end = json::walk(text, &mut scratch, |path, bytes, seen| {
                self.hand_plain(&Value {
                    inner: path,
                    ..value.with(bytes, seen)
                });
            });
            if end.why == json::Why::Complete {
                return;
            }
        }
        self.hand_plain(&value.with(text, kind::seen(text)));
    }
}

/// Hands values out, and what is nested in them.
pub struct Nested<'s, V> {
    pub out: Out<V>,
    token: &'s mut Vec<u8>,
    inner: &'s mut json::Scratch,
}

impl<'s, V> Nested<'s, V> {
    /// Takes what is reused between requests: a token's text lies in `token`.
    pub fn new(visitor: V, token: &'s mut Vec<u8>, inner: &'s mut json::Scratch) -> Nested<'s, V> {
        Nested {
            out: Out {
                visitor,
                values: 0,
                has_left: false,
            },
            token,
            inner,
        }
    }
}

impl<V: Visitor> Nested<'_, V> {
    /// Hands a value out, whole or from a piece of it on. Returns the first piece that is left to another
    /// walk; 0 when there is none.
    #[inline(always)]
    pub fn judge_from(&mut self, value: &Value<'_>, piece: u32) -> u32 {
        if piece > 0 {
            return self.pieces(value, piece);
        }
        self.out.visitor.begin(false);
        self.judge(value);
        0
    }

    #[cold]
    fn pieces(&mut self, value: &Value<'_>, from: u32) -> u32 {
        let mut text = Vec::new();
        for piece in from.. {
            if !pieces::write(value.bytes, piece, &mut text) {
                break;
            }
            if self.out.visitor.is_spent() {
                return piece;
            }
            self.out.visitor.begin(true);
            self.judge(&value.with(&text, kind::seen(&text)));
            if self.out.visitor.goes_on() == GoesOn::Within {
                return piece;
            }
        }
        0
    }

    /// Hands a value out; as its own strings when it is a JSON document by itself; with the text
    /// that it is the base64 of, if it is.
    #[inline(always)]
    fn judge(&mut self, value: &Value<'_>) {
        let any = value.seen.any;
        if any & kind::BRACE != 0 && any & kind::QUOTE != 0 {
            return self.structured(value);
        }
        self.out.hand(value);
        if any & kind::CONTROL != 0 && memchr::memchr(0, value.bytes).is_some() {
            self.pierced(value);
        }
        if is_token(value) {
            // Of a path, the last segment may be one.
            let from = match value.part {
                Part::Path => memchr::memrchr(b'/', value.bytes).map_or(0, |at| at + 1),
                _ => 0,
            };
            if base64::undo(
                base64::held(&value.bytes[from..]),
                any & kind::CONTROL != 0,
                self.token,
            ) {
                self.undone(value, |text| is_file(value, text));
            }
        } else if any & (kind::OPEN | kind::BRACE) != 0 {
            self.respelled(value);
        } else if any & kind::QUOTE != 0 {
            self.quoted(value);
        }
        let word = matches!(value.part, Part::Header | Part::File) && any & kind::TAG != 0;
        if word && encoded_word::undo(value.bytes, self.token) {
            self.undone(value, |_| false);
        }
    }

    /// Hands out the text that a value in quotes is the base64 of.
    #[inline(never)]
    fn quoted(&mut self, value: &Value<'_>) {
        let inner = base64::quoted(value.bytes).map(base64::held);
        if inner.is_some_and(|inner| base64::undo(inner, false, self.token)) {
            self.undone(value, |text| is_file(value, text));
        }
    }

    /// Hands out a text without the null bytes in it: some readers drop them, and of UTF-16 in a place
    /// that is not known to be so they are every other byte.
    #[inline(never)]
    fn pierced(&mut self, value: &Value<'_>) {
        let binary = |b: &u8| *b != 0 && b.is_ascii_control() && !b.is_ascii_whitespace();
        if !value.bytes.iter().any(binary) {
            let text: Vec<u8> = value.bytes.iter().copied().filter(|b| *b != 0).collect();
            self.out.hand_plain(&value.with(&text, kind::seen(&text)));
        }
    }

    /// Hands out what a value spells by references and escapes.
    #[inline(never)]
    fn respelled(&mut self, value: &Value<'_>) {
        if respelled::undo(value.bytes, self.token) {
            self.undone(value, |_| false);
        }
    }

    /// Hands out a value that may be a document, with what can be read in it.
    #[inline(never)]
    fn structured(&mut self, value: &Value<'_>) {
        let start = value.bytes.trim_ascii_start();
        let Nested { out, inner, token } = self;
        // One that ends nowhere is no document to anybody.
        let ends = memchr::memrchr2(b'}', b']', start).is_some();
        if ends && matches!(start, [b'{' | b'[', ..]) {
            let end = json::walk(value.bytes, inner, |path, bytes, seen| {
                let value = Value {
                    inner: path,
                    ..value.with(bytes, seen)
                };
                out.hand_plain(&value);
                if is_token(&value)
                    && base64::undo(base64::held(bytes), seen.any & kind::CONTROL != 0, token)
                {
                    out.hand_token(&value, token);
                }
            });
            if end.why == json::Why::Complete {
                return;
            }
        }
        out.hand(value);
        if memchr::memchr(0, value.bytes).is_some() {
            self.pierced(value);
        }
        let Nested { out, inner, .. } = self;
        if graphql::is_document(value.name, start) {
            graphql::literals(start, inner, |bytes| {
                out.hand_plain(&value.with(bytes, kind::seen(bytes)));
            });
        }
        let mut text = std::mem::take(self.token);
        if respelled::undo(value.bytes, &mut text) {
            out.hand_plain(&value.with(&text, kind::seen(&text)));
        }
        *self.token = text;
    }

    /// Hands out the text of a token, and of the token in it; not what `is_passed_over`.
    #[inline(never)]
    fn undone(&mut self, value: &Value<'_>, is_passed_over: impl Fn(&[u8]) -> bool) {
        let token = std::mem::take(self.token);
        let mut inner = Vec::new();
        let text: &[u8] = if base64::undo(&token, true, &mut inner) {
            &inner
        } else {
            &token
        };
        let text = value.with(text, kind::seen(text));
        if is_passed_over(text.bytes) {
            self.out.values += 1;
        } else if text.seen.any & kind::BRACE != 0 && text.seen.any & kind::QUOTE != 0 {
            self.structured(&text);
        } else {
            self.out.hand_plain(&text);
        }
        *self.token = token;
    }
}
