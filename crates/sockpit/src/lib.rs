//! Sockpit as a library: talk to any TCP, UDP or Unix endpoint, and see every byte.
//!
//! [`core`] is the pure part: machines, framing, text, rules, records. [`engine`] gives machines
//! their sockets and clocks. A client in ten lines:
//!
//! ```no_run
//! use std::sync::Arc;
//! use sockpit::core::endpoint::Endpoint;
//! use sockpit::core::plan::{Options, Plan, Role};
//! use sockpit::core::session::Input;
//! use sockpit::engine::{Target, Workbench};
//!
//! # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint: Endpoint = "tcp://127.0.0.1:7000?frame=lines".parse()?;
//! let plan = Arc::new(Plan::resolve(Role::Client, &endpoint, Options::default())?);
//! let bench = Workbench::start()?;
//! let mut session = bench.handle().talk(plan.clone(), Input::Open, None).await?;
//! session.send(Target::Latest, plan.message("hello".into())?).await;
//! session.finish(Target::Latest).await;
//! println!("{:?}", session.outcome().await.reason);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

#[doc(inline)]
pub use sockpit_core as core;
#[doc(inline)]
pub use sockpit_engine as engine;
