//! What every [`Browser`] must do: one list of named cases.
//!
//! A back end implements [`BrowserBench`] and turns the list into tests of its own:
//!
//! ```text
//! macro_rules! browser_case {
//!     ($($name:ident)*) => {
//!         $(
//!             #[tokio::test]
//!             async fn $name() {
//!                 aef_testkit::conformance::browser::cases::$name(&MyBench::start().await).await;
//!             }
//!         )*
//!     };
//! }
//! aef_testkit::for_each_browser_case!(browser_case);
//! ```

#[expect(clippy::missing_panics_doc, reason = "a case panics where the browser does not do as it must")]
mod input;
#[expect(clippy::missing_panics_doc, reason = "a case panics where the browser does not do as it must")]
mod live;
#[expect(clippy::missing_panics_doc, reason = "a case panics where the browser does not do as it must")]
mod navigation;
mod pages;
#[expect(clippy::missing_panics_doc, reason = "a case panics where the browser does not do as it must")]
mod reading;
mod scripted;
#[expect(clippy::missing_panics_doc, reason = "a case panics where the browser does not do as it must")]
mod session;
mod visit;

use std::sync::Arc;

use aef_core::browser::Browser;
use async_trait::async_trait;

pub use pages::Pages;
pub use scripted::scripted_pages;

/// The cases, each a function of a bench that panics where the browser does not do as it must.
pub mod cases {
    pub use super::input::*;
    pub use super::live::*;
    pub use super::navigation::*;
    pub use super::reading::*;
    pub use super::session::*;
}

/// A browser with the pages that the cases visit. Each case gets a fresh one.
#[async_trait]
pub trait BrowserBench: Send + Sync {
    /// The browser.
    fn browser(&self) -> Arc<dyn Browser>;

    /// The origin of the pages: that of [`Pages`], for browsers that open real ones.
    fn origin(&self) -> String;

    /// How often the pages' server has got a POST for this path, such as `/save`.
    fn posts(&self, path: &str) -> u64;

    /// Ends the browser, as a crash of its process does.
    async fn kill(&self);
}

/// Calls a macro with the names of all cases for browsers: `callback! { name name … }`.
#[macro_export]
macro_rules! for_each_browser_case {
    ($callback:ident) => {
        $callback! {
            a_navigation_tells_address_title_and_status
            a_status_of_400_and_above_is_an_error
            a_status_that_is_allowed_is_no_error
            a_server_that_does_not_answer_is_a_navigation_error
            documents_of_other_origins_are_refused
            documents_of_other_schemes_are_refused
            the_history_is_travelled_back_and_forward
            a_reload_makes_the_page_anew
            a_click_on_a_link_navigates
            a_popup_gets_the_name_that_was_announced
            an_unannounced_popup_stays_open_and_is_told
            a_popup_that_does_not_come_is_told
            tabs_are_opened_switched_and_closed
            a_click_reaches_its_element
            a_click_waits_for_its_element
            a_missing_element_is_told_when_the_time_is_over
            several_elements_are_never_clicked
            a_ranked_target_takes_the_first_locator_that_names_one
            a_disabled_button_is_not_clicked
            a_hidden_button_is_not_clicked
            an_element_that_is_not_what_was_recorded_is_not_clicked
            fill_replaces_what_stands_in_a_field
            fill_refuses_a_field_that_cannot_be_changed
            type_appends_and_clear_empties
            enter_is_pressed_in_a_field
            options_are_chosen_by_value_label_and_place
            boxes_are_checked_and_unchecked
            a_click_that_writes_reports_it
            a_write_that_was_refused_is_reported_with_its_status
            what_only_reads_reports_no_write
            dialogs_are_dismissed_and_recorded
            dialogs_are_accepted_where_the_policy_says_so
            a_shut_gate_lets_no_input_through
            one_value_of_each_kind_is_read
            rows_are_read_with_their_fields
            a_missing_field_is_null_unless_it_is_required
            rows_are_waited_for
            conditions_are_answered_in_their_order
            a_condition_about_several_elements_does_not_hold
            conditions_are_read_once_without_a_timeout
            conditions_are_waited_for_with_a_timeout
            verify_waits_and_fails_with_what_was_seen
            what_is_waited_for_and_does_not_come_is_a_timeout
            a_new_session_has_one_empty_tab
            a_session_opens_at_its_address
            a_session_that_may_not_open_its_address_does_not_open
            a_restored_session_has_the_cookies_and_the_page
            sessions_share_nothing
            evidence_has_a_picture_and_fingerprints
            a_screenshot_is_a_file
            scripts_run_only_where_the_host_allows_them
            a_secret_is_entered_only_on_its_origins
            a_secret_stands_in_no_outcome
            closing_twice_is_no_error
            a_closed_session_is_never_lost
            a_killed_browser_loses_its_sessions
            a_watcher_gets_a_frame_of_a_page_that_does_not_change
            everybody_who_watches_gets_the_newest_frame_first
            frames_follow_what_is_done_and_where
            frames_end_with_their_session
            a_person_clicks_and_types
            a_shut_gate_lets_no_persons_input_through
            what_a_person_holds_down_is_released
            what_a_person_writes_is_told_of_no_action
        }
    };
}
