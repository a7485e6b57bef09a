//! The command line of the browser.

use std::{ffi::OsString, path::Path};

use super::{LaunchOptions, executable::is_shell};

/// Keeps the browser from contacting anybody on its own account, from throttling pages that are not in front,
/// and from asking questions that no automation answers.
const ARGUMENTS: [&str; 34] = [
    "--allow-pre-commit-input",
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-hang-monitor",
    "--disable-infobars",
    "--disable-ipc-flooding-protection",
    "--disable-popup-blocking",
    "--disable-prompt-on-repost",
    "--disable-quic",
    "--disable-renderer-backgrounding",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--force-color-profile=srgb",
    // Datagrams would go round the policy.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-service-autorun",
    "--password-store=basic",
    "--use-mock-keychain",
];

/// Features that speak with foreign hosts, or that put a document in a place where it cannot be followed.
///
/// With `RenderDocument` a new document gets a frame host of its own in the same process, and a dialog that the old one
/// opens at that moment cannot be answered any more: neither of them goes on.
const DISABLED_FEATURES: &str = "--disable-features=AutofillServerCommunication,CertificateTransparencyComponentUpdater,\
DialMediaRouteProvider,GlobalMediaControls,HttpsUpgrades,InterestFeedContentSuggestions,MediaRouter,\
OptimizationHints,Prerender2,RenderDocument,Translate";

/// The arguments for a browser with this profile.
pub(super) fn arguments(options: &LaunchOptions, executable: &Path, profile: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ARGUMENTS.iter().map(OsString::from).collect();
    arguments.push(DISABLED_FEATURES.into());
    // A port of the system's choice; the browser writes it into its profile.
    arguments.push("--remote-debugging-port=0".into());
    let mut directory = OsString::from("--user-data-dir=");
    directory.push(profile);
    arguments.push(directory);
    if options.headless && !is_shell(executable) {
        arguments.push("--headless=new".into());
    }
    if options.no_sandbox {
        arguments.push("--no-sandbox".into());
    }
    if let Some(proxy) = &options.proxy {
        arguments.push(format!("--proxy-server={proxy}").into());
        // Without it loopback addresses go round the proxy.
        arguments.push("--proxy-bypass-list=<-loopback>".into());
    }
    arguments.extend(options.args.iter().map(OsString::from));
    arguments.push("about:blank".into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_stays_unless_it_is_given_up() {
        let profile = Path::new("/profile");
        let shell = Path::new("/usr/lib/chromium/chromium-headless-shell");
        let kept = arguments(&LaunchOptions::default(), shell, profile);
        assert!(!kept.contains(&"--no-sandbox".into()));
        assert!(!kept.contains(&"--headless=new".into()));
        let options = LaunchOptions { no_sandbox: true, ..LaunchOptions::default() };
        let given_up = arguments(&options, Path::new("/usr/lib/chromium/chromium"), profile);
        assert!(given_up.contains(&"--no-sandbox".into()));
        assert!(given_up.contains(&"--headless=new".into()));
        assert!(given_up.contains(&"--user-data-dir=/profile".into()));
    }
}
