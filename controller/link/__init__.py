"""Bytes, frames, requests and the life of a connection; the lowest floor of the controller."""
