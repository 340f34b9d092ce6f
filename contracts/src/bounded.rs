//! Newtypes with limits: one macro writes the check and the schema from the same literals.

/// A value outside the limits of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfBounds(pub String);

impl std::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OutOfBounds {}

/// Declares a bounded type.
///
/// `text Name(min..=max)` limits the number of characters, `token Name(min..=max)` also the alphabet
/// (`A-Z a-z 0-9 _ -`, so that it can stand in a subject), `number Name(int: min..=max)` the value.
macro_rules! bounded {
    ($(#[doc = $doc:literal])* text $name:ident($min:literal..=$max:literal)) => {
        bounded!(@string $(#[doc = $doc])* $name, $min, $max, |_: &str| true, "");
    };
    ($(#[doc = $doc:literal])* token $name:ident($min:literal..=$max:literal)) => {
        bounded!(@string $(#[doc = $doc])* $name, $min, $max,
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
            "^[A-Za-z0-9_-]*$");
    };
    (@string $(#[doc = $doc:literal])* $name:ident, $min:literal, $max:literal, $allowed:expr, $pattern:literal) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text inside.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::OutOfBounds;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                let length = text.chars().count();
                let allowed: fn(&str) -> bool = $allowed;
                if !($min..=$max).contains(&length) || !allowed(&text) {
                    return Err($crate::OutOfBounds(format!(
                        concat!(stringify!($name), " wants {} to {} characters{}"),
                        $min, $max, if $pattern.is_empty() { "" } else { " of A-Z a-z 0-9 _ -" })));
                }
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::OutOfBounds;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let says = [$($doc.trim()),*].join("\n");
                let mut schema = schemars::json_schema!({
                    "description": says, "type": "string", "minLength": $min, "maxLength": $max
                });
                if !$pattern.is_empty() {
                    schema.insert("pattern".into(), $pattern.into());
                }
                schema
            }
        }
    };
    ($(#[doc = $doc:literal])* number $name:ident($int:ty: $min:literal..=$max:literal)) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name($int);

        impl $name {
            /// The number inside.
            pub fn get(self) -> $int {
                self.0
            }

            /// The nearest value inside the limits.
            pub fn saturating(value: i64) -> Self {
                Self(value.clamp($min, $max) as $int)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = $crate::OutOfBounds;
            fn try_from(value: i64) -> Result<Self, Self::Error> {
                if !($min..=$max).contains(&value) {
                    return Err($crate::OutOfBounds(format!(
                        concat!(stringify!($name), " wants {} to {}, got {}"), $min, $max, value)));
                }
                Ok(Self(value as $int))
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> i64 {
                value.0.into()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let says = [$($doc.trim()),*].join("\n");
                schemars::json_schema!({
                    "description": says, "type": "integer", "minimum": $min, "maximum": $max
                })
            }
        }
    };
}

pub(crate) use bounded;
