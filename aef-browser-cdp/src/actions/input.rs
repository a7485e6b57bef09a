//! Input on its way into a page.

use aef_core::browser::Effect;
use serde::de::DeserializeOwned;

use super::{Acting, GRACE};
use crate::connection::{Batch, Reply};
use crate::error::CdpError;

impl Acting {
    /// Sends input in one flush, if the gate is open, and waits until the page has taken it.
    pub(super) async fn send_input<R: DeserializeOwned>(
        &mut self,
        batch: Batch<'_>,
        replies: Vec<Reply<R>>,
    ) -> Result<(), CdpError> {
        let before = std::mem::replace(&mut self.effect, Effect::Possible);
        batch.send(Some(self.gate.clone()))?;
        for reply in replies {
            match reply.within(self.left() + GRACE).await {
                Ok(_) => {}
                Err(CdpError::GateClosed) => {
                    self.effect = before;
                    return Err(CdpError::GateClosed);
                }
                Err(error) => self.tolerate(error).await?,
            }
        }
        Ok(())
    }

    /// A page that goes away by the input does not acknowledge it.
    pub(super) async fn tolerate(&self, error: CdpError) -> Result<(), CdpError> {
        let is_gone = matches!(error, CdpError::Refused { .. })
            || (matches!(error, CdpError::Lost(_)) && self.has_other_tabs().await);
        if is_gone { Ok(()) } else { Err(error) }
    }
}
