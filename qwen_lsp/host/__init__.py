"""The shared process: one engine, one API, one port, loopback only."""
