"""Which languages can be run here, and how."""
