//! What a plugin says over its session.

use crate::flights::{Answer, DEAF, Flights, To, What};
use crate::told::Teller;
use gatewright_abi::document;
use gatewright_plugin::services::ServiceError;
use gatewright_proto::v1::{
    HostAsk, HostResult, PartContent, PluginFrame, PluginFrames, host_frame, host_result, plugin_frame,
};
use tokio::runtime::Handle;
use tonic::{Code, Status, Streaming};

/// Why a session is over.
pub(crate) enum Over {
    /// With its connection.
    Lost(String),
    /// By what no plugin does.
    Against(String),
}

/// Reads a session until it is over.
pub(crate) async fn listen(mut frames: Streaming<PluginFrames>, flights: &Flights, teller: Teller) -> Over {
    loop {
        match frames.message().await {
            Ok(Some(PluginFrames { frames })) => {
                if let Err(why) = take(frames, flights, &teller).await {
                    return Over::Against(why.to_owned());
                }
            }
            Ok(None) => return Over::Against("it ended its session".to_owned()),
            Err(status) => return broke(&status),
        }
    }
}

fn broke(status: &Status) -> Over {
    let why = format!("its session broke: {}", status.message());
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::Unknown => Over::Lost(why),
        _ => Over::Against(why),
    }
}

/// An error is a break of the protocol.
async fn take(frames: Vec<PluginFrame>, flights: &Flights, teller: &Teller) -> Result<(), &'static str> {
    for PluginFrame { frame } in frames {
        // However much it says at once, others have their turns.
        tokio::task::coop::consume_budget().await;
        match frame {
            Some(plugin_frame::Frame::Answer(answer)) => {
                let answered = flights.answered(answer.call, Answer::Hook(answer));
                let unclaimed = answered.map_err(|_| "it answered a call that it was not asked")?;
                if let Some(close) = unclaimed {
                    teller.say(host_frame::Frame::Close(close), &Handle::current()).map_err(|_| DEAF)?;
                }
            }
            Some(plugin_frame::Frame::Pulled(chunks)) => {
                let answered = flights.answered(chunks.call, Answer::Chunks(chunks.pulled));
                answered.map_err(|_| "it answered a pull that it was not asked")?;
            }
            Some(plugin_frame::Frame::Part(fetch)) => {
                let to = To::Session(teller.clone(), 0);
                if flights.wanted(fetch.call, What::Part(fetch.part), to).await.is_err() {
                    let part =
                        PartContent { call: fetch.call, part: fetch.part, error: over(), ..PartContent::default() };
                    refuse(teller, host_frame::Frame::Part(part)).await;
                }
            }
            Some(plugin_frame::Frame::Ask(ask)) => {
                if ask.id == 0 {
                    flights.said(ask.call, ask.function, &ask.argument);
                    continue;
                }
                let HostAsk { call, id, function, argument } = ask;
                let to = To::Session(teller.clone(), id);
                let what = What::Function { function, argument: argument.to_vec() };
                drop(argument);
                if flights.wanted(call, what, to).await.is_err() {
                    let error = document::write(&ServiceError::Invalid(over())).into();
                    let result = Some(host_result::Result::Error(error));
                    let result = HostResult { call, id, result };
                    refuse(teller, host_frame::Frame::Result(result)).await;
                }
            }
            // Of a newer SDK.
            None => {}
        }
    }
    Ok(())
}

/// Whoever asks of what is over and does not read is not read any further either.
async fn refuse(teller: &Teller, refusal: host_frame::Frame) {
    // Should the session be over, nobody asks.
    let _ = teller.tell(refusal).await;
}

fn over() -> String {
    "the call is over".to_owned()
}

#[cfg(test)]
mod tests;
