"""`micropen pen conformance`: the checks of protocol/conformance on the pen at a port."""
