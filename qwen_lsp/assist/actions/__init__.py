"""What a code action asks for, and how its answer becomes a minimal edit."""
