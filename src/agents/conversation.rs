//! Agents that are talked with, one turn an order: what is said to them depends on nothing but what they
//! say, so a conversation is data in, data out.

use super::line::{Line, Reader, Writer};
use super::steering::Steering;
use crate::config::Agent;
use crate::core::brief::Brief;
use crate::core::outcome::Ending;
use crate::process::{Launch, Limits, Processes};
use serde_json::Value;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a turn that was interrupted may take to end.
pub const CANCEL_TAKES: Duration = Duration::from_secs(3);
/// How long an agent that is talked with may take to leave at the end of its input.
const LEAVES_BY_ITSELF: Duration = Duration::from_secs(1);

/// One side of a conversation: ours.
pub trait Conversation: Send {
    /// What is said first.
    fn begins(&mut self) -> Vec<Value>;
    /// What is answered.
    fn on_message(&mut self, message: &Value) -> Vec<Value>;
    /// What is said in a further turn.
    fn goes_on(&mut self, words: &str) -> Vec<Value>;
    /// What is said in a turn, under the number of its event.
    ///
    /// # Errors
    /// Nothing can be said now: a sentence.
    fn steers(&mut self, steered: u64, words: &str) -> Result<Vec<Value>, String>;
    /// What of that has reached the agent since this was asked last, and what has not.
    fn steered(&mut self) -> Vec<(u64, Result<(), String>)>;
    /// What is said when it is no longer wanted.
    fn interrupts(&mut self) -> Vec<Value>;
    /// Whether all is said.
    fn is_over(&self) -> bool;
    /// How long it is listened to for one more message, where its turn is over and it may begin another by itself.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// What a conversation is about.
pub struct Subject<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// The order.
    pub brief: &'a Brief,
    /// The brief in words.
    pub words: String,
    /// Where it is carried out.
    pub folder: &'a Path,
    /// Whether the system confines the agent.
    pub confined: bool,
    /// What is said to it while it is at work.
    pub steering: Option<&'a Steering>,
    /// Whether it has not said how it went, by what it has said so far; then it is asked once more.
    pub is_unanswered: Arc<dyn Fn() -> bool + Send + Sync>,
    /// How it is asked.
    pub again: String,
}

/// A conversation to its end; or why it broke off.
pub type Talk<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// How an agent is told its brief.
pub enum Transport {
    /// It reads it, prints and ends.
    Alone,
    /// It is talked with.
    Talks(fn(&Subject<'_>) -> Box<dyn Conversation>),
    /// Its protocol has a client of its own, which talks with it to the end.
    Drives(for<'a> fn(Line, &'a Subject<'a>, watch::Receiver<bool>) -> Talk<'a>),
}

/// Runs a process that is talked with: the warden's like all others, and ended when all is said.
pub async fn converse(
    processes: &Processes,
    mut launch: Launch,
    limits: Limits,
    subject: Subject<'_>,
    way: &Transport,
    stop: watch::Receiver<bool>,
    show: impl FnMut(&str),
) -> Ending {
    let line = match Line::new(&launch.output) {
        Ok(line) => line,
        Err(error) => {
            return Ending::DidNotStart(format!(
                "{}: no pipe can be made: {error}",
                launch.output.display()
            ));
        }
    };
    let input = line.input().to_owned();
    launch.stdin = Some(input.clone());
    let (over, ends) = watch::channel(false);
    let (asked_to_stop, mut unwanted) = (stop.clone(), stop.clone());
    let running = processes.run(launch, limits, ends, show);
    let talking = async {
        match way {
            Transport::Talks(begin) => {
                hold(line, begin(&subject), &subject, stop).await.map_err(|error| error.to_string())
            }
            Transport::Drives(talk) => talk(line, &subject, stop).await,
            Transport::Alone => Ok(()),
        }
    };
    // The protocols' futures are large.
    let talking = Box::pin(talking);
    tokio::pin!(running);
    let talked = tokio::select! {
        // It is gone before all was said, or it took too long.
        ending = &mut running => return ending,
        talked = talking => talked,
        // Nor does it listen.
        () = async { drop(unwanted.wait_for(|stop| *stop).await); tokio::time::sleep(2 * CANCEL_TAKES).await } => Ok(()),
    };
    drop(std::fs::remove_file(input));
    // Its input has ended; some want to be told by a signal.
    let ending = match tokio::time::timeout(LEAVES_BY_ITSELF, &mut running).await {
        Ok(ending) => ending,
        Err(_) => {
            over.send_replace(true);
            running.await
        }
    };
    let stopped = *asked_to_stop.borrow();
    match talked {
        _ if stopped => Ending::Stopped,
        // However it leaves once its turn is over: what counts is what it said.
        Ok(()) => Ending::Exited(0),
        Err(_) => {
            if ending == Ending::Stopped {
                Ending::Exited(1)
            } else {
                ending
            }
        }
    }
}

/// Holds a conversation to its end, or until it is no longer wanted.
async fn hold(
    line: Line,
    mut conversation: Box<dyn Conversation>,
    subject: &Subject<'_>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let Line { mut writer, mut reader, .. } = line;
    let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
    tokio::pin!(stopped);
    tell(&mut writer, conversation.begins()).await?;
    let talk = async {
        listen(&mut writer, &mut reader, &mut *conversation, subject.steering).await?;
        if is_unanswered(subject).await {
            tell(&mut writer, conversation.goes_on(&subject.again)).await?;
            listen(&mut writer, &mut reader, &mut *conversation, subject.steering).await?;
        }
        Ok(())
    };
    let talked = tokio::select! {
        talked = talk => Some(talked),
        () = &mut stopped => None,
    };
    match talked {
        Some(talked) => talked,
        None => {
            tell(&mut writer, conversation.interrupts()).await?;
            // What is interrupted says so; who does not is ended by a signal.
            tokio::time::timeout(
                CANCEL_TAKES,
                listen(&mut writer, &mut reader, &mut *conversation, None),
            )
            .await
            .unwrap_or(Ok(()))
        }
    }
}

/// Whether it has not said how it went. It may have said much: that is not read on the loop.
pub async fn is_unanswered(subject: &Subject<'_>) -> bool {
    let looks = subject.is_unanswered.clone();
    tokio::task::spawn_blocking(move || looks()).await.unwrap_or_default()
}

async fn listen(
    writer: &mut Writer,
    reader: &mut Reader,
    conversation: &mut dyn Conversation,
    steering: Option<&Steering>,
) -> io::Result<()> {
    let next = || async {
        match steering {
            Some(steering) => steering.next().await,
            None => std::future::pending().await,
        }
    };
    while !conversation.is_over() {
        let patience = conversation.patience();
        let received = async {
            match patience {
                Some(patience) => tokio::time::timeout(patience, reader.message()).await.ok(),
                None => Some(reader.message().await),
            }
        };
        tokio::select! {
            message = received => match message {
                Some(message) => tell(writer, conversation.on_message(&message?)).await?,
                // It says no more.
                None => return Ok(()),
            },
            message = next() => match conversation.steers(message.steered, &message.text) {
                Ok(said) => tell(writer, said).await?,
                Err(why) => steering.iter().for_each(|steering| steering.ended(message.steered, Err(why.clone()))),
            },
        }
        for (steered, outcome) in conversation.steered() {
            steering.iter().for_each(|steering| steering.ended(steered, outcome.clone()));
        }
    }
    Ok(())
}

async fn tell(writer: &mut Writer, messages: Vec<Value>) -> io::Result<()> {
    for message in messages {
        writer.line(&message.to_string()).await?;
    }
    Ok(())
}
