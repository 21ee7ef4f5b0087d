//! The layers of the crates, from the lowest. A new crate is entered here.

/// A crate may depend on crates of lower layers, and within a layer where [`Layer::has_inner_edges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Ids and checked numbers.
    Domain,
    /// Computation and contracts: no I/O.
    Pure,
    /// One crate per external thing: a store, a log, a model, an index, the network.
    Io,
    /// A process, or a library that only processes use. They call each other by the contracts in
    /// proto.
    Service,
    /// Starts the services.
    Server,
    /// Simulates, demonstrates, evaluates and measures a running server.
    Lab,
    /// The binary, and the tests over all of it.
    Top,
}

impl Layer {
    /// Returns whether crates of this layer may use each other. Cargo keeps such edges free of
    /// circles.
    pub(crate) fn has_inner_edges(self) -> bool {
        matches!(self, Self::Pure | Self::Io)
    }
}

const LAYERS: &[(Layer, &[&str])] = &[
    (Layer::Domain, &["fairlead-domain"]),
    (
        Layer::Pure,
        &[
            "fairlead-proto",
            "fairlead-identity",
            "fairlead-experiments",
            "fairlead-decision-table",
            "fairlead-price-engine",
            "fairlead-release",
            "fairlead-registry",
        ],
    ),
    (
        Layer::Io,
        &[
            "fairlead-authentication",
            "fairlead-chassis",
            "fairlead-client",
            "fairlead-event-log",
            "fairlead-import",
            "fairlead-release-follow",
            "fairlead-inference",
            "fairlead-vector-index",
            "fairlead-online",
        ],
    ),
    (
        Layer::Service,
        &[
            "fairlead-gateway",
            "fairlead-profile",
            "fairlead-recall",
            "fairlead-ranking",
            "fairlead-pricing",
            "fairlead-control-plane",
            "fairlead-stream",
            "fairlead-lake",
            "fairlead-training",
        ],
    ),
    (Layer::Server, &["fairlead-server"]),
    (Layer::Lab, &["fairlead-lab"]),
    (Layer::Top, &["fairlead", "fairlead-tests"]),
];

/// Real servers for tests: a dev-dependency of every crate, a dependency of none but
/// [`SERVICE_TESTKIT`].
pub(crate) const TESTKIT: &str = "fairlead-testkit";

/// Starts one service for its own tests: a dev-dependency of services and of what is above them.
pub(crate) const SERVICE_TESTKIT: &str = "fairlead-service-testkit";

/// One set of features for outside crates, written by cargo hakari: everyone's dependency, without code.
pub(crate) const WORKSPACE_HACK: &str = "fairlead-workspace-hack";

/// Returns the layer of a crate, or `None` if it is not entered.
pub(crate) fn layer_of(name: &str) -> Option<Layer> {
    LAYERS
        .iter()
        .find(|(_, crates)| crates.contains(&name))
        .map(|(layer, _)| *layer)
}

/// Returns every crate that is entered, with the two testkits.
pub(crate) fn entered() -> impl Iterator<Item = &'static str> {
    LAYERS
        .iter()
        .flat_map(|(_, crates)| crates.iter().copied())
        .chain([TESTKIT, SERVICE_TESTKIT, WORKSPACE_HACK])
}
