"""The generate-test-fix tab."""
