//! The macro that declares a section once: its struct, its defaults, its documentation and its reader.

use super::reader::Table;

/// A section of the file, as [`section!`] makes it.
pub(super) trait Section: Default {
    /// The names of its keys.
    const NAMES: &'static [&'static str];

    /// Takes the keys out of a table; a key that is missing or wrong gets the value it has in `base`, and what is wrong is
    /// noted.
    fn read_over(base: Self, table: &mut Table<'_, '_>) -> Self;
}

/// What a section says of itself.
pub(super) trait Documented {
    /// Its doc comment, line by line.
    fn about(&self) -> &'static [&'static str];

    /// Its keys in order of declaration.
    fn keys(&self) -> Vec<Key>;
}

/// A key with its value.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Its doc comment, line by line.
    pub(super) doc: &'static [&'static str],
    /// The value as TOML; none if it is not UTF-8.
    pub(super) value: Option<String>,
}

/// The value as TOML.
pub(super) fn toml_text(value: &impl serde::Serialize) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}

/// Declares a section: `/// doc Name { /// doc key: Type = default; … }`. The doc comments are rustdoc and template.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr;)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($key)),+];

            fn read_over(base: Self, table: &mut $crate::config::reader::Table<'_, '_>) -> Self {
                Self { $($key: table.take(stringify!($key)).unwrap_or(base.$key),)+ }
            }
        }

        impl $crate::config::section::Documented for $name {
            fn about(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn keys(&self) -> Vec<$crate::config::section::Key> {
                vec![$($crate::config::section::Key {
                    name: stringify!($key),
                    doc: &[$($doc),+],
                    value: $crate::config::section::toml_text(&self.$key),
                }),+]
            }
        }
    };
}

pub(super) use section;
