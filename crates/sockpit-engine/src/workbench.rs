//! The workbench: all sessions, behind one handle.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sockpit_core::bpf::Wanted;
use sockpit_core::event::{Event, What};
use sockpit_core::machine::Machine;
use sockpit_core::plan::Plan;
use sockpit_core::session::{self, Message, Peer};
use sockpit_core::time::Time;
use tokio::sync::{mpsc, oneshot};

use crate::any_machine::AnyMachine;
use crate::bus::{Scope, Tap, TapId, TapLimit, Veil, View, ViewLimit};
use crate::capture::{Capture, Place, Refusal, Request};
use crate::clock::Clock;
use crate::error::Error;
use crate::program::ProgramPlan;
use crate::session::{Make, Manner, Opening, Session};
use crate::shard::{self, Job, Shard};

/// Runs sessions until it is dropped.
pub struct Workbench {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Workbench {
    /// Starts without a session.
    ///
    /// # Errors
    ///
    /// Returns the system's error where it gives no thread.
    pub fn start() -> io::Result<Self> {
        // A server of many peers needs many descriptors; where no more are given, fewer peers fit.
        let _ = sockpit_sys::limit::raise_open_files();
        let (jobs, thread) = shard::start()?;
        Ok(Self {
            handle: Handle { jobs },
            thread: Some(thread),
        })
    }

    /// Starts without a session and without a thread: sessions run beside what else the thread does
    /// that asks. It is for a session or two that this thread waits for; whatever keeps it busy keeps
    /// them waiting.
    ///
    /// # Panics
    ///
    /// Panics outside of a [`tokio::task::LocalSet`].
    #[must_use]
    pub fn start_here() -> Self {
        Self {
            handle: Handle {
                jobs: shard::start_here(),
            },
            thread: None,
        }
    }

    /// What front ends and programs hold.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Workbench {
    /// Ends every session at once; [`Session::close`] and its outcome end one in order. Without a
    /// thread of its own it does so when it has its turn on the thread that it is on.
    fn drop(&mut self) {
        self.handle.run(|shard| shard.stop());
        if let Some(thread) = self.thread.take() {
            // A panic of the shard was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Descriptors that a session may read its input from and write what it receives to, without a
/// detour through events. They count only while nobody watches; see [`Handle::talk`].
#[derive(Debug, Default)]
pub struct Stdio {
    /// Where what is sent comes from; nothing is sent if `None`.
    pub input: Option<OwnedFd>,
    /// Where what is received goes; it is dropped if `None`.
    pub output: Option<OwnedFd>,
}

/// Opens sessions and subscribes to their events, from any thread.
#[derive(Clone, Debug)]
pub struct Handle {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Handle {
    /// Opens a session of `connect` or `listen`.
    ///
    /// `input` says whether [`Session::send`] will be used with the first peer.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the endpoint cannot be reached or taken.
    pub async fn talk(
        &self,
        plan: Arc<Plan>,
        input: session::Input,
        program: Option<String>,
    ) -> Result<Session<session::Session>, Error> {
        let input = if program.is_some() {
            session::Input::Program
        } else {
            input
        };
        let everybody = program.is_some();
        let program = program.map(|command| ProgramPlan {
            command,
            output: |session: &mut session::Session, now, bytes| {
                session.transmit(
                    now,
                    Message {
                        wire: bytes.clone(),
                        payload: bytes,
                    },
                );
            },
            end: |session, now| session.end_program(now),
        });
        let manner = Arc::new(Mutex::new(plan.clone()));
        let theirs = manner.clone();
        let make = move |peer: Peer, now: Time| {
            let input = if peer.number == 1 || everybody {
                input
            } else {
                session::Input::Closed
            };
            let plan = theirs.lock().expect("no holder panics").clone();
            session::Session::new(plan, peer, input, now)
        };
        let opening = Opening {
            plan,
            program,
            stdio: None,
        };
        let mut session = self.start(opening, Box::new(make)).await?;
        session.manner = Some(Manner {
            plan: manner,
            handle: self.clone(),
        });
        Ok(session)
    }

    /// Opens a raw stream session whose bytes go straight between the peer and two descriptors.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the endpoint cannot be reached or taken.
    ///
    /// # Panics
    ///
    /// Panics unless the plan is a raw stream of one peer: a client, or a server with `once`.
    pub async fn pipe(
        &self,
        plan: Arc<Plan>,
        stdio: Stdio,
    ) -> Result<Session<session::Session>, Error> {
        assert!(
            plan.is_raw_stream(),
            "only raw streams are copied without being looked at"
        );
        let make_plan = plan.clone();
        let make = move |peer: Peer, now: Time| {
            session::Session::new(make_plan.clone(), peer, session::Input::Closed, now)
        };
        self.start(
            Opening {
                plan,
                program: None,
                stdio: Some(stdio),
            },
            Box::new(make),
        )
        .await
    }

    /// Opens a session of machines of your own: `make` gives one for each peer.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the endpoint cannot be reached or taken.
    pub async fn open<M, F>(&self, plan: Arc<Plan>, mut make: F) -> Result<Session<M>, Error>
    where
        M: Machine + 'static,
        M::Event: Into<What>,
        F: FnMut(Peer, Time) -> M + Send + 'static,
    {
        let make = move |peer: Peer, now: Time| AnyMachine::new(make(peer, now));
        let opened = self.open_any(plan, Box::new(make)).await;
        opened.map(Session::of_machines)
    }

    async fn open_any(
        &self,
        plan: Arc<Plan>,
        make: Make<AnyMachine>,
    ) -> Result<Session<AnyMachine>, Error> {
        self.start(
            Opening {
                plan,
                program: None,
                stdio: None,
            },
            make,
        )
        .await
    }

    async fn start<M>(&self, opening: Opening<M>, make: Make<M>) -> Result<Session<M>, Error>
    where
        M: Machine + 'static,
        M::Event: Into<What>,
    {
        let (reply, opened) = oneshot::channel();
        self.run(move |shard| crate::session::spawn(shard, opening, make, reply));
        opened.await.unwrap_or_else(|_| Err(Error::gone()))
    }

    /// Subscribes to every event of every session within `scope`, from here on.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn tap(&self, limit: TapLimit, scope: Scope) -> Tap {
        self.ask(move |shard| shard.bus.add_tap(limit, scope)).await
    }

    /// Ends a subscription: the tap gives what was published until now, and then nothing.
    pub fn end_tap(&self, id: &TapId) {
        let id = id.clone();
        self.run(move |shard| shard.bus.end_tap(&id));
    }

    /// Subscribes to every event of every session, with room for so many that wait to be taken.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn view(&self, events: usize) -> View {
        let bytes = usize::MAX;
        self.view_within(ViewLimit { events, bytes }, Scope::Everything)
            .await
    }

    /// Subscribes to the events of every session within `scope`, with room for so much that waits to
    /// be taken.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn view_within(&self, limit: ViewLimit, scope: Scope) -> View {
        self.ask(move |shard| shard.bus.add_view(limit, scope))
            .await
    }

    /// The same, which is told the plans of sessions that are opened from here on as well.
    pub(crate) async fn planned_view(&self, limit: ViewLimit, scope: Scope) -> View {
        self.ask(move |shard| shard.bus.add_planned_view(limit, scope))
            .await
    }

    /// Lets every event pass through a veil from here on, which takes out of it what neither a
    /// recording nor a screen may hold (rule G3). Bytes of a chunk are best replaced by as many, so
    /// that offsets stay true.
    pub fn veil(&self, veil: impl FnMut(&mut Event) + Send + 'static) {
        let veil: Veil = Box::new(veil);
        self.run(move |shard| shard.bus.put_on(veil));
    }

    /// Puts something of a front end's into the timeline.
    pub fn publish(&self, session: u32, peer: u32, what: What) {
        self.run(move |shard| {
            shard
                .bus
                .publish(shard.bus.clock().now(), session, peer, what);
        });
    }

    /// The same, and waits until it is there: what is asked of sessions after that comes behind it.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn publish_first(&self, session: u32, peer: u32, what: What) {
        self.ask(move |shard| {
            shard
                .bus
                .publish(shard.bus.clock().now(), session, peer, what);
        })
        .await;
    }

    /// The same, from a thread that may wait; `false` where the workbench is gone and nobody was told.
    pub(crate) fn publish_blocking(&self, session: u32, peer: u32, what: What) -> bool {
        let (reply, published) = oneshot::channel();
        self.run(move |shard| {
            shard
                .bus
                .publish(shard.bus.clock().now(), session, peer, what);
            let _ = reply.send(());
        });
        published.blocking_recv().is_ok()
    }

    /// Whether packets may be captured here: it is tried, on the loopback.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that says why not.
    pub async fn may_capture(&self) -> Result<(), Refusal> {
        let (reply, tried) = oneshot::channel();
        // As for a session: on a thread that is started by the shard's, whose privileges it has.
        self.run(move |_| {
            let thread = std::thread::Builder::new().name("sockpit-capture".to_owned());
            let place = Place::To(vec![Ipv4Addr::LOCALHOST.into()]);
            let wanted = Wanted::default();
            // Where no thread is given, nobody is answered.
            let _ = thread.spawn(move || {
                let _ = reply.send(Capture::open(&Request { place, wanted }).map(drop));
            });
        });
        let failed = || Refusal::failed(&io::ErrorKind::OutOfMemory.into());
        tried.await.unwrap_or_else(|_| Err(failed()))
    }

    /// The clock of the timeline, for whatever is told beside events.
    ///
    /// # Panics
    ///
    /// Panics if the workbench is gone.
    pub async fn clock(&self) -> Clock {
        self.ask(|shard| shard.bus.clock()).await
    }

    /// Waits until sessions have told what had come when this was called: where others had the
    /// processor, it came in time and lies in their sockets. Cancel-safe.
    pub async fn catch_up(&self) {
        let (reply, told) = oneshot::channel();
        self.run(move |_| {
            tokio::task::spawn_local(async move {
                // Its turn comes again when the runtime has asked the system, behind all those who
                // were woken by that.
                tokio::task::yield_now().await;
                // Whoever asked may have left.
                let _ = reply.send(());
            });
        });
        // Nothing comes any more where the workbench is gone.
        let _ = told.await;
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Rc<Shard>) -> T + Send + 'static,
    ) -> T {
        let (reply, answer) = oneshot::channel();
        self.run(move |shard| {
            // Whoever asked may have left.
            let _ = reply.send(job(shard));
        });
        answer
            .await
            .expect("the workbench outlives its handles' questions")
    }

    /// A job for a workbench that is gone is dropped.
    pub(crate) fn run(&self, job: impl FnOnce(&Rc<Shard>) + Send + 'static) {
        let _ = self.jobs.send(Box::new(job));
    }
}

#[cfg(test)]
mod tests;
