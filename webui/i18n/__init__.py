"""Every text of the page, in English and Chinese."""
