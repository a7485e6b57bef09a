//! What a transform has found, and what it did about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a transform has found and done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TransformReport")]
pub struct Report {
    /// How much there is of what.
    pub counts: Counts,
    /// How long the procedure takes by the SOP's own estimates, in minutes, at least 5.
    pub estimated_duration: u64,
    /// What a person should look at, in the order of the nodes; what is about the whole comes first.
    pub warnings: Vec<Warning>,
}

/// How much there is of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TransformCounts")]
pub struct Counts {
    /// Nodes of the SOP.
    pub nodes: usize,
    /// Edges of the SOP, structural ones included.
    pub edges: usize,
    /// Steps of the document, with those in containers.
    pub steps: usize,
    /// Decisions of the document.
    pub decisions: usize,
    /// Loops of the document.
    pub loops: usize,
    /// Groups of the document.
    pub groups: usize,
    /// Steps of the document that a person does.
    pub manual_steps: usize,
    /// Steps before which a person is asked. A step that a person does counts where its policy asks: its own question is
    /// the checkpoint.
    pub checkpoints: usize,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TransformWarning")]
pub struct Warning {
    /// What it is.
    pub code: WarningCode,
    /// The node that it is about, by its id in the SOP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The edge that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeRef>,
    /// What was found and what was done about it.
    pub message: String,
}

/// An edge of an SOP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SopEdge")]
pub struct EdgeRef {
    /// Its place in `public.edges`, from 0.
    pub index: usize,
    /// The node it leaves.
    pub source: String,
    /// The node it leads to.
    pub target: String,
}

/// One line: `loop_without_exit_edge (node each_mail): …`.
impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code.as_str())?;
        match (&self.node, &self.edge) {
            (_, Some(edge)) => write!(out, " (edge {} → {})", edge.source, edge.target)?,
            (Some(node), None) => write!(out, " (node {node})")?,
            (None, None) => {}
        }
        write!(out, ": {}", self.message)
    }
}

macro_rules! warning_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a warning is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "TransformWarningCode")]
        #[non_exhaustive]
        pub enum WarningCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl WarningCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as a report writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

warning_codes! {
    /// The SOP has no `meta`, or no title or id in it; they are made of what there is.
    MetaMissing = "meta_missing",
    /// The id is the generator's placeholder; another one is made of the title.
    MetaIdPlaceholder = "meta_id_placeholder",
    /// There are no edges; the nodes run in the order in which they stand.
    EdgesMissing = "edges_missing",
    /// A trigger has a type that is not known; it is kept.
    TriggerTypeUnknown = "trigger_type_unknown",
    /// A node names no parent, and stands in the children of one.
    ParentInferredFromChildren = "parent_inferred_from_children",
    /// A node names a parent that does not list it.
    ChildAddedFromParent = "child_added_from_parent",
    /// A node has several parents; the one that it names itself counts, else the first.
    MultiParent = "multi_parent",
    /// There are several places to begin.
    MultipleEntryNodes = "multiple_entry_nodes",
    /// An edge crosses the bounds of a container.
    CrossBoundaryEdge = "cross_boundary_edge",
    /// A decision has fewer than two ways to go.
    DecisionIncomplete = "decision_incomplete",
    /// A person chooses among other answers than yes and no.
    DecisionCustomLabels = "decision_custom_labels",
    /// A loop repeats nothing: it becomes a group.
    LoopUsedAsContainer = "loop_used_as_container",
    /// No edge leads back to a loop; the next iteration begins after its last child.
    LoopWithoutIterationEdge = "loop_without_iteration_edge",
    /// No edge leads on from a loop.
    LoopWithoutExitEdge = "loop_without_exit_edge",
    /// No edge joins the children of a container; they run in the order in which they stand.
    ContainerChildrenWithoutEdges = "container_children_without_edges",
    /// Nothing follows a node, and it is no end.
    DeadEnd = "dead_end",
    /// An edge leads back without being an iteration; it may be followed 100 times.
    RetryCycle = "retry_cycle",
    /// A node belongs to a loop by its edges alone; it is adopted.
    DetachedLoopBody = "detached_loop_body",
    /// No way leads to a node; it stands at the end of its container and is never run.
    Unreachable = "unreachable",
    /// There is no node of type end.
    NoEndNode = "no_end_node",
    /// A node has a type that is not known; it is taken for a task, or for a group where it has children.
    NodeTypeUnknown = "node_type_unknown",
    /// A locator was guessed from words.
    LocatorGuessed = "locator_guessed",
    /// A person does this step, as nothing in it can be executed.
    ManualStep = "manual_step",
    /// Something has no place of its own in a document and is kept under `x-sop`.
    FieldKeptAsExtension = "field_kept_as_extension",
}
