"""From a cursor to a suggestion: trigger, cache, recall, anchor, prompt, generate, post-process."""
