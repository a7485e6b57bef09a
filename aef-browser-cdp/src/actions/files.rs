//! Files to the page and from it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aef_core::browser::{Effect, FileContent};
use aef_core::document::{Download, Target, Upload};
use aef_core::recovery::{ErrorKind, Failure};
use bytes::Bytes;
use chromiumoxide_cdp::cdp::browser_protocol::browser::{
    BrowserContextId, CancelDownloadParams, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::dom::{BackendNodeId, SetFileInputFilesParams};
use serde_json::{Map, json};

use super::{Acting, fault};
use crate::error::CdpError;
use crate::session::{Chooser, DownloadState};

/// How often a file that the browser says is complete is looked for.
const FILE_POLL: Duration = Duration::from_millis(10);

/// The longest name of a file.
const NAME_LIMIT: usize = 120;

impl Acting {
    pub(super) async fn upload(&mut self, upload: &Upload) -> Result<(), CdpError> {
        self.require_open_gate()?;
        self.require_files("upload")?;
        let mut request = Map::new();
        request.insert("multiple".into(), json!(self.files.len() > 1));
        let (prepared, found) = self.prepare("upload", Some(&upload.target), request).await?;
        self.context.release_handles(&found.frame);
        // The browser reads a file when the form is sent, so it stays until the session ends.
        let mut params = SetFileInputFilesParams::new(self.store_files().await?);
        if prepared.chooser {
            let chooser = self.open_chooser(&upload.target).await?;
            params.backend_node_id = Some(BackendNodeId::new(chooser.input));
            self.context.link(&chooser.session).call_within(params, self.left()).await?;
        } else {
            let (element, frame) = self.context.handle("element", &upload.target, self.deadline).await?;
            params.object_id = Some(element.into());
            self.effect = Effect::Possible;
            self.context.link(&frame.world.session).call_within(params, self.left()).await?;
            self.context.release_handles(&frame);
        }
        self.follow_navigation(None).await
    }

    /// Clicks what opens a file chooser, and gives the chooser, which the browser shows to nobody.
    async fn open_chooser(&mut self, target: &Target) -> Result<Chooser, CdpError> {
        self.click_plainly(target).await?;
        let opened = self.context.wait(self.deadline, |state| state.chooser.clone()).await?;
        self.context.update(|state| state.chooser = None);
        let Some(chooser) = opened else {
            return Err(fault("not_actionable", "wrong_element", "the click opened no file chooser"));
        };
        if self.files.len() > 1 && !chooser.multiple {
            return Err(fault("not_actionable", "wrong_element", "the file chooser takes one file only"));
        }
        Ok(chooser)
    }

    async fn store_files(&self) -> Result<Vec<String>, CdpError> {
        let directory = self.context.host.scratch().map_err(|error| io(&error))?;
        let mut paths = Vec::with_capacity(self.files.len());
        for (index, file) in self.files.iter().enumerate() {
            // Two files may have one name.
            let place = directory.path().join(index.to_string());
            tokio::fs::create_dir(&place).await.map_err(|error| io(&error))?;
            let path = place.join(safe_name(&file.name));
            tokio::fs::write(&path, &file.bytes).await.map_err(|error| io(&error))?;
            paths.push(path.to_string_lossy().into_owned());
        }
        self.context.update(|state| state.kept_files.push(directory));
        Ok(paths)
    }

    pub(super) async fn download(&mut self, download: &Download) -> Result<(), CdpError> {
        self.require_files("download")?;
        let directory = self.context.host.scratch().map_err(|error| io(&error))?;
        let path = directory.path().to_owned();
        self.context.update(|state| state.record.downloads.clear());
        self.allow_downloads(Some(&path)).await?;
        let result = self.download_to(download, &path).await;
        // Where the answer does not come, the next download is refused by the same command.
        let restored = self.allow_downloads(None).await;
        self.file = Some(result?);
        restored
    }

    async fn download_to(&mut self, download: &Download, directory: &Path) -> Result<FileContent, CdpError> {
        if let Some(click) = &download.click {
            self.click(click).await?;
        } else if let Some(navigate) = &download.navigate {
            self.navigate(navigate).await?;
        } else {
            return Err(fault("data", "invalid_request", "download needs click or navigate"));
        }
        let begun = self.context.wait(self.deadline, |state| state.record.downloads.first().cloned()).await?;
        let Some(guid) = begun else {
            let message = "no download began in time";
            return Err(CdpError::Page(Failure::new(ErrorKind::Timeout, message).with_reason("download")));
        };
        let limit = self.context.host.options.max_download;
        let ended = self.context.wait(self.deadline, |state| {
            let download = state.downloads.get(&guid)?;
            (download.ended.is_some() || download.received.max(download.total) > limit)
                .then(|| download.clone())
        });
        let Some(state) = ended.await? else {
            self.cancel(&guid);
            let message = "the download did not end in time";
            return Err(CdpError::Page(Failure::new(ErrorKind::Timeout, message).with_reason("download")));
        };
        if state.received.max(state.total) > limit {
            self.cancel(&guid);
            let message = format!("the file is larger than {limit} bytes");
            return Err(CdpError::Page(
                Failure::new(ErrorKind::LimitExceeded, message).with_reason("download"),
            ));
        }
        if state.ended != Some(true) {
            return Err(CdpError::Page(Failure::new(ErrorKind::Network, "the download was broken off")));
        }
        self.read_download(&directory.join(&*guid), &state).await
    }

    async fn read_download(&self, path: &Path, state: &DownloadState) -> Result<FileContent, CdpError> {
        // The browser tells the end a moment before the file has its name.
        while !tokio::fs::try_exists(path).await.unwrap_or(false) {
            if self.left().is_zero() {
                return Err(CdpError::Page(Failure::new(
                    ErrorKind::Timeout,
                    "the downloaded file is not there",
                )));
            }
            tokio::time::sleep(FILE_POLL).await;
        }
        let bytes = tokio::fs::read(path).await.map_err(|error| io(&error))?;
        let name = safe_name(&state.name);
        Ok(FileContent { media_type: media_type(&name).to_owned(), name, bytes: Bytes::from(bytes) })
    }

    fn cancel(&self, guid: &str) {
        let mut cancel = CancelDownloadParams::new(guid);
        cancel.browser_context_id = Some(BrowserContextId::new(self.context.id.clone()));
        self.context.browser.post(&cancel);
    }

    async fn allow_downloads(&self, directory: Option<&Path>) -> Result<(), CdpError> {
        let behavior = match directory {
            Some(_) => SetDownloadBehaviorBehavior::AllowAndName,
            None => SetDownloadBehaviorBehavior::Deny,
        };
        let mut params = SetDownloadBehaviorParams::new(behavior);
        params.browser_context_id = Some(BrowserContextId::new(self.context.id.clone()));
        params.download_path = directory.map(|path| path.to_string_lossy().into_owned());
        params.events_enabled = Some(true);
        self.context.browser.call(params).await?;
        Ok(())
    }

    /// Files pass through the file system that browser and worker share.
    fn require_files(&self, action: &str) -> Result<(), CdpError> {
        if self.context.host.shares_files() {
            return Ok(());
        }
        let message =
            format!("`{action}` needs a browser of our own, or one that shares a directory with us");
        Err(CdpError::Page(Failure::new(ErrorKind::Internal, message).with_reason("unsupported")))
    }
}

fn io(error: &std::io::Error) -> CdpError {
    CdpError::Page(Failure::new(ErrorKind::Internal, format!("a file could not be passed: {error}")))
}

/// A name that is one, whatever the server suggests: no directories, no control characters, not hidden.
fn safe_name(suggested: &str) -> String {
    let last = suggested.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String =
        last.chars().map(|c| if c.is_control() || "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let clean = clean.trim().trim_start_matches('.').trim();
    if clean.is_empty() {
        return "download".to_owned();
    }
    let extension = PathBuf::from(clean).extension().map(|e| format!(".{}", e.to_string_lossy()));
    if clean.chars().count() <= NAME_LIMIT {
        return clean.to_owned();
    }
    let extension = extension.filter(|e| e.chars().count() < 16).unwrap_or_default();
    let stem: String = clean.chars().take(NAME_LIMIT - extension.chars().count()).collect();
    stem + &extension
}

/// The media type by the name: the server's word is not handed on for downloads.
fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv") => "text/csv",
        Some("txt" | "log" | "md") => "text/plain",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("html" | "htm") => "text/html",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("xls") => "application/vnd.ms-excel",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_name_leads_nowhere() {
        assert_eq!(safe_name("../../etc/passwd"), "passwd");
        assert_eq!(safe_name("C:\\windows\\a.exe"), "a.exe");
        assert_eq!(safe_name("..."), "download");
        assert_eq!(safe_name(".bashrc"), "bashrc");
        assert_eq!(safe_name("a\u{0}b?.csv"), "a_b_.csv");
        let long = safe_name(&format!("{}.pdf", "x".repeat(500)));
        assert!(long.len() == NAME_LIMIT && long.ends_with(".pdf"));
    }
}
