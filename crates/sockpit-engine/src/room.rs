//! Rooms: one hub, many members, whatever they come by.
//!
//! ```text
//!  links ─▶ drivers ─▶ guests (a visitor each) ─▶ requests ─▶ hub
//!              ▲                                               │
//!              └── posts: bounded, the oldest goes first ◀─────┘
//! ```
//!
//! The hub and the visitors are the core's, and pure. A room stands above the drivers: what the hub
//! wants delivered joins the posts of its members, and each driver takes from its post as fast as its
//! peer reads. Where browsers are wanted, a connection that begins with `GET ` goes to a handler,
//! which comes back through the [`Door`].

mod door;
mod guest;
mod hall;
mod reception;
mod seat;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sockpit_core::chat::room::{Hub, Settings};
use sockpit_core::chat::visitor;
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::time::Time;
use tokio::sync::{mpsc, oneshot};

#[cfg(feature = "nats")]
use crate::cluster::Cluster;
use crate::error::Error;
use crate::listen;
use crate::session::{Outcome, Scene, Session, publish_listening};
use crate::shard::Shard;
use crate::transport::{self, StreamListeners};
use crate::workbench::Handle;

pub(crate) use door::DoorLink;
pub use door::{ByteStream, Closing, Door, Visit, Web};
use guest::Guest;
use hall::Hall;
pub(crate) use hall::{Asked, ask};
pub(crate) use reception::Reception;
pub use seat::Seat;

/// What a room is opened with.
pub struct Opening {
    /// How the hub is set up.
    pub hub: Settings,
    /// How each visitor begins.
    pub visitors: visitor::Settings,
    /// What takes connections that begin with `GET `; without it nobody looks at how they begin.
    pub web: Option<Web>,
    /// In bytes: what may wait for a member that reads slowly. Beyond it the oldest lines are lost,
    /// and the member is told how many.
    pub post: usize,
    /// How long a member may take nothing of what waits for it before it is dismissed.
    pub patience: Duration,
    /// The cluster it takes part in; the hub's settings then say that it shares.
    #[cfg(feature = "nats")]
    pub cluster: Option<crate::cluster::Settings>,
}

impl Opening {
    /// In bytes: what waits for a slow member unless told otherwise. Twenty full screens of talk.
    pub const POST: usize = 256 * 1024;

    /// How long a member may take nothing unless told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// A room of its own, without browsers.
    #[must_use]
    pub const fn new(hub: Settings, visitors: visitor::Settings) -> Self {
        Self {
            hub,
            visitors,
            web: None,
            post: Self::POST,
            patience: Self::PATIENCE,
            #[cfg(feature = "nats")]
            cluster: None,
        }
    }
}

/// The handle of a room. Dropping it ends the room at once.
pub struct Room {
    session: Session<Guest>,
    asked: mpsc::UnboundedSender<Asked>,
}

impl Room {
    /// Its session's number in the timeline.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.session.number()
    }

    /// The addresses that it has taken, as endpoints with their real ports.
    #[must_use]
    pub fn local(&self) -> &[String] {
        self.session.local()
    }

    /// Asks or changes the hub, and carries out what it then wants; `None` where the room is over.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Hub, Time) -> T + Send + 'static,
    ) -> Option<T> {
        ask(&self.asked, question).await
    }

    /// Ends the room in order: everybody is told, nobody is let in, and what waits is sent within
    /// five seconds.
    pub async fn close(&self) {
        self.ask(Hub::close).await;
        self.session.close();
    }

    /// Waits for the end of the room, and tells it again when asked again. Cancel-safe.
    pub async fn outcome(&self) -> Outcome {
        self.session.outcome().await
    }
}

impl Handle {
    /// Opens a room with all these endpoints.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where one of the endpoints cannot be taken; then none is.
    ///
    /// # Panics
    ///
    /// Panics unless there is a plan, and each is of a server of streams.
    pub async fn open_room(&self, plans: Vec<Arc<Plan>>, opening: Opening) -> Result<Room, Error> {
        let is_fit = |plan: &Arc<Plan>| plan.shape() == Shape::Stream && plan.role == Role::Server;
        let are_fit = !plans.is_empty() && plans.iter().all(is_fit);
        assert!(are_fit);
        let (reply, opened) = oneshot::channel();
        self.run(move |shard| spawn(shard, plans, opening, reply));
        opened.await.unwrap_or_else(|_| Err(Error::gone()))
    }
}

/// Opens the room on its shard and answers once it is open.
fn spawn(
    shard: &Rc<Shard>,
    plans: Vec<Arc<Plan>>,
    opening: Opening,
    reply: oneshot::Sender<Result<Room, Error>>,
) {
    let shard = shard.clone();
    tokio::task::spawn_local(async move {
        let listeners = match listen_all(&plans).await {
            Ok(listeners) => listeners,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let scene = Rc::new(Scene::new(&shard, plans[0].clone()));
        let local = listeners.local();
        publish_listening(&scene, &local);
        let (session, commands, outcome) = Session::new(scene.number, local);
        let (asked, questions) = mpsc::unbounded_channel();
        let reception = Reception::new(opening.web.clone());
        #[cfg(feature = "nats")]
        let cluster = opening
            .cluster
            .clone()
            .map(|settings| Cluster::start(settings, scene.clone(), asked.clone()));
        #[cfg(feature = "nats")]
        let share = cluster.as_ref().map(Cluster::sender);
        #[cfg(not(feature = "nats"))]
        let share = None;
        let hall = Rc::new(Hall::new(scene.clone(), opening, share));
        // A handle that was dropped meanwhile ends the room below.
        let _ = reply.send(Ok(Room { session, asked }));
        let make = {
            let hall = hall.clone();
            move |peer, _, arrival: &listen::Arrival<'_, Guest>| Hall::let_in(&hall, &peer, arrival)
        };
        let extras = listen::Extras {
            stdio: None,
            program: None,
            reception: Some(reception),
        };
        let server = async {
            let ended = listen::run_server(scene, listeners, make, commands, extras).await;
            #[cfg(feature = "nats")]
            if let Some(cluster) = cluster {
                cluster.finish().await;
            }
            ended
        };
        let ended = tokio::select! {
            ended = server => ended,
            never = hall.tend(questions) => match never {},
        };
        // A handle that was dropped does not ask how it ended.
        let _ = outcome.send(Some(ended));
    });
}

async fn listen_all(plans: &[Arc<Plan>]) -> Result<StreamListeners, Error> {
    let mut all = Vec::new();
    for plan in plans {
        all.push(transport::listen_stream(plan).await?);
    }
    Ok(StreamListeners::join(all))
}

#[cfg(test)]
mod tests;
