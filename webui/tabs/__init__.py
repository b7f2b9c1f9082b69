"""The tabs of the page, one folder a tab."""
