//! What every browser must do, in a real Chromium: the testkit's list of cases.

use std::sync::Arc;

use aef_browser_cdp::{CdpBrowser, LaunchOptions};
use aef_core::browser::Browser;
use aef_testkit::conformance::browser::{BrowserBench, Pages, cases};
use async_trait::async_trait;

struct ChromiumBench {
    browser: Arc<CdpBrowser>,
    pages: Pages,
}

impl ChromiumBench {
    async fn start() -> Self {
        // A test may run as root, where the sandbox cannot start; it opens its own pages only.
        let browser = CdpBrowser::launch(LaunchOptions { no_sandbox: true, ..LaunchOptions::default() })
            .await
            .expect("`apt install chromium chromium-headless-shell` provides the browser");
        Self { browser: Arc::new(browser), pages: Pages::start().expect("a server starts on loopback") }
    }
}

#[async_trait]
impl BrowserBench for ChromiumBench {
    fn browser(&self) -> Arc<dyn Browser> {
        self.browser.clone()
    }

    fn origin(&self) -> String {
        self.pages.origin()
    }

    fn posts(&self, path: &str) -> u64 {
        self.pages.posts(path)
    }

    async fn kill(&self) {
        let process = self.browser.process_id().await.expect("the browser runs");
        let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
        assert!(killed.expect("`kill` runs").success());
    }
}

macro_rules! browser_case {
    ($($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                cases::$name(&ChromiumBench::start().await).await;
            }
        )*
    };
}
aef_testkit::for_each_browser_case!(browser_case);
