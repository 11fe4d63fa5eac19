//! Values of columns, borrowed on their way in and out.

/// A value in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Octets(&'a [u8]),
}

/// What goes into a column.
pub(in crate::store) trait ToValue {
    fn value(&self) -> Value<'_>;
}

/// What comes out of one; none: it is no such value.
pub(in crate::store) trait FromValue: Sized {
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// The values of a statement.
pub(in crate::store) trait Params {
    /// Lends them.
    fn with<R>(&self, take: &mut dyn FnMut(&[&dyn ToValue]) -> R) -> R;
}

impl Params for &[&dyn ToValue] {
    fn with<R>(&self, take: &mut dyn FnMut(&[&dyn ToValue]) -> R) -> R {
        take(self)
    }
}

impl<T: ToValue, const N: usize> Params for [T; N] {
    fn with<R>(&self, take: &mut dyn FnMut(&[&dyn ToValue]) -> R) -> R {
        take(&self.each_ref().map(|value| value as &dyn ToValue))
    }
}

/// No values.
pub(in crate::store) const NONE: [i64; 0] = [];

/// Values of several types.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn crate::store::sql::ToValue),*] as &[&dyn crate::store::sql::ToValue]
    };
}
pub(in crate::store) use params;

macro_rules! ints {
    ($($type:ty)*) => {$(
        impl ToValue for $type {
            fn value(&self) -> Value<'_> {
                Value::Int(i64::from(*self))
            }
        }
    )*};
}
ints!(i64 i32 u32 u16 u8 bool);

macro_rules! from_ints {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value<'_>) -> Option<Self> {
                i64::from_value(value)?.try_into().ok()
            }
        }
    )*};
}
from_ints!(u32 u16 u8);

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Int(value) = value { Some(value) } else { None }
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        // Nothing but what was written: another number would be read as one of both, and stay unseen.
        i64::from_value(value).and_then(|value| [false, true].into_iter().find(|flag| i64::from(*flag) == value))
    }
}

impl ToValue for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.to_owned()) } else { None }
    }
}

impl ToValue for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Octets(self)
    }
}

impl ToValue for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Octets(self)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Octets(octets) = value { Some(octets.to_vec()) } else { None }
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Octets(self)
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Octets(octets) = value { octets.try_into().ok() } else { None }
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}
