//! The JSON Schema of everything in this crate, by the type's name.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Names every type that crosses a boundary by itself. Types inside them come along.
macro_rules! boundary {
    ($($type:path),* $(,)?) => {
        /// Every definition by its name, referring to each other as `#/$defs/…` (JSON Schema 2020-12).
        pub fn definitions() -> Map<String, Value> {
            let mut generator = SchemaSettings::draft2020_12().into_generator();
            $(generator.subschema_for::<$type>();)*
            generator.take_definitions(true)
        }

        /// Reads JSON as the type of this name and writes it again; `None` where no such type crosses a boundary by itself.
        pub fn reread(name: &str, json: &str) -> Option<serde_json::Result<Value>> {
            $(if name == <$type as schemars::JsonSchema>::schema_name() {
                return Some(serde_json::from_str::<$type>(json).and_then(serde_json::to_value));
            })*
            None
        }
    };
}

boundary!(
    crate::Ref,
    crate::decision::Ask,
    crate::decision::Decision,
    crate::decision::Recommendation,
    crate::email::EmailAsk,
    crate::email::EmailCode,
    crate::email::EmailConfirm,
    crate::email::EmailEnd,
    crate::email::EmailStart,
    crate::email::EmailStop,
    crate::entry::Checkpoint,
    crate::entry::Entry,
    crate::model::Lineup,
    crate::model::Model,
    crate::http::LinkTo,
    crate::http::OwnServer,
    crate::http::OwnSignals,
    crate::http::OwnerSignIn,
    crate::http::Problem,
    crate::http::SignalsKept,
    crate::http::State,
    crate::http::TipAnswer,
    crate::push::AnswerByToken,
    crate::push::Claim,
    crate::push::Message,
    crate::push::Subscription,
    crate::rights::Clear,
    crate::rights::Cleared,
    crate::rights::Confirmation,
    crate::rights::ConfirmAsk,
    crate::rights::Confirmed,
    crate::rights::Devices,
    crate::rights::EraseEverything,
    crate::rights::Erased,
    crate::rights::Export,
    crate::rights::ExportAsk,
    crate::rights::ExportPage,
    crate::rights::ExportPageAsk,
    crate::rights::Held,
    crate::rights::Me,
    crate::rights::ReceiptAsk,
    crate::session::AccessToken,
    crate::session::Doors,
    crate::session::DoorsAsk,
    crate::session::Keys,
    crate::session::KeysAsk,
    crate::session::OidcCallback,
    crate::session::OidcStart,
    crate::session::OidcStarted,
    crate::session::PasskeyAnswer,
    crate::session::PasskeyFinish,
    crate::session::PasskeyOptions,
    crate::session::PasskeyRemove,
    crate::session::PasskeySignInFinish,
    crate::session::PasskeySignInStart,
    crate::session::PasskeyStart,
    crate::session::PasskeyStarted,
    crate::session::SessionsEnd,
    crate::session::TokenAsk,
    crate::session::TokenCheck,
    crate::session::Ways,
    crate::session::WaysAsk,
    crate::signal::Signal,
    crate::tip::Card,
    crate::tip::Tip,
    crate::wire::Alive,
    crate::wire::Changed,
    crate::wire::Check,
    crate::wire::Complete,
    crate::wire::Done,
    crate::wire::Fetch,
    crate::wire::Hook,
    crate::wire::Hooked,
    crate::wire::Ingest,
    crate::wire::Ingested,
    crate::wire::LinkCallback,
    crate::wire::LinkEnd,
    crate::wire::LinkList,
    crate::wire::LinkStart,
    crate::wire::LinkStarted,
    crate::wire::Links,
    crate::wire::Look,
    crate::wire::OwnerLink,
    crate::wire::PushLook,
    crate::wire::PushState,
    crate::wire::PushTest,
    crate::wire::Redrive,
    crate::wire::Session,
    crate::wire::SignedIn,
    crate::wire::Subscribe,
    crate::wire::Unsubscribe,
    crate::wire::View,
    crate::wire::Words,
);
