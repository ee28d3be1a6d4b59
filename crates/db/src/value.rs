//! Arguments of a statement.

use serde::Serialize;

use crate::DbError;

/// The type of a value, which a NULL carries too: PostgreSQL wants to know the type of every
/// parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `TEXT` on both engines.
    Text,
    /// `BIGINT` on both engines.
    Int,
    /// `BOOLEAN`; SQLite stores 0 or 1.
    Bool,
    /// `BYTEA` on PostgreSQL, a blob on SQLite.
    Bytes,
    /// `DOUBLE PRECISION` on both engines.
    Float,
}

/// One argument of a statement. Build a list of them with [`args!`](crate::args).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of the given type.
    Null(Kind),
    /// Text: ids, enums, JSON.
    Text(String),
    /// A 64-bit integer: counts, milliseconds, minor units of money.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A floating-point number. Never money.
    Float(f64),
}

impl Value {
    /// `value` as JSON text, for a column that [`Row::json`](crate::Row::json) reads.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, DbError> {
        serde_json::to_string(value)
            .map(Self::Text)
            .map_err(|error| DbError::Encode(error.to_string()))
    }
}

/// Types with a fixed [`Kind`], so that `Option<T>` knows what its `None` is.
pub trait HasKind {
    /// The kind of every value of this type.
    const KIND: Kind;
}

macro_rules! value_from {
    ($($type:ty => $kind:ident, |$value:ident| $make:expr;)*) => {$(
        impl HasKind for $type {
            const KIND: Kind = Kind::$kind;
        }
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                Value::$kind($make)
            }
        }
    )*};
}

value_from! {
    i64 => Int, |value| value;
    i32 => Int, |value| i64::from(value);
    u32 => Int, |value| i64::from(value);
    u16 => Int, |value| i64::from(value);
    bool => Bool, |value| value;
    f64 => Float, |value| value;
    String => Text, |value| value;
    Vec<u8> => Bytes, |value| value;
}

impl<T: AsRef<str> + ?Sized> HasKind for &T {
    const KIND: Kind = Kind::Text;
}

/// Text by reference: `&str`, `&String`, and every id and enum that is `AsRef<str>`.
impl<T: AsRef<str> + ?Sized> From<&T> for Value {
    fn from(value: &T) -> Self {
        Value::Text(value.as_ref().to_owned())
    }
}

/// `None` is a NULL of the type's kind. For an `Option<Id>` pass `id.as_ref()`.
impl<T: HasKind + Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null(T::KIND), Into::into)
    }
}

/// A list of statement arguments: `args![&user_id, 5_i64, note.as_ref()]`.
///
/// Takes `i64`, `i32`, `u32`, `u16`, `bool`, `f64`, `String`, `Vec<u8>`, a reference to anything
/// that is `AsRef<str>`, an `Option` of those, and [`Value`] itself.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec::Vec::<$crate::Value>::from([$($crate::Value::from($value)),*])
    };
}

/// PostgreSQL cannot store U+0000 in text; SQLite is held to the same.
pub(crate) fn check_args(args: &[Value]) -> Result<(), DbError> {
    let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    if args.iter().any(has_nul) {
        return Err(DbError::Encode("text holds the character U+0000".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Id(String);
    impl AsRef<str> for Id {
        fn as_ref(&self) -> &str {
            &self.0
        }
    }

    #[test]
    fn arguments_keep_their_kind() {
        let id = Id("u1".into());
        let absent: Option<Id> = None;
        assert_eq!(
            args![&id, "x", Some(&id), absent.as_ref(), None::<i64>, 7, true, vec![1_u8], 0.5],
            vec![
                Value::Text("u1".into()),
                Value::Text("x".into()),
                Value::Text("u1".into()),
                Value::Null(Kind::Text),
                Value::Null(Kind::Int),
                Value::Int(7),
                Value::Bool(true),
                Value::Bytes(vec![1]),
                Value::Float(0.5),
            ]
        );
        assert!(args![].is_empty());
    }
}
