//! Reading what was kept: a person's log, whole and in its order, and what was decided about them.

use super::{AppendError, Bus, Stored, encode};
use crate::shard::Place;
use crate::subject::LogSubject;
use crate::{KIND_COUNT, KINDS};
use async_nats::jetstream;
use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use oo_contracts::LogId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So many entries are asked for one by one, which is enough for nearly everybody who wakes: for a batch the server counts what
/// is left, and reads whole blocks of the log for it that it forgets again (some ms where a million people have one).
const ONE_BY_ONE: usize = 8;
/// Entries in one answer of a batched direct get.
const READ_BATCH: u64 = 256;
/// The same for decisions.
const DECISION_BATCH: u64 = 32;
/// How long the stream may take to hand out one batch.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at a log whose replicas lag behind, and how long they may.
const LAG_AGAIN: Duration = Duration::from_millis(10);
const LAG_WITHIN: Duration = Duration::from_secs(2);

/// What a batched direct get brought.
#[derive(Default)]
struct Got {
    /// Subject, sequence and payload of each message.
    found: Vec<(String, u64, Bytes)>,
    /// How many more there are.
    pending: u64,
    /// How far the stream went where it was answered; told only about last messages.
    up_to: u64,
}

/// How far a person's log goes.
struct Tails {
    /// The last sequence of each kind, 0 where there is none.
    last: [u64; KIND_COUNT],
    /// The sequence up to which these are all there is.
    whole: u64,
}

impl Bus {
    /// The person's entries after a sequence, in order, as the log stood at one instant. In a cluster any replica may
    /// answer, one that lags too.
    pub async fn read(&self, place: &Place, after: u64) -> Result<Vec<Stored>, AppendError> {
        self.read_knowing(place, after, 0).await
    }

    /// The same, at an instant at which the log held an entry that the caller has heard of: a replica without it is asked
    /// again.
    pub async fn read_knowing(&self, place: &Place, after: u64, known: u64) -> Result<Vec<Stored>, AppendError> {
        let begun = Instant::now();
        loop {
            if let Some(told) = self.tails(place).await?
                && told.whole >= known
                && let Some(entries) = self.read_to(place, after, &told).await?
            {
                return Ok(entries);
            }
            if begun.elapsed() >= LAG_WITHIN {
                return Err(AppendError::Away(format!("the replicas of {} lag behind", place.shard.stream())));
            }
            tokio::time::sleep(LAG_AGAIN).await;
        }
    }

    /// The person's entries after a sequence and up to one that the log is known to hold, in order.
    pub async fn read_until(&self, place: &Place, after: u64, until: u64) -> Result<Vec<Stored>, AppendError> {
        let mut entries = self.read_knowing(place, after, until).await?;
        entries.retain(|stored| stored.seq <= until);
        Ok(entries)
    }

    /// How far each kind of the person's log goes; `None` where one replica knows of it and another does not. Each kind is
    /// asked for by itself: the server walks through all that lies between subjects that it is asked for at once.
    async fn tails(&self, place: &Place) -> Result<Option<Tails>, AppendError> {
        let stream = place.shard.stream();
        let of = |kind: &LogSubject| kind.of(place);
        let told = KINDS.iter().map(async |kind| self.last_of(&stream, &[of(kind)]).await);
        let told = futures_util::future::try_join_all(told).await?;
        let Some(there) = KINDS.iter().zip(&told).find_map(|(kind, told)| told.is_some().then(|| of(kind))) else {
            return Ok(Some(Tails { last: [0; KIND_COUNT], whole: 0 }));
        };
        let mut tails = Tails { last: [0; KIND_COUNT], whole: u64::MAX };
        for (n, (kind, told)) in KINDS.iter().zip(told).enumerate() {
            // Who has nothing of a kind does not say how far it has come, unless it is asked for another, too.
            let told = match told {
                Some(told) => Some(told),
                None => self.last_of(&stream, &[of(kind), there.clone()]).await?,
            };
            let Some((last, whole)) = told else { return Ok(None) };
            tails.last[n] = last.get(&of(kind)).copied().unwrap_or(0);
            tails.whole = tails.whole.min(whole);
        }
        Ok(Some(tails))
    }

    /// The last sequence of each of these subjects, and of the stream, as one replica has them at one instant. `None` where
    /// it has none of them.
    async fn last_of(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Option<(HashMap<String, u64>, u64)>, AppendError> {
        let wanted = serde_json::json!({ "multi_last": subjects, "batch": subjects.len() });
        let Got { found, up_to, .. } = self.get(stream, &wanted).await?;
        let last: HashMap<_, _> = found.into_iter().map(|(subject, seq, _)| (subject, seq)).collect();
        Ok((!last.is_empty()).then_some((last, up_to)))
    }

    /// The entries after a sequence and as far as all kinds are whole, merged; `None` where a replica has less than another
    /// told. What came since is left out: with the newer entry of one kind there might be a hole where an older one of
    /// another belongs.
    async fn read_to(&self, place: &Place, after: u64, tails: &Tails) -> Result<Option<Vec<Stored>>, AppendError> {
        let stream = place.shard.stream();
        let wanted = KINDS.into_iter().zip(tails.last).filter(|(_, last)| *last > after);
        let read = wanted.map(async |(kind, last)| {
            let subject = kind.of(place);
            let mut entries = self.read_few(&stream, &subject, after, last).await?;
            let so_far = entries.last().map_or(after, |read| read.seq);
            if so_far < last && entries.len() == ONE_BY_ONE {
                entries.extend(self.read_subject(&stream, &subject, kind.kind, so_far).await?);
            }
            Ok(entries.last().is_some_and(|read| read.seq >= last).then_some(entries))
        });
        let read = futures_util::future::try_join_all(read).await?;
        let Some(read) = read.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut entries: Vec<Stored> = read.into_iter().flatten().filter(|stored| stored.seq <= tails.whole).collect();
        entries.sort_unstable_by_key(|stored| stored.seq);
        Ok(Some(entries))
    }

    /// Some of the person's entries after a sequence, in order, and the sequence after which there may be more.
    pub async fn read_some(&self, place: &Place, after: u64) -> Result<(Vec<Stored>, Option<u64>), AppendError> {
        let stream = place.shard.stream();
        let read = async |subject: LogSubject| {
            self.read_batch(&stream, &subject.of(place), subject.kind, after + 1, READ_BATCH).await
        };
        let parts = futures_util::try_join!(read(crate::SIGNALS), read(crate::MOMENTS), read(crate::TIPS))?;
        // Each kind is complete up to its own last one; all together up to the least of these.
        let mut all = Vec::new();
        let mut until = u64::MAX;
        for (batch, pending) in [parts.0, parts.1, parts.2] {
            if pending > 0 {
                until = until.min(batch.last().map_or(after, |last| last.seq));
            }
            all.extend(batch);
        }
        all.retain(|stored| stored.seq <= until);
        all.sort_unstable_by_key(|stored| stored.seq);
        Ok((all, (until < u64::MAX).then_some(until)))
    }

    /// The same of the person's decisions, fewer at once: each holds all that a policy was asked.
    pub async fn some_decisions(&self, place: &Place, after: u64) -> Result<(Vec<Stored>, Option<u64>), AppendError> {
        let places = place.earlier();
        // Whoever moved to another shard had all of theirs before.
        for (n, place) in places.iter().enumerate() {
            let subject = place.decisions();
            let (batch, pending) =
                self.read_batch(crate::streams::DECISIONS, &subject, "decision", after + 1, DECISION_BATCH).await?;
            if let Some(last) = batch.last() {
                let next = (pending > 0 || n + 1 < places.len()).then_some(last.seq);
                return Ok((batch, next));
            }
        }
        Ok((vec![], None))
    }

    /// The person's last decision.
    pub async fn last_decision(&self, place: &Place) -> Result<Option<Stored>, AppendError> {
        let away = AppendError::away;
        let stream = self.js.get_stream_no_info(crate::streams::DECISIONS).await.map_err(|e| away(&e))?;
        for place in place.earlier().iter().rev() {
            match stream.direct_get_last_for_subject(place.decisions()).await {
                Ok(found) => {
                    return Ok(Some(Stored { seq: found.sequence, kind: "decision".into(), payload: found.payload }));
                }
                Err(error) if error.kind() == jetstream::stream::DirectGetErrorKind::NotFound => {}
                Err(error) => return Err(away(&error)),
            }
        }
        Ok(None)
    }

    /// All of a person's decisions, in order.
    pub async fn decisions(&self, place: &Place) -> Result<Vec<Stored>, AppendError> {
        let mut all = vec![];
        for place in place.earlier() {
            all.extend(self.read_subject(crate::streams::DECISIONS, &place.decisions(), "decision", 0).await?);
        }
        Ok(all)
    }

    /// The logs of all whom something was decided about, in order.
    pub async fn decided_about(&self) -> Result<Vec<LogId>, AppendError> {
        let away = AppendError::away;
        let stream = self.js.get_stream_no_info(crate::streams::DECISIONS).await.map_err(|e| away(&e))?;
        let told = stream.info_with_subjects("oo.v1.decision.>").await.map_err(|e| away(&e))?;
        let mut logs = Vec::new();
        let mut told = std::pin::pin!(told);
        while let Some(subject) = told.next().await {
            let (subject, _) = subject.map_err(|e| away(&e))?;
            logs.extend(subject.rsplit('.').next().and_then(|log| log.parse().ok()));
        }
        // Whoever moved to another shard is there twice.
        logs.sort_unstable();
        logs.dedup();
        Ok(logs)
    }

    /// The first few after a sequence, up to the last of them.
    async fn read_few(
        &self,
        stream: &str,
        subject: &str,
        mut after: u64,
        last: u64,
    ) -> Result<Vec<Stored>, AppendError> {
        let mut found = Vec::new();
        while after < last && found.len() < ONE_BY_ONE {
            let Some(next) = self.next_entry(stream, subject, after + 1).await? else { break };
            after = next.seq;
            found.push(next);
        }
        Ok(found)
    }

    /// The first entry of a subject from a sequence on.
    pub(crate) async fn next_entry(
        &self,
        stream: &str,
        subject: &str,
        from: u64,
    ) -> Result<Option<Stored>, AppendError> {
        let stream = self.js.get_stream_no_info(stream).await.map_err(|e| AppendError::away(&e))?;
        match stream.direct_get_next_for_subject(subject, Some(from)).await {
            Ok(found) => {
                let kind = found.subject.rsplit('.').next().unwrap_or_default().to_owned();
                Ok(Some(Stored { seq: found.sequence, kind, payload: found.payload }))
            }
            Err(error) if error.kind() == jetstream::stream::DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(AppendError::away(&error)),
        }
    }

    async fn read_subject(
        &self,
        stream: &str,
        subject: &str,
        kind: &str,
        after: u64,
    ) -> Result<Vec<Stored>, AppendError> {
        let mut found = Vec::new();
        let mut from = after + 1;
        loop {
            let (batch, pending) = self.read_batch(stream, subject, kind, from, READ_BATCH).await?;
            let Some(last) = batch.last() else { return Ok(found) };
            from = last.seq + 1;
            found.extend(batch);
            if pending == 0 {
                return Ok(found);
            }
        }
    }

    async fn read_batch(
        &self,
        stream: &str,
        subject: &str,
        kind: &str,
        from: u64,
        most: u64,
    ) -> Result<(Vec<Stored>, u64), AppendError> {
        let wanted = serde_json::json!({ "batch": most, "seq": from, "next_by_subj": subject });
        let Got { found, pending, .. } = self.get(stream, &wanted).await?;
        let stored = |(_, seq, payload)| Stored { seq, kind: kind.into(), payload };
        Ok((found.into_iter().map(stored).collect(), pending))
    }

    /// A batched direct get (ADR-31), which async-nats has no call for yet.
    async fn get(&self, stream: &str, wanted: &serde_json::Value) -> Result<Got, AppendError> {
        let away = AppendError::away;
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| away(&e))?;
        let api = format!("$JS.API.DIRECT.GET.{stream}");
        self.client.publish_with_reply(api, inbox, encode(wanted)).await.map_err(|e| away(&e))?;
        let mut got = Got::default();
        loop {
            let answer = tokio::time::timeout(READ_WITHIN, answers.next()).await.map_err(|e| away(&e))?;
            let Some(answer) = answer else { return Err(away(&"the connection closed")) };
            let headers = answer.headers.as_ref();
            match answer.status {
                None | Some(StatusCode::OK) => {}
                Some(StatusCode::NOT_FOUND) => return Ok(got),
                Some(status) if status.as_u16() == 204 => {
                    let told = |name| headers.and_then(|headers| number(headers, name)).unwrap_or(0);
                    (got.pending, got.up_to) = (told("Nats-Num-Pending"), told("Nats-UpTo-Sequence"));
                    return Ok(got);
                }
                Some(status) => return Err(away(&format!("direct get answered {status}"))),
            }
            let subject = headers.and_then(|headers| headers.get("Nats-Subject"));
            let seq = headers.and_then(|headers| number(headers, "Nats-Sequence"));
            let (Some(subject), Some(seq)) = (subject, seq) else {
                return Err(away(&"direct get answered without a subject or sequence"));
            };
            got.found.push((subject.as_str().to_owned(), seq, answer.payload));
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}
