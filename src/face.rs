//! Framing and translation, no rules: how a peer speaks to us.
