//! One trace over all wires: what something followed from travels in its message's headers (W3C Trace Context).
//!
//! While nobody asked for traces (`OO_TRACES__URL`) spans are disabled and no header is written. A span names wires and kinds,
//! never a person: traces lie with whoever collects them, where no erasure reaches.

use async_nats::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, Status, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of the spans that are exported: no others are.
pub const TARGET: &str = "oo_trace";
/// The header.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// On which side of a wire a span's work is done, as OpenTelemetry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Asks, and waits for the answer.
    Client,
    /// Answers.
    Server,
    /// Leaves a message for later.
    Producer,
    /// Takes one.
    Consumer,
    /// Neither.
    Internal,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Internal => "internal",
        }
    }
}

/// What something followed from: a span, here or in another service. None where nobody traces.
#[derive(Debug, Clone, Default)]
pub struct Cause(Option<Arc<SpanContext>>);

impl Cause {
    /// The span that this is asked in.
    pub fn current() -> Self {
        Self::from(&Span::current())
    }

    /// As the headers of a message tell it.
    pub fn of(headers: Option<&HeaderMap>) -> Self {
        headers
            .and_then(|headers| headers.get(TRACEPARENT))
            .map(|value| Self::parse(value.as_str()))
            .unwrap_or_default()
    }

    /// As [`Cause::traceparent`] wrote it; none where that cannot be read.
    pub fn parse(traceparent: &str) -> Self {
        let told = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        Self::in_context(&TraceContextPropagator::new().extract_with_context(&Context::new(), &told))
    }

    /// As W3C Trace Context writes it, for a message's header or a store.
    pub fn traceparent(&self) -> Option<String> {
        let mut told = HashMap::new();
        TraceContextPropagator::new().inject_context(&self.context()?, &mut told);
        told.remove(TRACEPARENT)
    }

    fn context(&self) -> Option<Context> {
        Some(Context::new().with_remote_span_context(SpanContext::clone(self.0.as_ref()?)))
    }

    fn in_context(context: &Context) -> Self {
        let told = context.span().span_context().clone();
        Self(told.is_valid().then(|| Arc::new(told)))
    }
}

impl From<&Span> for Cause {
    fn from(span: &Span) -> Self {
        Self::in_context(&span.context())
    }
}

/// A span that follows from `cause`. Its name is written out only where somebody traces.
pub fn span(kind: Kind, name: impl Display, cause: &Cause) -> Span {
    let span = tracing::debug_span!(target: TARGET, parent: None, "step", otel.name = %name, otel.kind = kind.as_str());
    if let Some(context) = cause.context() {
        // It fails only where spans are disabled.
        let _ = span.set_parent(context);
    }
    span
}

/// What a span was for did not succeed: `why` says it without a person's words.
pub fn failed(span: &Span, why: impl Display) {
    if !span.is_disabled() {
        span.set_status(Status::error(why.to_string()));
    }
}

/// The header that lets whoever reads a message, or is called over HTTP, follow from `span`; nothing where nobody traces.
pub fn header(span: &Span) -> Option<(&'static str, String)> {
    Some((TRACEPARENT, Cause::from(span).traceparent()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the examples of W3C Trace Context, <https://www.w3.org/TR/trace-context/#traceparent-header>.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(Cause::parse(EXAMPLE).traceparent().as_deref(), Some(EXAMPLE));
        let unsampled = EXAMPLE.replace("-01", "-00");
        assert_eq!(Cause::parse(&unsampled).traceparent(), Some(unsampled));
    }

    #[test]
    fn what_is_malformed_is_no_cause() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert!(Cause::parse(wrong).traceparent().is_none(), "{wrong}");
        }
    }

    #[test]
    fn where_nobody_traces_no_header_is_written() {
        let span = span(Kind::Client, "oo.v1.ingest", &Cause::parse(EXAMPLE));
        assert_eq!(header(&span), None);
    }
}
