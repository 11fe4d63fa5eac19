//! Values on their way into the database, in the type that the server made out for their place.

use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::store::sql::Value;

/// A value of a statement that is waited for.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) Value<'a>);

/// A value of a statement that is on its way while its giver goes on.
#[derive(Debug)]
pub(super) enum Kept {
    Null,
    Int(i64),
    Text(String),
    Octets(Vec<u8>),
}

impl From<Value<'_>> for Kept {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(value) => Self::Int(value),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Octets(octets) => Self::Octets(octets.to_vec()),
        }
    }
}

impl Kept {
    fn lent(&self) -> Bound<'_> {
        Bound(match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Text(text) => Value::Text(text),
            Self::Octets(octets) => Value::Octets(octets),
        })
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, to) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(to, out),
            (Value::Int(value), &Type::INT4) => i32::try_from(value)?.to_sql(to, out),
            (Value::Int(value), &Type::BOOL) => (value != 0).to_sql(to, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR) => text.to_sql(to, out),
            (Value::Octets(octets), &Type::BYTEA) => octets.to_sql(to, out),
            (value, _) => Err(format!("no value of the type {to}: {}", shape(value)).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Kept {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.lent().to_sql(to, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What a value is, without it.
fn shape(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "a text",
        Value::Octets(_) => "octets",
    }
}
