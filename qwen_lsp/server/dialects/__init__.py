"""Other APIs' requests and answers in our words and back: pure translations, no routes, no engine room."""
