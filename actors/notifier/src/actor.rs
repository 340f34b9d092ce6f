//! The notifier's actor: knows which tips are under way here, and sees to it that a second delivery of one by the stream
//! is not a second push. `delivery.rs` carries each of them out, in a task of its own: a push may wait for hours.

use crate::delivery::Delivery;
use async_nats::jetstream;
use oo_runtime::Context;
use oo_subjects::trace::{self, Cause, Kind};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::HashSet;
use std::sync::Arc;
use tracing::Instrument as _;

/// What the actor is started with.
pub(crate) struct Args {
    pub(crate) ctx: Context,
    pub(crate) delivery: Arc<Delivery>,
}

/// What the actor is told.
pub(crate) enum Message {
    /// The stream brought a tip.
    Deliver(Box<jetstream::Message>),
    /// A delivery ended, whatever its verdict.
    Ended(u64),
}

/// What the actor keeps.
pub(crate) struct State {
    ctx: Context,
    delivery: Arc<Delivery>,
    /// Sequences of the tips under way here.
    under_way: HashSet<u64>,
}

/// The one that delivers for this process.
pub(crate) struct NotifierActor;

/// Tells the actor that a delivery ended, even where it panicked.
struct UnderWay(ActorRef<Message>, u64);

impl Drop for UnderWay {
    fn drop(&mut self) {
        // A stopped actor needs to know nothing any more.
        let _ = self.0.cast(Message::Ended(self.1));
    }
}

impl Actor for NotifierActor {
    type Msg = Message;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Message>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { ctx, delivery } = args;
        Ok(State { ctx, delivery, under_way: HashSet::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Deliver(tip) => state.deliver(myself, *tip),
            Message::Ended(seq) => {
                state.under_way.remove(&seq);
            }
        }
        Ok(())
    }
}

impl State {
    fn deliver(&mut self, myself: ActorRef<Message>, tip: jetstream::Message) {
        let Ok(seq) = tip.info().map(|info| info.stream_sequence) else { return };
        if !self.under_way.insert(seq) {
            return;
        }
        let (delivery, under_way) = (self.delivery.clone(), UnderWay(myself, seq));
        let span = trace::span(Kind::Consumer, "deliver", &Cause::of(tip.headers.as_ref()));
        let work = async move {
            delivery.deliver(tip).await;
            drop(under_way);
        };
        self.ctx.spawn("delivery", work.instrument(span));
    }
}
