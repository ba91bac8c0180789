//! This file is about what is done to a system while it is measured: restarts, backups, restores. The measuring tool asks for
//! them by HTTP, and they are done on the thread that started the system's processes, because these end with that thread.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::systems::System;

/// What can be asked for.
#[derive(Clone, Copy)]
enum Order {
    Restart,
    BackUp,
    Restore,
}

/// What the thread that has the system hears.
enum Heard {
    Order(Order, oneshot::Sender<bool>),
    TheEnd,
}

/// The commands that ask for them.
pub(super) struct Commands {
    address: SocketAddr,
}

impl Commands {
    /// Stops the system and starts it again.
    pub(super) fn restart(&self) -> String {
        self.command("restart")
    }

    /// Takes a backup.
    pub(super) fn back_up(&self) -> String {
        self.command("back-up")
    }

    /// Puts the latest backup back.
    pub(super) fn restore(&self) -> String {
        self.command("restore")
    }

    fn command(&self, order: &str) -> String {
        format!("curl -sSf -X POST http://{}/{order}", self.address)
    }
}

/// Does to the system what the measurement asks for, until that has ended.
pub(super) fn attend<T: Send>(
    system: &mut dyn System,
    measure: impl FnOnce(&Commands) -> Result<T> + Send,
) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (tell, heard) = mpsc::channel();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let commands = Commands { address: listener.local_addr()? };
    let orders = [("/restart", Order::Restart), ("/back-up", Order::BackUp), ("/restore", Order::Restore)];
    let app = orders.into_iter().fold(Router::new(), |app, (path, order)| {
        app.route(path, post(async move |State(tell)| pass_on(&tell, order).await))
    });
    runtime.spawn(axum::serve(listener, app.with_state(tell.clone())).into_future());
    let mut failure = None;
    let measured = thread::scope(|scope| {
        let measuring = scope.spawn(move || {
            let measured = measure(&commands);
            // Heard always: who hears it waits for it.
            let _ = tell.send(Heard::TheEnd);
            measured
        });
        while let Ok(Heard::Order(order, answer)) = heard.recv() {
            let done = carry_out(system, order);
            // Who asked may have lost patience, and says so.
            let _ = answer.send(done.is_ok());
            failure = failure.take().or(done.err());
        }
        measuring.join().map_err(|_| anyhow!("the measurement panicked"))
    });
    failure.map_or(measured?, |failure| Err(failure).context("what was asked for failed"))
}

fn carry_out(system: &mut dyn System, order: Order) -> Result<()> {
    match order {
        Order::Restart => {
            system.stop();
            system.start()
        }
        Order::BackUp => system.back_up(),
        Order::Restore => {
            system.stop();
            system.put_back()?;
            system.start()
        }
    }
}

async fn pass_on(tell: &mpsc::Sender<Heard>, order: Order) -> StatusCode {
    let (answer, answered) = oneshot::channel();
    let is_told = tell.send(Heard::Order(order, answer)).is_ok();
    match is_told && answered.await.unwrap_or(false) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
