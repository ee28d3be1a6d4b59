/// Declares an enum that is one fixed word each, in JSON, in the database and in Rust alike:
/// `AsRef<str>`, `Display`, `FromStr`, `Serialize`, `Deserialize`, `ToSchema`, and every variant
/// in `VARIANTS`.
macro_rules! text_enum {
    (
        $style:tt,
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)+ }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
            strum::AsRefStr, strum::Display, strum::EnumString, strum::IntoStaticStr,
            strum::VariantArray,
        )]
        #[serde(rename_all = $style)]
        #[strum(serialize_all = $style)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every value there is, in the order of declaration.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            /// Its word.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    };
}

pub(crate) use text_enum;
