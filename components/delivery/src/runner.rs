//! The runner: claims what is due, sends it, records what came of it, for a bounded time.
//!
//! ```text
//! open ──────── claims and sends; whoever accepts an event need not wake another
//!  │ nothing due                                    │ no time for another attempt
//!  ├─ a retry is due soon ──▶ waiting ──▶ open      ▼
//!  └─ nothing soon ─────────▶ gone                 closing: finishes, hands over, is gone
//! ```

use std::{collections::HashMap, rc::Rc, time::Duration};

use api::wire::Run;
use domain::{
    account::AccountId,
    delivery::{FAILING_AFTER, RUN_BUDGET, Status},
    quota::{Deferral, next_hour, share},
    time::Timestamp,
    trigger::MAX_TIMEOUT,
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream::FuturesUnordered,
};
use platform::{
    clock::{self, Moment},
    config::Outbound,
    entropy,
    ledger::{
        self, Budget, CLAIM_LEASE, Claim, ClaimLimits, Joining, Leaving, Ledger, Place, Reserved,
        SLOTS, Slot,
    },
    nudge::nudge,
    operator::{self, Told},
    problem::Problem,
    resealing,
    store::{self, TriggerStore},
};

use crate::{
    attempt::{Done, attempt},
    disable::Suspects,
    prepare::{Plan, Settings, prepare},
    rendering::Rendering,
};

/// How long a run may take.
pub(crate) const BUDGET: Duration = RUN_BUDGET;
/// What is claimed at the end of this has its longest attempt behind it at the end of the budget.
const CLAIMING: Duration = Duration::from_secs(BUDGET.as_secs() - MAX_TIMEOUT as u64);
/// The most requests in flight, where the setting does not say fewer.
const IN_FLIGHT: usize = 64;
/// The most requests in flight of one queue, so that a receiver that hangs holds up itself.
const IN_FLIGHT_PER_QUEUE: usize = 16;
/// How long what is due may wait for more to come, so that at a thousand deliveries a second a claim
/// takes ten, and a record too. What comes when nothing has been claimed for that long waits for
/// nothing.
const PACE: Duration = Duration::from_millis(10);
/// Of the hour's budget of requests, the last of so many parts is for first attempts alone.
const LAST_PART: usize = 10;
/// The most steps of counting in one run: as much as it can have sent, and more.
const COUNTING_STEPS: usize = 20;
/// The most steps of deleting what is too old in one run.
const PRUNING_STEPS: usize = 10;
/// How often the slot is renewed, well within its lease.
const RENEWAL: Duration = Duration::from_secs(1);
/// How often a busy runner looks for what the service has to tell of itself; one with nothing else to
/// do looks before it leaves.
const TELLING: Duration = Duration::from_secs(1);
/// Retries due within this keep a runner around: one waits, and hands over to the next.
const SOON: Duration = Duration::from_secs(30);
/// How long a waiting runner sleeps at most before it looks again: another may have put a retry
/// before the one it waits for.
const NAP: Duration = Duration::from_millis(500);
/// How long an open runner with nothing to do looks for new deliveries before it leaves: at ten
/// events a second and more, staying costs less than being woken for each, and they are sent sooner.
const LINGER: Duration = Duration::from_millis(100);
/// How often an open runner looks for new deliveries while it waits for something.
const GLANCE: Duration = Duration::from_millis(2);
/// As above, the longer it has waited the less often, down to this.
const SLOW_GLANCE: Duration = Duration::from_millis(20);

/// What has to wait for the next hour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PutOff {
    /// Retries: what is left of the budget is for first attempts.
    Retries,
    /// Everything.
    All,
}

/// One run.
pub(crate) struct Runner {
    ledger: Ledger,
    store: TriggerStore,
    settings: Rc<Settings>,
    rendering: Rc<Rendering>,
    /// The most requests that it has in flight.
    room: usize,
    put_off: Option<PutOff>,
    started: Moment,
    /// How long it may look and wait for what is not due yet.
    patience: Duration,
    /// Whether it leaves when another runner sees all there is to do.
    yields: bool,
    token: String,
    slot: Option<Slot>,
    /// Whether no other runner is known to see all there is to do.
    needed: bool,
    /// Whether the slot says that it takes new work.
    open: bool,
    renewed: Moment,
    claimed: Option<Moment>,
    recorded: Option<Moment>,
    attempts: FuturesUnordered<LocalBoxFuture<'static, (Claim, Done)>>,
    in_flight: HashMap<String, usize>,
    unrecorded: Vec<(Claim, Done)>,
    suspects: Suspects,
    /// How far it got with what the service has to tell of itself, and when it looked last.
    told: (Place, Moment),
    /// Whether there may be lines that let one go now and then.
    has_lines: bool,
    summary: Run,
}

/// What came of a look at what is due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Something was due and is in flight.
    Claimed,
    /// Something is due that waits for more to come.
    Waits,
    /// Something is due that may not be sent before something in flight is over, perhaps another
    /// runner's.
    Blocked,
    /// Nothing is due, or there is no room.
    Nothing,
}

/// A part of the hour's budget of requests.
struct Part {
    requests: usize,
    /// Whether retries have to leave it to first attempts.
    is_last: bool,
    reserved: Option<Reserved>,
}

impl Part {
    /// Gives back what is left when so many requests are made.
    fn give_back(&self, ledger: &Ledger, made: usize) -> Result<(), Problem> {
        match &self.reserved {
            Some(reserved) => {
                let unused = reserved.granted.saturating_sub(made);
                Ok(ledger.give_back_requests(reserved, unused)?)
            }
            None => Ok(()),
        }
    }
}

/// What to do when nothing is due and nothing in flight.
enum Idle {
    Claim,
    Stop,
}

impl Runner {
    /// A run that began at `started`. It works off what is due in any case; `patience` is how long
    /// it may stay for what is due later.
    ///
    /// One that `yields` stops claiming when another runner is open: of many that were woken at
    /// once, one stays.
    pub(crate) fn new(started: Moment, patience: Duration, yields: bool) -> Result<Self, Problem> {
        let settings = Settings::read()?;
        // So many runners have a part each of what may be in flight.
        let limit = settings.outbound.in_flight;
        let slots = limit.unwrap_or(SLOTS).min(SLOTS);
        let in_flight = limit.map_or(IN_FLIGHT, |limit| (limit / slots).min(IN_FLIGHT));
        Ok(Self {
            ledger: ledger::open()?.with_slots(slots),
            store: TriggerStore::open()?,
            settings: Rc::new(settings),
            rendering: Rc::new(Rendering::default()),
            room: in_flight,
            started,
            patience,
            yields,
            token: entropy::token(),
            slot: None,
            needed: true,
            open: false,
            renewed: started,
            claimed: None,
            recorded: None,
            attempts: FuturesUnordered::new(),
            in_flight: HashMap::new(),
            put_off: None,
            unrecorded: Vec::new(),
            suspects: Suspects::default(),
            told: (Place::default(), started),
            has_lines: false,
            summary: Run::default(),
        })
    }

    /// Runs. What was sent is recorded even when something fails on the way.
    pub(crate) async fn run(mut self) -> Result<Run, Problem> {
        let worked = self.work().await;
        let closed = self.close().await;
        worked.and(closed)?;
        if self.has_lines && self.ledger.advance(clock::now())? > 0 && !self.patience.is_zero() {
            nudge().await;
        }
        self.suspects.judge(&self.store, &self.ledger).await;
        if !self.needed {
            return Ok(self.summary);
        }
        self.keep_house().await?;
        if self.tell()?.owed && !self.patience.is_zero() && self.put_off != Some(PutOff::All) {
            nudge().await;
        }
        self.summary.next_due_at = self.ledger.next_due_at()?;
        self.summary.put_off = self.put_off.is_some();
        Ok(self.summary)
    }

    /// What is done once a run, bounded: repairs what a writer that vanished left half done, moves
    /// sealed values under the newest key, counts what there has been, and deletes what is older than
    /// it has to be.
    async fn keep_house(&self) -> Result<(), Problem> {
        store::repair_abandoned(&self.store, &self.ledger).await?;
        resealing::step(&self.store, &self.ledger, &self.settings.sealer).await?;
        self.ledger.count_up(COUNTING_STEPS)?;
        self.ledger.count_run(clock::now())?;
        self.ledger.forget_lines(clock::now())?;
        let cutoff = clock::now() - self.settings.retention;
        for _ in 0..PRUNING_STEPS {
            if !self.ledger.prune(cutoff)?.more() {
                break;
            }
        }
        Ok(())
    }

    /// Claims and sends until nothing is left to do or the time for claiming is over.
    async fn work(&mut self) -> Result<(), Problem> {
        let mut last_work = Moment::now();
        // Whatever a runner that died has left: a line goes on with the next run.
        self.has_lines = self.ledger.has_lines()?;
        if self.is_limited() {
            self.take_slot()?;
            self.needed = self.slot.is_some();
        }
        while self.needed && self.put_off.is_none() && self.started.elapsed() < CLAIMING {
            if self.has_lines {
                self.ledger.advance(clock::now())?;
            }
            let look = self.claim()?;
            if look == Look::Claimed {
                last_work = Moment::now();
            }
            if self.told.1.elapsed() > TELLING {
                self.tell()?;
            }
            self.gather().await;
            self.keep_slot(look).await?;
            if self.is_to_record() {
                self.record()?;
                // Now rather than at the end, so that less is sent to who wants no more.
                if !self.suspects.is_empty() {
                    self.suspects.judge(&self.store, &self.ledger).await;
                }
                last_work = Moment::now();
            } else if !self.attempts.is_empty() {
                self.next_attempt(glance(last_work.elapsed())).await;
            } else if look == Look::Blocked {
                // Those that have the slots see it, too.
                if self.patience.is_zero() || self.slot.is_none() {
                    break;
                }
                clock::sleep(SLOW_GLANCE).await;
            } else if look == Look::Waits || last_work.elapsed() < LINGER.min(self.patience) {
                clock::sleep(glance(last_work.elapsed())).await;
            } else if self.tell()?.count > 0 {
                // What it told is owed, or there is more to tell.
            } else if let Idle::Stop = self.idle().await? {
                break;
            }
        }
        Ok(())
    }

    /// Claims what is due, as far as there is room, and starts on it.
    fn claim(&mut self) -> Result<Look, Problem> {
        let now = clock::now();
        let room = self.room.saturating_sub(self.attempts.len());
        if room == 0 || (self.is_limited() && self.slot.is_none()) {
            return Ok(Look::Nothing);
        }
        // A look costs far less than a write that changes nothing.
        let Some(due) = self.ledger.next_due_at()?.filter(|due| *due <= now) else {
            return Ok(Look::Nothing);
        };
        if lately(self.claimed) && now.since(due) < PACE {
            return Ok(Look::Waits);
        }
        let Some(part) = self.reserve(room, now)? else {
            return Ok(Look::Nothing);
        };
        let claim = Claim {
            token: entropy::token(),
            lease_until: now + CLAIM_LEASE,
        };
        let in_flight: Vec<_> = self
            .in_flight
            .iter()
            .map(|(queue, count)| (queue.clone(), *count))
            .collect();
        let limits = ClaimLimits {
            total: part.requests,
            per_queue: IN_FLIGHT_PER_QUEUE,
            in_flight: &in_flight,
            failing_after: FAILING_AFTER,
            first_attempts_only: part.is_last,
            most: self.settings.outbound.most_in_flight(),
            start: entropy::word(),
        };
        let claimed = self.ledger.claim(&claim, &limits, now)?;
        if claimed.is_empty() {
            part.give_back(&self.ledger, 0)?;
            if !part.is_last || self.is_first_attempt_due(now)? {
                return Ok(Look::Blocked);
            }
            self.put_off = Some(PutOff::Retries);
            return Ok(Look::Nothing);
        }
        let mut plan = prepare(claimed, &self.store, &self.ledger, now)?;
        self.charge_accounts(&mut plan, now)?;
        part.give_back(&self.ledger, plan.send.len())?;
        if !plan.send.is_empty() {
            self.claimed = Some(Moment::now());
        }
        if !plan.hosts.is_empty() {
            self.ledger.note_hosts(&plan.hosts)?;
        }
        if !plan.returned.is_empty() {
            self.ledger.return_claimed(&claim, &plan.returned)?;
        }
        if !plan.held.is_empty() {
            self.ledger.put_off_held(&plan.held, now)?;
        }
        self.summary.claimed += plan.send.len() + plan.withdraw.len();
        if !plan.withdraw.is_empty() {
            self.ledger.withdraw(&claim, &plan.withdraw)?;
        }
        self.has_lines |= !plan.lines.are_none();
        self.ledger.keep_lines(&claim, &plan.lines, now)?;
        for prepared in plan.send {
            *self
                .in_flight
                .entry(prepared.claimed.queue.clone())
                .or_default() += 1;
            let (settings, claim) = (Rc::clone(&self.settings), claim.clone());
            let rendering = Rc::clone(&self.rendering);
            let made = async move { (claim, attempt(prepared, &settings, &rendering).await) };
            self.attempts.push(made.boxed_local());
        }
        Ok(Look::Claimed)
    }

    /// Whether a first attempt is due.
    fn is_first_attempt_due(&self, now: Timestamp) -> Result<bool, Problem> {
        let next = self.ledger.next_first_attempt_at()?;
        Ok(next.is_some_and(|next| next <= now))
    }

    /// Takes what is to be sent out of the budgets of its accounts, and defers what goes beyond them.
    fn charge_accounts(&self, plan: &mut Plan, now: Timestamp) -> Result<(), Problem> {
        let Outbound {
            per_hour,
            per_hour_per_account,
            ..
        } = self.settings.outbound;
        if per_hour.is_none() && per_hour_per_account.is_none() {
            return Ok(());
        }
        let own = per_hour_per_account.unwrap_or(usize::MAX);
        let share = per_hour.map_or(usize::MAX, share);
        let mut wanted: HashMap<AccountId, usize> = HashMap::new();
        for prepared in &plan.send {
            *wanted.entry(prepared.claimed.account.clone()).or_default() += 1;
        }
        for (account, wanted) in wanted {
            let budget = Budget::Account(&account);
            let reserve = |limit, wanted| self.ledger.reserve(budget, limit, wanted, now);
            let mut reserved = reserve(own.min(share), wanted)?;
            let mut deferral = Deferral::AccountLimit(own);
            let mut granted = reserved.granted;
            if granted < wanted && reserved.left == 0 && share < own {
                if self.ledger.others_have_pending(&account, next_hour(now))? {
                    deferral = Deferral::Share(per_hour.unwrap_or(usize::MAX));
                } else {
                    reserved = reserve(own, wanted - granted)?;
                    granted += reserved.granted;
                }
            }
            if granted < wanted {
                // Where others were faster, there may be some for the next look.
                let faster = reserved.left > 0;
                let reason = (!faster).then(|| deferral.reason());
                let due_at = if faster { now } else { deferral.due_at(now) };
                plan.defer(&account, granted, (due_at, reason.as_deref()));
            }
        }
        Ok(())
    }

    /// The part of the hour's budget of requests that the next claim is for; nothing when there is none left for it.
    fn reserve(&mut self, room: usize, now: Timestamp) -> Result<Option<Part>, Problem> {
        let Some(limit) = self.settings.outbound.per_hour else {
            return Ok(Some(Part {
                requests: room,
                is_last: false,
                reserved: None,
            }));
        };
        for (limit, is_last) in [(limit - limit / LAST_PART, false), (limit, true)] {
            let reserved = self.ledger.reserve(Budget::Service, limit, room, now)?;
            if reserved.granted > 0 {
                return Ok(Some(Part {
                    requests: reserved.granted,
                    is_last,
                    reserved: Some(reserved),
                }));
            }
            if reserved.left > 0 {
                // Others were faster; there may be some for the next look.
                return Ok(None);
            }
        }
        // What is due stays due, for the first run of the next hour.
        self.put_off = Some(PutOff::All);
        Ok(None)
    }

    /// Whether no more than so many requests may be in flight, all runners together: then only who has a slot claims.
    fn is_limited(&self) -> bool {
        self.settings.outbound.in_flight.is_some()
    }

    /// Takes a slot, open, where there is one for it. One that yields gets none, and is not needed,
    /// while another runner is open.
    fn take_slot(&mut self) -> Result<(), Problem> {
        let now = clock::now();
        self.slot = if self.yields {
            match self.ledger.join(&self.token, now)? {
                Joining::Joined(slot) => Some(slot),
                Joining::NotNeeded => {
                    self.needed = false;
                    None
                }
                Joining::Full => None,
            }
        } else {
            self.ledger.enter(&self.token, now)?
        };
        self.open = true;
        self.renewed = Moment::now();
        Ok(())
    }

    /// Starts what was claimed, and takes in what has finished, without waiting.
    async fn gather(&mut self) {
        // Ready at once, so that this is a single round of polling.
        while let Either::Left((Some(done), _)) =
            select(self.attempts.next(), std::future::ready(())).await
        {
            self.finished(done);
        }
    }

    /// Waits for an attempt to finish, `longest` at most.
    async fn next_attempt(&mut self, longest: Duration) {
        let timer = std::pin::pin!(clock::sleep(longest));
        let done = match select(self.attempts.next(), timer).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => None,
        };
        if let Some(done) = done {
            self.finished(done);
        }
    }

    fn finished(&mut self, (claim, done): (Claim, Done)) {
        if let Some(count) = self.in_flight.get_mut(&done.queue) {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(&done.queue);
            }
        }
        self.unrecorded.push((claim, done));
    }

    /// Whether what has finished is to be recorded now, or may wait for more to finish.
    fn is_to_record(&self) -> bool {
        !self.unrecorded.is_empty() && (self.attempts.is_empty() || !lately(self.recorded))
    }

    /// Records what has finished, a statement for each claim. What can't be recorded stays.
    fn record(&mut self) -> Result<(), Problem> {
        self.recorded = Some(Moment::now());
        while let Some((claim, _)) = self.unrecorded.first() {
            let claim = claim.clone();
            let of_claim = |(other, _): &(Claim, Done)| other.token == claim.token;
            let done = self.unrecorded.iter().filter(|entry| of_claim(entry));
            let finished: Vec<_> = done.map(|(_, done)| &done.finished).collect();
            self.ledger.record(&claim, &finished)?;
            for (_, done) in self.unrecorded.extract_if(.., |entry| of_claim(entry)) {
                if done.finished.error.is_some() {
                    self.suspects
                        .add(&done.finished.account, done.of, done.gone);
                }
                match done.status() {
                    Status::Succeeded => self.summary.succeeded += 1,
                    Status::Failed => self.summary.failed += 1,
                    _ => self.summary.retrying += 1,
                }
            }
        }
        Ok(())
    }

    /// Tells a bounded part of what the service has to tell of itself.
    fn tell(&mut self) -> Result<Told, Problem> {
        let told = operator::tell(&self.store, &self.ledger, self.told.0)?;
        self.told = (told.up_to, Moment::now());
        Ok(told)
    }

    /// Takes a slot once there is something in flight, or due and blocked, keeps it, and says whether
    /// there is room for more: while there is not, whoever accepts an event wakes another.
    async fn keep_slot(&mut self, look: Look) -> Result<(), Problem> {
        let now = clock::now();
        let open = self.attempts.len() < self.room;
        match &self.slot {
            None if !self.attempts.is_empty() || look == Look::Blocked => self.take_slot()?,
            Some(slot) if open != self.open || self.renewed.elapsed() > RENEWAL => {
                if !self.ledger.renew(slot, open, now)? {
                    self.slot = None;
                }
                let filled_up = self.open && !open;
                self.open = open;
                self.renewed = Moment::now();
                // What was accepted before that was said woke nobody.
                if filled_up && self.ledger.next_due_at()?.is_some_and(|due| due <= now) {
                    nudge().await;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing is in flight and nothing was due for a while: leaves, or waits for a retry.
    async fn idle(&mut self) -> Result<Idle, Problem> {
        let now = clock::now();
        let next = self.ledger.next_due_at()?;
        let soon = next.filter(|next| next.since(now) < SOON && !self.patience.is_zero());
        if let Some(next) = soon {
            let left = self
                .patience
                .min(CLAIMING)
                .saturating_sub(self.started.elapsed());
            if left.is_zero() {
                // No time to wait in: closing hands over to a successor.
                return Ok(Idle::Stop);
            }
            if self.slot.is_none() {
                self.slot = self.ledger.enter(&self.token, now)?;
            }
            if let Some(slot) = &self.slot
                && self.ledger.wait(slot, now)?
            {
                clock::sleep(next.since(now).min(NAP).min(left)).await;
                // Open again, or the next one to wait: both begin with a look at what is due.
                self.ledger.renew(slot, true, clock::now())?;
                self.open = true;
                self.renewed = Moment::now();
                return Ok(Idle::Claim);
            }
        }
        match &self.slot {
            Some(slot) => match self.ledger.leave(slot, clock::now())? {
                Leaving::WorkLeft => Ok(Idle::Claim),
                Leaving::Left => {
                    self.slot = None;
                    Ok(Idle::Stop)
                }
            },
            None => Ok(Idle::Stop),
        }
    }

    /// Finishes what is in flight, gives the slot back, and wakes a successor where something is
    /// due soon.
    async fn close(&mut self) -> Result<(), Problem> {
        // Where what is in flight is limited, nobody else takes this one's place before it is free.
        let stays = self.is_limited();
        if !stays {
            self.hand_over().await?;
        }
        loop {
            self.gather().await;
            // What the ledger refuses now it may take with the next attempt that finishes.
            let recorded = self.record();
            if self.attempts.is_empty() {
                if stays {
                    self.hand_over().await?;
                }
                return recorded;
            }
            if let Some(slot) = self.slot.as_ref().filter(|_| stays) {
                self.ledger.renew(slot, false, clock::now())?;
            }
            let longest = if stays { RENEWAL } else { BUDGET };
            self.next_attempt(longest).await;
        }
    }

    /// Gives the slot back, and wakes a successor where something is due soon.
    async fn hand_over(&mut self) -> Result<(), Problem> {
        let Some(slot) = self.slot.take() else {
            return Ok(());
        };
        // From here on, who accepts an event wakes a runner. What was accepted before is visible to
        // the look that follows.
        self.ledger.abandon(&slot)?;
        let now = clock::now();
        let next = match self.put_off {
            None => self.ledger.next_due_at()?,
            Some(PutOff::Retries) => self.ledger.next_first_attempt_at()?,
            Some(PutOff::All) => None,
        };
        let due_soon = next.is_some_and(|next| next.since(now) < SOON);
        if due_soon && !self.patience.is_zero() {
            nudge().await;
        }
        Ok(())
    }
}

/// Whether this was so short a time ago that the next one may wait for company.
fn lately(last: Option<Moment>) -> bool {
    last.is_some_and(|last| last.elapsed() < PACE)
}

/// How long a runner that has had nothing to do for so long waits until it looks again.
fn glance(quiet: Duration) -> Duration {
    (quiet / 10).clamp(GLANCE, SLOW_GLANCE)
}
